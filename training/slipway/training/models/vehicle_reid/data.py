"""What vehicle-reid looks at: pictures of one individual each, with who it is and which camera saw it.

A picture is taken when it has exactly one box and that box names an identity; where the snapshot tells views apart, it
is a `crop` besides. Other images of a snapshot, such as whole scenes, are left to other models.
"""

from typing import Final

import numpy as np
import pyarrow as pa
import torch

from slipway.platform.data.columns import equal, missing, positions_of, take, texts, where, within
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.errors import WrongUse
from slipway.training.evaluation.slices import cameras_of, labels_of
from slipway.training.reading.identities import codes
from slipway.training.reading.pixels import Size
from slipway.training.reading.source import Decoded, box_crops
from slipway.training.task import Examples

VIEWS: Final = "slice_view"
VIEW: Final = "crop"
INDIVIDUAL: Final = "individual"
"""In the truth: a number for each individual of the split."""


def examples_of(snapshot: Snapshot, split: str, size: Size, margin: float) -> Examples:
    """The pictures of one split, cut out along their boxes and stretched to one size."""
    index, boxes = _pictures(snapshot, split)
    if not index.num_rows:
        raise WrongUse(
            f"Snapshot {snapshot.digest[:12]} has no picture of one individual in the split `{split}`.",
            mend="It takes crops with one box each, whose `identity` says who it is; `slipway data show` counts them.",
        )
    rows = _rows(index, boxes)
    return Examples(
        source=Decoded(snapshot, box_crops(snapshot, boxes, margin), size),
        truth={INDIVIDUAL: torch.from_numpy(codes(rows["identity"]))},
        rows=rows,
    )


def _pictures(snapshot: Snapshot, split: str) -> tuple[pa.Table, pa.Table]:
    """The lines of `index` and, in the same order, the box of each."""
    index = where(snapshot.index, equal(snapshot.index["split"], split))
    if VIEWS in index.column_names:
        index = where(index, equal(index[VIEWS], VIEW))
    boxes = where(snapshot.boxes, within(snapshot.boxes["sample"], index["sample"]))
    samples, counts = np.unique(texts(boxes["sample"]).astype(np.str_), return_counts=True)
    alone = within(boxes["sample"], samples[counts == 1].tolist())
    boxes = where(boxes, alone & ~missing(boxes["identity"]))
    index = where(index, within(index["sample"], boxes["sample"]))
    places = positions_of(index["sample"], boxes["sample"])
    return index, take(boxes, np.asarray(places.to_numpy(zero_copy_only=False), np.int64))


def _rows(index: pa.Table, boxes: pa.Table) -> pa.Table:
    """What judging needs of each picture."""
    return pa.table(
        {
            "sample": index["sample"].combine_chunks(),
            "identity": boxes["identity"].combine_chunks(),
            "camera": pa.array(cameras_of(index)),
            "category": pa.array(labels_of(boxes, "category")),
            "light": pa.array(labels_of(index, "light")),
            "weather": pa.array(labels_of(index, "weather")),
            "site": pa.array(labels_of(index, "site")),
        }
    )
