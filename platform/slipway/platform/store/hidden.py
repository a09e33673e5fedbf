"""The hidden folder of a store in a directory: files on their way to becoming objects, and the store's clock.

It lies inside the store, so that a file can be linked or moved from it to its key in one step. No key leads into it.
What a killed writer left in it is removed by a later writer, once it is older than a grace period by the store's own
clock: a file that is still written to is never that old.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from slipway.platform.store import disk

NAME = ".incoming"
GRACE = timedelta(days=1)


class HiddenFolder:
    """`durable` is shared with the store: folders whose names are known to be on disk."""

    def __init__(self, root: Path, durable: set[Path], *, grace: timedelta, unique: Callable[[], str]) -> None:
        self._root = root
        self._path = root / NAME
        self._durable = durable
        self._grace = grace
        self._unique = unique
        self._swept = False

    @contextmanager
    def temporary(self, chunks: Iterable[bytes]) -> Iterator[Path]:
        """A complete, synced file with this content; gone afterwards."""
        disk.make_folder(self._path, self._root, self._durable)
        self._sweep()
        path = self._path / f"write-{self._unique()}"
        try:
            disk.write_durably(path, chunks)
            yield path
        finally:
            with suppress(OSError):
                os.unlink(path)

    def clock_ns(self) -> int:
        """What time it is for the store."""
        disk.make_folder(self._path, self._root, self._durable)
        return disk.clock_ns(self._path, f"clock-{self._unique()}")

    def _sweep(self) -> None:
        """Once for each store object; failing to is no reason not to write."""
        if self._swept:
            return
        self._swept = True
        with suppress(OSError):
            left = [(entry.path, entry.stat().st_mtime_ns) for entry in os.scandir(self._path)]
            now = self.clock_ns() if left else 0
            for path, written in left:
                if timedelta(microseconds=(now - written) // 1000) > self._grace:
                    os.unlink(path)
