"""Where a run's pixels come from: decoded once into the cache where that fits, decoded each time otherwise."""

import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from slipway.platform.runs.journal import Journal
from slipway.training.reading.cache import cached
from slipway.training.reading.errors import CacheFull
from slipway.training.reading.source import Decoded
from slipway.training.task import Examples

SHARE: Final = 0.5
"""Of the free space, what one file of decoded pixels may take."""
PAUSE: Final = 0.5


def kept(examples: Examples, cache: Path, split: str, threads: int | None, journal: Journal | None) -> Examples:
    """The same examples, their pixels from the cache."""
    source = examples.source
    if not isinstance(source, Decoded):
        return examples
    cache.mkdir(parents=True, exist_ok=True)
    takes = source.count * source.size[0] * source.size[1] * 3
    if takes > shutil.disk_usage(cache).free * SHARE:
        _note(journal, f"the pixels of `{split}` are decoded each time: {takes:,} bytes are too many for {cache}")
        return examples
    said = time.monotonic()

    def progress(done: int, everything: int) -> None:
        nonlocal said
        if journal is not None and time.monotonic() - said >= PAUSE:
            said = time.monotonic()
            journal.write("progress", step=done, steps=everything, epoch=0, epochs=0, phase=f"decode {split}")

    try:
        return replace(examples, source=cached(source, cache, threads=threads, progress=progress))
    except CacheFull as full:
        _note(journal, f"the pixels of `{split}` are decoded each time: {full}")
        return examples


def _note(journal: Journal | None, text: str) -> None:
    if journal is not None:
        journal.write("note", text=text)
