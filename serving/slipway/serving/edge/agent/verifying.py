"""What lies in a slot, held against what was put there, and against what a bundle may be.

Files that are not those of the manifest are damage and say nothing of the release; they are fetched again. What is
wrong with a bundle whose files are the right ones is wrong with the release.
"""

import hashlib

from slipway.serving.bundle.errors import BadBundle
from slipway.serving.bundle.folder import LARGEST_MANIFEST, read_manifest
from slipway.serving.bundle.manifest import MANIFEST
from slipway.serving.bundle.verifying import verify
from slipway.serving.edge.agent.effects import Device, Done, Failed, Failing
from slipway.serving.edge.agent.ports import Disk
from slipway.serving.edge.agent.refusing import manifest_refused
from slipway.serving.edge.agent.slots import Layout
from slipway.serving.edge.agent.state import Installed


def verified(layout: Layout, device: Device, disk: Disk, installed: Installed) -> Done | Failed:
    """Whether a slot holds the whole bundle for this device, nothing else, and the bundle is one that may be."""
    damage = damaged(layout, device, disk, installed)
    if damage is not None:
        return Failed(Failing.DAMAGED, damage)
    folder = disk.path(layout.slot(installed.slot))
    try:
        bundle = verify(folder, digest=installed.release.bundle, device_class=device.device_class)
    except BadBundle as error:
        return Failed(Failing.WRONG, str(error))
    why = manifest_refused(bundle.manifest, installed.release, device)
    return Done() if why is None else Failed(Failing.WRONG, why)


def damaged(layout: Layout, device: Device, disk: Disk, installed: Installed) -> str | None:
    """The first of the files in a slot that is not what the release has; what the bundle may be is not asked again."""
    slot = layout.slot(installed.slot)
    data = disk.read(f"{slot}/{MANIFEST}", LARGEST_MANIFEST) or b""
    if hashlib.sha256(data).hexdigest() != installed.release.bundle:
        return f"{slot} does not hold the manifest of release {installed.release.number}."
    manifest = read_manifest(data, slot)
    if device.device_class not in manifest.devices:
        return None
    names = manifest.files_for(device.device_class)
    for name in names:
        if disk.size(f"{slot}/{name}") != manifest.files[name].size:
            return f"{name} in {slot} is not there, or has another size."
        found = hashlib.sha256()
        for piece in disk.pieces(f"{slot}/{name}"):
            found.update(piece)
        if found.hexdigest() != manifest.files[name].sha256:
            return f"{name} in {slot} has other bytes than the manifest says."
    others = sorted({*disk.list(slot)} - {*names, MANIFEST})
    return f"{others[0]!r} in {slot} is nothing of the bundle." if others else None
