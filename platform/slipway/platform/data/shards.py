"""Image bytes in shards: plain tar files that any tool opens, read through a memory map at an offset.

A shard is named by the sha256 of its bytes, so shards of different origin never collide and a merge is their union.
Headers are the same everywhere (no owner, no time), so the same images in the same order give the same shard.
"""

import hashlib
import io
import mmap
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SHARD_LIMIT: Final = 64 * 1024 * 1024
FOLDER: Final = "shards"
BLOCK: Final = tarfile.BLOCKSIZE
END: Final = b"\0" * (2 * BLOCK)


@dataclass(frozen=True)
class Place:
    """Where an image's bytes are inside a shard."""

    shard: str
    offset: int
    length: int


def shard_path(folder: Path, digest: str) -> Path:
    """A shard's file in a snapshot's folder."""
    return folder / FOLDER / f"{digest}.tar"


def image_format(data: bytes) -> str | None:
    """The kind of image by its first bytes."""
    if data.startswith(b"\xff\xd8\xff"):
        return "jpg"
    return "png" if data.startswith(b"\x89PNG\r\n\x1a\n") else None


class ShardWriter:
    """Appends images to shards of at most `limit` bytes in a folder; each shard gets its name when it is full."""

    def __init__(self, folder: Path, limit: int = SHARD_LIMIT) -> None:
        self._folder = folder / FOLDER
        self._limit = limit
        self._pending: list[tuple[str, int, int]] = []
        self._buffer = io.BytesIO()
        self.sealed: dict[str, int] = {}
        """Sizes of the finished shards by name."""

    def add(self, sample: str, suffix: str, data: bytes) -> Iterator[tuple[str, Place]]:
        """Add one image; yields the places of a shard's images when that shard is finished."""
        padded = -len(data) % BLOCK
        if self._pending and self._buffer.tell() + BLOCK + len(data) + padded + len(END) > self._limit:
            yield from self.seal()
        header = tarfile.TarInfo(f"{sample}.{suffix}")
        header.size = len(data)
        header.mode = 0o644
        self._buffer.write(header.tobuf(tarfile.USTAR_FORMAT))
        self._pending.append((sample, self._buffer.tell(), len(data)))
        self._buffer.write(data)
        self._buffer.write(b"\0" * padded)

    def seal(self) -> Iterator[tuple[str, Place]]:
        """Finish the shard that is being filled, if it holds anything."""
        if not self._pending:
            return
        self._buffer.write(END)
        content = self._buffer.getbuffer()
        digest = hashlib.sha256(content).hexdigest()
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{digest}.tar"
        temporary = path.with_suffix(".part")
        temporary.write_bytes(content)
        temporary.replace(path)
        self.sealed[digest] = len(content)
        places = [(sample, Place(digest, offset, length)) for sample, offset, length in self._pending]
        del content
        self._buffer = io.BytesIO()
        self._pending = []
        yield from places


class ShardReader:
    """Random access to the images of a snapshot's shards; safe for many threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._maps: dict[str, mmap.mmap] = {}

    def read(self, place: Place) -> memoryview:
        """An image's bytes without a copy."""
        opened = self._maps.get(place.shard)
        if opened is None:
            with shard_path(self._folder, place.shard).open("rb") as file:
                # Two threads may map the same shard once each; the loser's map is dropped.
                opened = self._maps.setdefault(place.shard, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        return memoryview(opened)[place.offset : place.offset + place.length]
