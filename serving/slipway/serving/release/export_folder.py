"""Bringing a folder to one state of a channel, whoever reads it meanwhile and whenever the writer is killed.

Large files come first, then all metadata, `timestamp.json` last: until then readers see the state before, from then on
the new one. What the new state does not name is removed at the end, so a reader who had begun before may have to begin
again. The channel's first root is written before everything else and says whose folder it is: one that holds another
channel, or anything under the same names, is refused. So is a link in place of the folder or of anything that is
written or removed in it: whoever prepared a stick reaches nothing beyond it.
"""

import contextlib
import hashlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from slipway.platform.errors import SlipwayError, WrongUse
from slipway.serving.channel.errors import Untrusted
from slipway.serving.channel.looking import Remote
from slipway.serving.channel.paths import METADATA, TARGETS, stored_path
from slipway.serving.channel.transport import Transport
from slipway.serving.release.metering import Meter

README: Final = "README.txt"
FIRST_ROOT: Final = f"{METADATA}/1.root.json"
TIMESTAMP: Final = f"{METADATA}/timestamp.json"
UNFINISHED: Final = ".unfinished-"
PIECE: Final = 1024 * 1024
WRITTEN: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
SPARE: Final = 1024 * 1024
"""Bytes beyond the files themselves that must be free."""


class ExportFolder:
    """A folder that belongs to a channel with this first root, or to none yet."""

    def __init__(self, folder: Path, first_root: bytes) -> None:
        self._folder = folder
        self._first_root = first_root
        self._check()

    def write(self, source: Transport, small: Mapping[str, bytes], large: Iterable[Remote], meter: Meter) -> None:
        """Bring it to the state that these files are; the large ones are read from `source`."""
        wanted = {stored_path(one.path, one.sha256): one for one in large}
        missing = {path: one for path, one in wanted.items() if not self._has(path, one)}
        total = sum(one.size for one in missing.values())
        self._check_room(total + sum(map(len, small.values())))
        self._put(FIRST_ROOT, [self._first_root])
        meter.expect("copying", total)
        for path, remote in missing.items():
            self._put(path, _metered(_checked(source, path, remote), meter))
        for path, data in sorted(small.items(), key=lambda item: (item[0].startswith(METADATA), item[0])):
            if path != TIMESTAMP:
                self._put(path, [data])
        self._put(TIMESTAMP, [small[TIMESTAMP]])
        self._sweep({*wanted, *small})

    def note(self, text: str) -> None:
        """Write what people read."""
        self._put(README, [text.encode()])

    def _check(self) -> None:
        if self._folder.exists() and not self._folder.is_dir():
            raise WrongUse(f"{self._folder} is no folder.")
        self._refuse_links()
        taken = [name for name in (METADATA, TARGETS) if (self._folder / name).exists()]
        root = self._folder / FIRST_ROOT
        found = root.read_bytes() if root.is_file() else None
        if taken and found != self._first_root:
            what = "another channel" if found else f"a folder `{taken[0]}` that is no channel's"
            raise WrongUse(f"{self._folder} holds {what}.", mend="Name an empty folder, or remove that first.")

    def _refuse_links(self) -> None:
        """Nothing of ours is a link."""
        _refuse_link(self._folder)
        if not self._folder.exists():
            return
        for place in self._folder.iterdir():
            if place.name in {METADATA, TARGETS, README} or place.name.startswith(UNFINISHED):
                _refuse_link(place)
        for top in (METADATA, TARGETS):
            for folder, folders, files in os.walk(self._folder / top):
                for name in (*folders, *files):
                    _refuse_link(Path(folder, name))

    def _check_room(self, needed: int) -> None:
        above = next(one for one in (self._folder.absolute(), *self._folder.absolute().parents) if one.exists())
        free = shutil.disk_usage(above).free
        if free < needed + SPARE:
            raise SlipwayError(
                f"{self._folder} has room for {free / 1e6:,.1f} MB, and {needed / 1e6:,.1f} MB are needed.",
                mend="Take a larger one, or fewer models and classes: --model, --class.",
            )

    def _has(self, path: str, remote: Remote) -> bool:
        """Whether a file is there already, whole."""
        place = self._folder / path
        if not place.is_file() or place.stat().st_size != remote.size:
            return False
        with place.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == remote.sha256

    def _put(self, path: str, pieces: Iterable[bytes]) -> None:
        """Write a file as a whole, and have it on the disk."""
        place = self._folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        for above in (place, *place.parents):
            _refuse_link(above)
            if above == self._folder:
                break
        unfinished = place.with_name(UNFINISHED + place.name)
        unfinished.unlink(missing_ok=True)  # never written through, whatever it is
        try:
            with os.fdopen(os.open(unfinished, WRITTEN, 0o644), "wb") as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(place)
        finally:
            unfinished.unlink(missing_ok=True)
        _sync(place.parent)

    def _sweep(self, names: set[str]) -> None:
        """Remove what belongs to earlier states, and folders that are empty then."""
        self._refuse_links()
        for top in (METADATA, TARGETS):
            for folder, _, files in os.walk(self._folder / top, topdown=False):
                for name in files:
                    place = Path(folder, name)
                    if place.relative_to(self._folder).as_posix() not in names:
                        place.unlink()
                with contextlib.suppress(OSError):  # not empty
                    Path(folder).rmdir()


def _refuse_link(place: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISLNK(place.lstat().st_mode):
            raise WrongUse(
                f"{place} is a link: what it leads to would be written over or removed.",
                mend="Find out who made it, and remove it, or name an empty folder.",
            )


def _metered(pieces: Iterable[bytes], meter: Meter) -> Iterator[bytes]:
    for piece in pieces:
        yield piece
        meter.advance(len(piece))


def _checked(source: Transport, path: str, remote: Remote) -> Iterator[bytes]:
    """A file's bytes; they end with an error unless they are the ones that were signed."""
    digest, size = hashlib.sha256(), 0
    for piece in source.open(path):
        digest.update(piece)
        size += len(piece)
        if size > remote.size:
            break
        yield piece
    if (size, digest.hexdigest()) != (remote.size, remote.sha256):
        raise Untrusted(
            f"{source.place}: {path} is damaged: expected {remote.size:,} bytes with sha256 {remote.sha256}, "
            f"found {size:,} with {digest.hexdigest()}.",
            mend="`slipway channel verify` names all that is damaged; the folder still holds its former state.",
        )


def _sync(folder: Path) -> None:
    """Have a folder's entries on the disk, where its file system can do that."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
