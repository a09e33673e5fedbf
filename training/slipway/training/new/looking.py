"""What a snapshot says to a new model: which categories there are, and how large images are."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from slipway.platform.data.columns import texts
from slipway.platform.data.snapshot import Snapshot

STEP: Final = 32
SMALLEST: Final = 64
LARGEST: Final = 320
"""Pixels of the longer side, so that a first training takes minutes."""
USUAL: Final = (240, 320)


def categories(folder: Path, *, alone: bool = False) -> list[str]:
    """Categories of boxes, the most frequent first; `alone` counts images with one box only."""
    boxes = Snapshot(folder).boxes
    samples, names = texts(boxes["sample"]).tolist(), texts(boxes["category"]).tolist()
    boxes_of = Counter(samples)
    counts = Counter(name for sample, name in zip(samples, names, strict=True) if not alone or boxes_of[sample] == 1)
    return sorted(counts, key=lambda name: (-counts[name], name))


def input_size(folder: Path) -> tuple[int, int]:
    """Height and width for a detector: the usual image's shape, not too large, in steps that its stages need."""
    index = Snapshot(folder).index
    if not index.num_rows:
        return USUAL
    shape = [float(np.median(index[name].to_numpy())) for name in ("height", "width")]
    scale = min(1.0, LARGEST / max(shape))
    return _stepped(shape[0] * scale), _stepped(shape[1] * scale)


def _stepped(pixels: float) -> int:
    return max(SMALLEST, round(pixels / STEP) * STEP)


def purpose_of(kind: str, classes: Sequence[str]) -> str:
    """A first sentence about what it is for."""
    named = ", ".join(classes[:5]) + (" and others" if len(classes) > 5 else "")  # noqa: PLR2004 - what a line holds
    said = {
        "detect": f"Find in pictures: {named}.",
        "classify": f"Tell apart what pictures show: {named}.",
        "reid": "Find the same individual again in other pictures.",
        "blank": "Say whether a picture is rather red, green or blue.",
    }
    return said[kind]
