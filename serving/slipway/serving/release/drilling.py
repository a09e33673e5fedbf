"""Drilling the way back: a release is fetched and verified from the channel as a device would.

It is done before a rollout begins, while nobody needs it. The real device's client reads the channel, every file of the
bundle comes over the wire, and the bundle is verified as a whole. What runs on the device has proven itself there when
the release was new; that is not repeated here.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from slipway.serving.bundle.manifest import MANIFEST
from slipway.serving.bundle.verifying import verify
from slipway.serving.channel.errors import Untrusted
from slipway.serving.channel.looking import Channel, Remote
from slipway.serving.release.metering import Meter
from slipway.serving.release.rollouts import Released

MEND: Final = "`slipway channel verify` says what is wrong with it; nothing was released."


@dataclass(frozen=True)
class Drill:
    """A way back that holds."""

    release: int
    files: int
    size: int

    @property
    def told(self) -> str:
        """In words."""
        return (
            f"the way back was drilled: release {self.release} came from the channel as devices get it "
            f"({self.files} files, {self.size / 1e6:.1f} MB) and is sound"
        )


def drill(channel: Channel, released: Released, folder: Path, *, now: datetime, meter: Meter) -> Drill:
    """Fetch a release into an empty folder, and verify it."""
    look = channel.look(released.model, now=now)
    release = next((one for one in (look.base, look.target) if one and one.number == released.number), None)
    if release != released.signed:
        raise Untrusted(
            f"Devices are not told of release {released.number} of {released.model} as the ledger has it.",
            mend="`slipway channel keepalive` makes the channel equal to the ledger.",
        )
    manifest, data = channel.manifest(release)
    remotes = channel.files(release, tuple(manifest.files))
    total = sum(one.size for one in remotes)
    meter.expect(f"drilling the way back to release {released.number}", total)
    for name, remote in zip(manifest.files, remotes, strict=True):
        for size in _fetched(channel, remote, folder / name):
            meter.advance(size)
    (folder / MANIFEST).write_bytes(data)
    verify(folder, digest=released.bundle)
    return Drill(released.number, len(remotes) + 1, total + len(data))


def _fetched(channel: Channel, remote: Remote, path: Path) -> Iterator[int]:
    """Write a file; the sizes of its pieces as they come."""
    digest = hashlib.sha256()
    with path.open("xb") as file:
        for piece in channel.read(remote):
            digest.update(piece)
            file.write(piece)
            yield len(piece)
    if digest.hexdigest() != remote.sha256:
        raise Untrusted(
            f"{remote.path} came with the sha256 {digest.hexdigest()}, expected {remote.sha256}.", mend=MEND
        )
