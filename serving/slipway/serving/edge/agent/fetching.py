"""Getting a bundle into its slot, a file or a slice of one at a time, and no byte that is here already.

What the device class needs is taken from the other slot by its digest (a second name of the same content), from what
this slot held, or from the channel into `parts/<sha256>`, where a broken transfer goes on by the part's size. A file
takes its name in the slot after it was hashed as a whole, the manifest last of all. Whether everything that is missing
fits on the disk, and whether any of the day's budget is left, is asked first. Each step finds out anew what is there,
so it can be cut off anywhere.

A server without ranges sends again what is here already. So it is asked for the rest of a file once: from then on the
file comes in one go, and only where the day's budget holds the whole of it.
"""

import hashlib
from collections.abc import Iterator
from typing import Final

from slipway.serving.bundle.errors import BadBundle
from slipway.serving.bundle.folder import LARGEST_MANIFEST, read_manifest
from slipway.serving.bundle.manifest import MANIFEST, File, Manifest
from slipway.serving.channel.errors import ChannelError
from slipway.serving.channel.looking import Channel, Remote
from slipway.serving.channel.transport import Skipped
from slipway.serving.edge.agent.effects import Device, Failed, Failing, Fetched
from slipway.serving.edge.agent.ports import Clock, Disk, Meter
from slipway.serving.edge.agent.refusing import MEGABYTE, manifest_refused
from slipway.serving.edge.agent.slots import Layout, other
from slipway.serving.edge.agent.state import Installed
from slipway.serving.errors import SlipwayError

SLICE: Final = 20.0
"""Seconds after which a large file is left for other things to be done, such as a look; it goes on from there."""


class _Sliced(Exception):
    """Enough of a file for now."""


class _Left(SlipwayError):
    """Fetching ends here for now."""

    def __init__(self, why: str, failing: Failing = Failing.LATER, seconds: float | None = None) -> None:
        super().__init__(why)
        self.failed = Failed(failing, why, seconds)


class Fetching:
    """What fetches for one model; it remembers what it has hashed, and nothing that would be missed."""

    def __init__(
        self, layout: Layout, device: Device, *, disk: Disk, clock: Clock, channel: Channel, meter: Meter
    ) -> None:
        self._layout, self._device = layout, device
        self._disk, self._clock, self._meter = disk, clock, meter
        self.channel = channel
        self._manifest: Manifest | None = None
        self._bytes = b""
        self._begun: Installed | None = None
        self._sound: set[tuple[str, str]] = set()

    def next(self, coming: Installed) -> Fetched | Failed:
        """Get one more file, or what comes of it in `SLICE`; `left` is how many are missing yet, or 0."""
        try:
            return self._next(coming)
        except _Left as left:
            return left.failed
        except BadBundle as error:
            return Failed(Failing.WRONG, str(error))
        except (ChannelError, OSError) as error:
            return Failed(Failing.LATER, said(error))

    def forget(self) -> None:
        """What lies on the disk may be other than it was."""
        self._begun = None
        self._sound.clear()

    def _next(self, coming: Installed) -> Fetched:
        manifest = self._manifest_of(coming)
        if (why := manifest_refused(manifest, coming.release, self._device)) is not None:
            raise _Left(why, Failing.WRONG)
        wanted = {name: manifest.files[name] for name in manifest.files_for(self._device.device_class)}
        if self._begun != coming:
            self._sound.clear()  # another release may have taken the place of what was hashed
            self._prepare(coming, wanted)
            self._begun = coming
        missing = {name: file for name, file in wanted.items() if not self._is_there(coming, name, file)}
        if not missing:
            self._disk.replace(self._path(coming, MANIFEST), self._bytes)
            self._disk.remove(self._layout.parts)
            self._begun = None
            return Fetched(0)
        self._check_room(missing)
        name, file = next(iter(missing.items()))
        self._fetch(coming, name, file)
        return Fetched(len(missing))

    def _manifest_of(self, coming: Installed) -> Manifest:
        """From the slot where it is there already, as after a restart without a network; else from the channel."""
        if self._manifest is not None and self._manifest.digest == coming.release.bundle:
            return self._manifest
        path = self._path(coming, MANIFEST)
        held = self._disk.read(path, LARGEST_MANIFEST)
        if held is not None and hashlib.sha256(held).hexdigest() == coming.release.bundle:
            self._manifest, self._bytes = read_manifest(held, path), held
        else:
            self._manifest, self._bytes = self.channel.manifest(coming.release)
        return self._manifest

    def _prepare(self, coming: Installed, wanted: dict[str, File]) -> None:
        """Leave in the slot what is wanted there, keep what is wanted under another name, and clear the rest away."""
        slot = self._layout.slot(coming.slot)
        digests = {file.sha256 for file in wanted.values()}
        if self._disk.read(f"{slot}/{MANIFEST}", LARGEST_MANIFEST) != self._bytes:
            self._disk.remove(f"{slot}/{MANIFEST}")
            self._disk.remove(self._layout.engines(coming.slot))
        for name in self._disk.list(slot):
            if name == MANIFEST or (name in wanted and self._is_there(coming, name, wanted[name])):
                continue
            found = self._hash_of_anything(f"{slot}/{name}")
            if found is not None and found in digests:
                self._disk.rename(f"{slot}/{name}", self._layout.part(found))
            else:
                self._disk.remove(f"{slot}/{name}")
        for part in self._disk.list(self._layout.parts):
            if part not in digests:
                self._disk.remove(f"{self._layout.parts}/{part}")
        self._link(coming, wanted)

    def _link(self, coming: Installed, wanted: dict[str, File]) -> None:
        """Take from the other slot what is the same there."""
        slot = self._layout.slot(other(coming.slot))
        held = self._disk.read(f"{slot}/{MANIFEST}", LARGEST_MANIFEST)
        if held is None:
            return
        try:
            files = read_manifest(held, slot).files
        except BadBundle:
            return
        there = {file.sha256: name for name, file in files.items()}
        for name, file in wanted.items():
            source = there.get(file.sha256)
            if source is None or self._is_there(coming, name, file):
                continue
            if self._disk.size(f"{slot}/{source}") == file.size and self._hash(f"{slot}/{source}") == file.sha256:
                self._disk.link(f"{slot}/{source}", self._path(coming, name))

    def _is_there(self, coming: Installed, name: str, file: File) -> bool:
        path = self._path(coming, name)
        if (path, file.sha256) in self._sound:
            return True
        if self._disk.size(path) != file.size or self._hash(path) != file.sha256:
            return False
        self._sound.add((path, file.sha256))
        return True

    def _check_room(self, missing: dict[str, File]) -> None:
        parts = {file.sha256: self._disk.size(self._layout.part(file.sha256)) or 0 for file in missing.values()}
        sizes = {file.sha256: file.size for file in missing.values()}
        needed = sum(max(0, size - parts[digest]) for digest, size in sizes.items())
        room = self._disk.free()
        if needed + len(self._bytes) > room:
            raise _Left(
                f"{needed / MEGABYTE:,.1f} MB are to be fetched, and {room / MEGABYTE:,.1f} MB are free on the disk, "
                "beyond what stays reserved."
            )
        if needed and self._meter.left() == 0:
            raise _Left(
                f"{needed / MEGABYTE:,.1f} MB are to be fetched, and the day's budget of bytes is spent.",
                seconds=self._meter.renewed_in(),
            )

    def _fetch(self, coming: Installed, name: str, file: File) -> None:
        twin = next((path for path, digest in self._sound if digest == file.sha256), None)
        if twin is not None:
            self._disk.link(twin, self._path(coming, name))
            return
        part = self._layout.part(file.sha256)
        size = self._disk.size(part) or 0
        if size < file.size or not size:
            remote = self._remote(coming, name, file)
            try:
                size = self._disk.write_from(part, size, self._pieces(remote, size))
            except _Sliced:
                return
        if size < file.size:
            raise _Left(f"{name} ended after {size:,} of {file.size:,} bytes.")
        if size > file.size or (found := self._hash(part)) != file.sha256:
            self._disk.remove(part)
            told = f"has more than {file.size:,} bytes" if size > file.size else f"has the sha256 {found}"
            raise _Left(f"{name} {told}, the manifest says {file.sha256}; it was removed.")
        self._disk.rename(part, self._path(coming, name))
        self._sound.add((self._path(coming, name), file.sha256))

    def _remote(self, coming: Installed, name: str, file: File) -> Remote:
        """The file in the channel, which the release key and the manifest must say the same of."""
        (remote,) = self.channel.files(coming.release, [name])
        if (remote.size, remote.sha256) != (file.size, file.sha256):
            raise _Left(
                f"{name} has the sha256 {remote.sha256} by the release key, the manifest says {file.sha256}.",
                Failing.LATER,  # a list that contradicts the manifest says nothing of the bundle, and can be mended
            )
        return remote

    def _pieces(self, remote: Remote, start: int) -> Iterator[bytes]:
        """What is wanted of what comes, until somebody asks to stop, the day's budget is spent or a slice is over."""
        missing, again = remote.size - start, False
        end: float | None = None
        for piece in self.channel.read(remote, start):
            if isinstance(piece, Skipped):
                if not again:
                    self._check_budget(remote, piece.size)
                    again = True
                self._count(piece.size, remote)
                continue
            end = self._clock.monotonic() + SLICE if end is None else end
            yield piece
            missing -= len(piece)
            self._count(len(piece), remote, last=not missing)
            if missing and not again and self._clock.monotonic() >= end:
                raise _Sliced

    def _check_budget(self, remote: Remote, came: int) -> None:
        """When a file begins to come again from its first byte: in parts, it would never be whole."""
        left = self._meter.left()
        if left is not None and left < remote.size:
            self._meter.take(came)
            raise _Left(
                f"The server gives {remote.path} from its first byte only, {remote.size / MEGABYTE:,.1f} MB, and "
                f"{left / MEGABYTE:,.1f} MB are left of the day's budget.",
                seconds=self._meter.renewed_in(),
            )

    def _count(self, size: int, remote: Remote, *, last: bool = False) -> None:
        """So much has come: keep to the pace, and stop where that is asked for or no more may come today."""
        if self._clock.wait(self._meter.take(size)):
            raise _Left(f"{remote.path} was left as the agent was asked to stop.", seconds=0.0)
        if self._meter.left() == 0 and not last:
            raise _Left("The day's budget of bytes is spent.", seconds=self._meter.renewed_in())

    def _hash(self, name: str) -> str:
        """Read from the disk again, in pieces."""
        found = hashlib.sha256()
        for piece in self._disk.pieces(name):
            found.update(piece)
        return found.hexdigest()

    def _hash_of_anything(self, name: str) -> str | None:
        """None of a link, a folder or what else may lie there."""
        try:
            return self._hash(name)
        except OSError:
            return None

    def _path(self, coming: Installed, name: str) -> str:
        return f"{self._layout.slot(coming.slot)}/{name}"


def said(error: Exception) -> str:
    """An error as a sentence; a full disk is told as one."""
    if isinstance(error, OSError):
        place = f" ({error.filename})" if error.filename else ""
        return f"{error.strerror or error}{place}."
    return str(error)
