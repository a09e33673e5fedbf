"""Pixels that are decoded once and then gathered from a memory-mapped file.

`cached` gives a source with the pixels of another one. Its file is a plain `.npy` named by what decides its content:
snapshot, view, size, and the code and libraries that decode. One process builds it while others wait and say so; it
gets its name when it is complete, and a build that was killed is gone on with by whoever comes next. On opening, all of
it is compared with the digests in its seal; a file that is damaged is built again. Nothing here removes files that are
no longer asked for: the folder is a cache and may be deleted when nobody reads.
"""

import fcntl
import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from slipway.platform.canonical import canonical
from slipway.platform.machine import cores
from slipway.training.reading import pixels, source
from slipway.training.reading.blocks import Layout, Progress, damaged, write_blocks
from slipway.training.reading.errors import CacheFull
from slipway.training.reading.philox import Integers
from slipway.training.reading.pixels import Pixels, Size, one_thread_each
from slipway.training.reading.source import Decoded

FOLDER = "pixels"
GRAIN = 1024
logger = logging.getLogger(__name__)


class Cached:
    """The pixels of a view, from a file that holds them decoded."""

    grain = GRAIN

    def __init__(self, path: Path) -> None:
        self.path = path
        # A plain array over the map: the map's own class makes every access slower.
        self._pixels: Pixels = np.asarray(np.load(path, mmap_mode="r"))

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self._pixels)

    @property
    def size(self) -> Size:
        """Height and width."""
        return self._pixels.shape[1], self._pixels.shape[2]

    def read(self, rows: Integers, out: Pixels) -> None:
        """Gather rows."""
        if rows.size and not 0 <= rows.min() <= rows.max() < self.count:
            raise IndexError(f"rows {rows.min()} to {rows.max()} of {self.count}")
        # The bounds are checked above; with mode="raise" numpy would copy everything twice.
        np.take(self._pixels, rows, axis=0, out=out, mode="clip")


def cached(
    decoded: Decoded,
    folder: Path,
    *,
    threads: int | None = None,
    verify: bool = True,
    progress: Progress = lambda _done, _all: None,
) -> Cached:
    """`decoded`, from a file in `folder`/pixels (`settings.data.cache` is the folder to give), built if need be."""
    files = _Files.of(decoded, folder / FOLDER)
    workers = threads or cores().threads
    one_thread_each()
    files.final.parent.mkdir(parents=True, exist_ok=True)
    if not files.good(verify=verify, threads=workers):
        with _only_one(files.lock):
            # Whoever held the lock before may have built it.
            if not files.good(verify=verify, threads=workers):
                _build(decoded, files, workers, progress)
    return Cached(files.final)


@dataclass(frozen=True)
class _Files:
    """The names of one cache file and of what stands beside it while it is made."""

    recipe: Mapping[str, Any]
    layout: Layout
    folder: Path

    @classmethod
    def of(cls, decoded: Decoded, folder: Path) -> "_Files":
        recipe = {
            "snapshot": decoded.snapshot.digest,
            "view": decoded.view.digest,
            "size": list(decoded.size),
            "code": code_version(),
        }
        return cls(recipe, Layout(decoded.count, decoded.size), folder)

    @property
    def final(self) -> Path:
        return self._named("npy")

    @property
    def seal(self) -> Path:
        return self._named("json")

    @property
    def part(self) -> Path:
        return self._named("part")

    @property
    def journal(self) -> Path:
        return self._named("journal")

    @property
    def lock(self) -> Path:
        return self._named("lock")

    def good(self, *, verify: bool, threads: int) -> bool:
        """Whether the file is there, and complete."""
        if not self.final.exists():
            return False
        if not verify and self.final.stat().st_size == self.layout.bytes:
            return True
        wrong = damaged(self.final, self.layout, self._digests(), threads)
        if wrong is not None:
            logger.warning("%s is damaged in rows %d to %d: built again", self.final, wrong.start, wrong.stop - 1)
        return wrong is None

    def _digests(self) -> list[str]:
        """The digests in the seal; none if it is no seal."""
        try:
            found = json.loads(self.seal.read_bytes())["blocks"]
        except (OSError, ValueError, KeyError, TypeError):
            return []
        return [str(digest) for digest in found] if isinstance(found, list) else []

    def _named(self, suffix: str) -> Path:
        return self.folder / f"{hashlib.sha256(canonical(dict(self.recipe))).hexdigest()[:32]}.{suffix}"


def code_version() -> str:
    """Changes with the code that makes pixels, and with the libraries under it."""
    digest = hashlib.sha256(pixels.DECODERS.encode())
    for module in (pixels, source):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()


def _build(decoded: Decoded, files: _Files, threads: int, progress: Progress) -> None:
    """Write the file beside its name, seal it, and give it its name last."""
    try:
        digests = write_blocks(decoded, files.part, files.journal, threads, progress)
        seal = files.seal.with_suffix(".sealing")
        seal.write_bytes(canonical({**files.recipe, "blocks": digests}))
        seal.replace(files.seal)
    except OSError as error:
        _discard(files)
        raise CacheFull(
            f"{files.part} cannot be written: {error.strerror}; it takes {files.layout.bytes:,} bytes.",
            mend="Free some space, or set `data.cache` to a folder with more.",
        ) from None
    except Exception:
        _discard(files)
        raise
    files.part.replace(files.final)
    files.journal.unlink()


def _discard(files: _Files) -> None:
    for path in (files.part, files.journal):
        path.unlink(missing_ok=True)


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Hold a lock that ends with the process, however it ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.warning("another process prepares %s: waiting for it", path.with_suffix(".npy"))
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
