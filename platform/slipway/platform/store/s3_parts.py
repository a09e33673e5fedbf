"""A large file as the parts of a multipart upload.

How a file is cut depends on its size alone, so that a later process cuts it alike and knows its parts again. A part's
ETag is the MD5 of its bytes, the ETag of a finished object that of its parts' MD5s; servers that encrypt with keys of a
vault use other ETags, and then a part is simply not known again and sent once more.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from slipway.platform.store.content import local_file
from slipway.platform.store.errors import StoreError

MOST_PARTS = 10_000
_MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Parts are numbered from 1; all but the last have the same size."""

    size: int
    part_size: int

    @classmethod
    def of(cls, size: int, wished: int) -> "Cut":
        """Parts of the wished size, or as much larger, in whole MiB, as the limit on their number asks."""
        least = -(-size // MOST_PARTS)
        return cls(size=size, part_size=wished if wished >= least else -(-least // _MIB) * _MIB)

    @property
    def numbers(self) -> range:
        return range(1, -(-self.size // self.part_size) + 1)

    def start(self, number: int) -> int:
        return (number - 1) * self.part_size

    def length(self, number: int) -> int:
        return min(self.part_size, self.size - self.start(number))


@dataclass(frozen=True, kw_only=True)
class StoredPart:
    """A part that the server has."""

    number: int
    size: int
    etag: str


class PartFile:
    """A file held open and read by parts, from several threads at once."""

    def __init__(self, path: Path, part_size: int) -> None:
        with local_file(path):
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            self._status = os.fstat(self._descriptor)
        self.path = path
        self._md5s: dict[int, str] = {}
        self.cut = Cut.of(self._status.st_size, part_size)

    def close(self) -> None:
        os.close(self._descriptor)

    def read(self, number: int) -> bytes:
        """The bytes of one part."""
        length = self.cut.length(number)
        with local_file(self.path):
            data = os.pread(self._descriptor, length, self.cut.start(number))
        if len(data) != length:
            raise self._changed()
        self._md5s[number] = hashlib.md5(data, usedforsecurity=False).hexdigest()
        return data

    def md5(self, number: int) -> str:
        """The MD5 of one part, in hex."""
        if number not in self._md5s:
            self.read(number)
        return self._md5s[number]

    def sha256(self) -> str:
        """The sha256 of the whole content, in hex."""
        total = hashlib.sha256()
        for number in self.cut.numbers:
            total.update(self.read(number))
        return total.hexdigest()

    def has(self, part: StoredPart) -> bool:
        """Whether a stored part is this file's part of that number."""
        return (
            part.number in self.cut.numbers
            and part.size == self.cut.length(part.number)
            and part.etag.strip('"') == self.md5(part.number)
        )

    def etag(self) -> str:
        """The ETag, without quotes, of the object that is made of all parts."""
        total = b"".join(bytes.fromhex(self.md5(number)) for number in self.cut.numbers)
        return f"{hashlib.md5(total, usedforsecurity=False).hexdigest()}-{len(self.cut.numbers)}"

    def check_unchanged(self) -> None:
        """Refuse to go on if the file was written to since it was opened."""
        with local_file(self.path):
            now = os.fstat(self._descriptor)
        if (now.st_size, now.st_mtime_ns) != (self._status.st_size, self._status.st_mtime_ns):
            raise self._changed()

    def _changed(self) -> StoreError:
        return StoreError(
            f"{self.path} was changed while it was sent; nothing was stored.",
            mend="Send it again when its writer is done.",
        )


def missing(cut: Cut, etags: Mapping[int, str]) -> list[int]:
    """The numbers of the parts that are still to be sent."""
    return [number for number in cut.numbers if number not in etags]
