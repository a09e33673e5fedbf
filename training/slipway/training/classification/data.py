"""What a classifier learns from: images with exactly one box of a known class, cut out of their image."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import torch

from slipway.platform.data.columns import equal, positions_of, take, texts, where, within
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.view import View
from slipway.platform.errors import WrongUse
from slipway.training.evaluation.slices import cameras_of, labels_of
from slipway.training.reading.source import Decoded, box_crops
from slipway.training.task import Examples

CLASS: Final = "class"
SLICES: Final = ("light", "weather", "site", "camera")


def examples_of(
    snapshot: Snapshot,
    split: str,
    view: Mapping[str, Sequence[str]],
    classes: Sequence[str],
    size: int,
    margin: float,
) -> Examples:
    """The images of one split, each with the number of its class."""
    index = View.of(view).select(snapshot.index)
    index = where(index, equal(index["split"], split))
    boxes = where(snapshot.boxes, within(snapshot.boxes["sample"], index["sample"]))
    samples, counts = np.unique(texts(boxes["sample"]).astype(np.str_), return_counts=True)
    boxes = where(boxes, within(boxes["sample"], samples[counts == 1].tolist()))
    boxes = where(boxes, within(boxes["category"], classes))
    if not boxes.num_rows:
        raise WrongUse(
            f"Snapshot {snapshot.digest[:12]} has no image with one box of {', '.join(classes)} in split `{split}`.",
            mend="`slipway data show` lists categories and splits; `data.classes` says which are told apart.",
        )
    numbers = np.array([classes.index(name) for name in labels_of(boxes, "category").tolist()], np.int64)
    return Examples(
        source=Decoded(snapshot, box_crops(snapshot, boxes, margin), (size, size)),
        truth={CLASS: torch.from_numpy(numbers)},
        rows=_rows(index, boxes),
    )


def _rows(index: pa.Table, boxes: pa.Table) -> pa.Table:
    """What judging needs of each image, in the order of the boxes."""
    places = positions_of(boxes["sample"], index["sample"])
    index = take(index, np.asarray(places.to_numpy(zero_copy_only=False), np.int64))
    told = {name: pa.array(labels_of(index, name)) for name in SLICES} | {"camera": pa.array(cameras_of(index))}
    named = {"sample": boxes["sample"].combine_chunks(), CLASS: boxes["category"].combine_chunks()}
    return pa.table({**named, **told})
