"""A growing file in the store: its pieces, each named by the offset at which it begins.

A piece is put once and holds whole lines, so that whoever reads while it grows sees no torn one. The bytes of all
pieces in their order are the file.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from slipway.platform.store import ObjectMissing, Store

NAME: Final = "{:012d}"
LARGEST: Final = 8 * 1024 * 1024


class Pieces:
    """Puts what a file has grown by; goes on at `offset`. `masked` replaces bytes by as many others."""

    def __init__(self, store: Store, prefix: str, path: Path, masked: Callable[[bytes], bytes] = bytes) -> None:
        self._store, self._prefix, self._path, self._masked = store, prefix, path, masked
        self.offset = 0
        self._under_way = b""

    def put(self, *, last: bool = False) -> None:
        """Put the new whole lines; with `last` also a line without an end."""
        while piece := self._under_way or self._next(last):
            self._under_way = piece  # a write whose answer was lost may be there: no other bytes get its name
            self._store.put(self._prefix + NAME.format(self.offset), self._masked(piece))
            self.offset += len(piece)
            self._under_way = b""

    def _next(self, last: bool) -> bytes:  # noqa: FBT001 - private
        try:
            with self._path.open("rb") as file:
                file.seek(self.offset)
                grown = file.read(LARGEST)
        except FileNotFoundError:
            return b""
        whole = grown.rfind(b"\n") + 1
        return grown[:whole] if whole else grown if last or len(grown) == LARGEST else b""


def piece_at(store: Store, prefix: str, offset: int) -> bytes | None:
    """The piece that begins there, or None as long as there is none: what follows costs one read, and no list."""
    try:
        return store.get(prefix + NAME.format(offset))
    except ObjectMissing:
        return None


def read_pieces(store: Store, prefix: str, *, tail: int | None = None) -> bytes:
    """The file as far as it is stored; with `tail` at least that many bytes of its end, if there are."""
    keys = list(store.list(prefix))
    pieces: list[bytes] = []
    for key in reversed(keys):
        pieces.append(store.get(key))
        if tail is not None and sum(map(len, pieces)) >= tail:
            break
    return b"".join(reversed(pieces))
