"""Writing a plan: the images go in behind those that are there, the snapshot changes as a whole at the end."""

import hashlib
from pathlib import Path

from slipway.platform.data.errors import BadImport
from slipway.platform.data.exchange.pictures import NotAnImage, read_image
from slipway.platform.data.exchange.plan import Plan, Planned
from slipway.platform.data.manifest import Manifest
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.watching import SILENT, Watcher
from slipway.platform.data.writer import SnapshotWriter

UNKNOWN = "unknown"


def add_plan(
    plan: Plan, target: Path, base: Snapshot | None, licence: str | None, watcher: Watcher = SILENT
) -> Manifest:
    """Add the planned images to the snapshot of a folder, or make it."""
    watcher.expect("writing", len(plan.images))
    with SnapshotWriter(target, base=base) as writer:
        for identity in plan.identities:
            writer.add_identity(identity)
        for one in plan.images:
            writer.add(_unchanged(one), one.image, one.boxes)
            watcher.advance(1)
        earlier = base.manifest.licence if base is not None else UNKNOWN
        return writer.finish(plan.provenance, joined_licence(earlier, licence))


def joined_licence(earlier: str, added: str | None) -> str:
    """The licences that hold together, as an SPDX expression."""
    if added is None or added in earlier.split(" AND "):
        return earlier
    return added if earlier == UNKNOWN else f"{earlier} AND {added}"


def _unchanged(one: Planned) -> bytes:
    """The bytes that were looked at, and not what may have come in their place since."""
    try:
        data = read_image(one.path)
    except NotAnImage as problem:
        raise BadImport(f"{one.path} {problem}. Nothing was changed.", mend="Import again.") from None
    if hashlib.sha256(data).hexdigest() != one.seen.sample:
        raise BadImport(f"{one.path} changed while it was imported. Nothing was changed.", mend="Import again.")
    return data
