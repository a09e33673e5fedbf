"""Envelopes of one store's ledger that this machine has read and verified, so that only new ones are fetched.

Segments of 256 lines, `000000.jsonl` and on, each replaced as a whole; whoever is killed or races leaves an older
state, which is as good. Reading checks the chain of digests and ends where it breaks. Nothing here is trusted more than
the people file beside it: who can write into this folder can write there.
"""

import hashlib
import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

SEGMENT: Final = 256


class Cache:
    """The folder for one store, below a folder for all."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder / hashlib.sha256(url.encode()).hexdigest()[:16]

    def envelopes(self) -> Iterator[bytes]:
        """Those that are here, from the first on; what follows a short or missing segment is left alone."""
        for index in range(10**6):
            try:
                lines = self._path(index).read_bytes().splitlines()
            except OSError:
                return
            yield from lines
            if len(lines) < SEGMENT:
                return

    def keep(self, known: Sequence[bytes], first: int) -> None:
        """Write the segments in which `known`, counted from entry 1, has changed from index `first` on.

        A folder that cannot be written to costs time at the next reading and nothing else.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for index in range(first // SEGMENT, (len(known) - 1) // SEGMENT + 1):
                self._replace(index, known[index * SEGMENT : (index + 1) * SEGMENT])
        except OSError as error:
            log.info("The ledger's cache in %s cannot be written: %s", self.folder, error)

    def _path(self, index: int) -> Path:
        return self.folder / f"{index:06}.jsonl"

    def _replace(self, index: int, lines: Sequence[bytes]) -> None:
        handle, name = tempfile.mkstemp(dir=self.folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.writelines(line + b"\n" for line in lines)
            Path(name).replace(self._path(index))
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
