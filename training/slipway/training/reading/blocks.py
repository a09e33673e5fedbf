"""A file of decoded pixels in the making: a `.npy` array that is written block by block and can be gone on with.

A journal beside it notes the sha256 of each block that was written. After a kill the blocks that are as the journal
says are kept and the others written again; neither file is trusted, and a torn last line of the journal counts for
nothing. The same digests then stand in the seal of the finished file, against which it is verified.
"""

import hashlib
import io
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from slipway.training.reading.pixels import Pixels, Size
from slipway.training.reading.source import Source

BLOCK_BYTES: Final = 8 * 1024 * 1024
DIGEST: Final = 64
Progress = Callable[[int, int], None]
"""Told how many blocks of how many are there."""


@dataclass(frozen=True)
class Layout:
    """Where the rows of an array are in its file."""

    count: int
    size: Size

    @property
    def header(self) -> bytes:
        """The beginning of the file, as numpy writes it."""
        buffer = io.BytesIO()
        shape = (self.count, *self.size, 3)
        np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": shape})
        return buffer.getvalue()

    @property
    def row_bytes(self) -> int:
        """What one row takes."""
        return self.size[0] * self.size[1] * 3

    @property
    def bytes(self) -> int:
        """What the file takes."""
        return len(self.header) + self.count * self.row_bytes

    @property
    def blocks(self) -> list[range]:
        """The rows of each block."""
        rows = max(1, BLOCK_BYTES // self.row_bytes)
        return [range(begin, min(begin + rows, self.count)) for begin in range(0, self.count, rows)]

    def place(self, block: range) -> tuple[int, int]:
        """Offset and length of a block."""
        return len(self.header) + block.start * self.row_bytes, len(block) * self.row_bytes


def write_blocks(source: Source, path: Path, journal: Path, threads: int, progress: Progress) -> list[str]:
    """Write every block that is not there yet, sync the file, and return the digests of all."""
    layout = Layout(source.count, source.size)
    blocks = layout.blocks
    path.touch()
    with path.open("r+b") as file, ThreadPoolExecutor(threads) as pool:
        descriptor = file.fileno()
        digests = _kept(descriptor, layout, journal)
        os.ftruncate(descriptor, layout.bytes)
        # A full disk is told before hours of work, not in the middle of it.
        os.posix_fallocate(descriptor, 0, layout.bytes)
        os.pwrite(descriptor, layout.header, 0)
        with journal.open("w", encoding="ascii") as notes:
            notes.writelines(f"{number} {digest}\n" for number, digest in digests.items())
            missing = {
                pool.submit(_write, source, descriptor, layout, block): number
                for number, block in enumerate(blocks)
                if number not in digests
            }
            try:
                for future in as_completed(missing):
                    digests[missing[future]] = future.result()
                    notes.write(f"{missing[future]} {future.result()}\n")
                    notes.flush()
                    progress(len(digests), len(blocks))
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        os.fsync(descriptor)
    return [digests[number] for number in range(len(blocks))]


def damaged(path: Path, layout: Layout, digests: Sequence[str], threads: int) -> range | None:
    """The rows of the first block that is not what its digest says; None for a good file."""
    blocks = layout.blocks
    if path.stat().st_size != layout.bytes or len(digests) != len(blocks):
        return range(layout.count)
    with path.open("rb") as file, ThreadPoolExecutor(threads) as pool:
        if file.read(len(layout.header)) != layout.header:
            return range(layout.count)
        found = pool.map(lambda block: _digest(file.fileno(), layout, block), blocks)
        return next((block for block, now, then in zip(blocks, found, digests, strict=True) if now != then), None)


def _write(source: Source, descriptor: int, layout: Layout, block: range) -> str:
    pixels: Pixels = np.empty((len(block), *layout.size, 3), np.uint8)
    source.read(np.arange(block.start, block.stop), pixels)
    offset, _ = layout.place(block)
    data = pixels.data.cast("B")
    written = 0
    while written < len(data):
        written += os.pwrite(descriptor, data[written:], offset + written)
    return hashlib.sha256(data).hexdigest()


def _kept(descriptor: int, layout: Layout, journal: Path) -> dict[int, str]:
    """Blocks of an earlier attempt that are as its journal says."""
    blocks = layout.blocks
    return {
        number: digest
        for number, digest in _notes(journal)
        if number < len(blocks) and _digest(descriptor, layout, blocks[number]) == digest
    }


def _notes(journal: Path) -> Iterator[tuple[int, str]]:
    try:
        lines = journal.read_text(encoding="ascii", errors="replace").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        number, _, digest = line.partition(" ")
        if number.isdecimal() and len(digest) == DIGEST:
            yield int(number), digest


def _digest(descriptor: int, layout: Layout, block: range) -> str:
    offset, length = layout.place(block)
    return hashlib.sha256(os.pread(descriptor, length, offset)).hexdigest()
