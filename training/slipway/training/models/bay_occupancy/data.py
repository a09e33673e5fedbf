"""What bay-occupancy looks at: patches of one bay each, with its state, where and when they were taken.

The patches are the images of the view `bay`; each has one box, whose category is the state. Images that nobody has
labelled are left out.
"""

import json
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from slipway.platform.data.columns import equal, take, texts, where, within
from slipway.platform.data.schema import LEARNED
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.errors import WrongUse
from slipway.training.evaluation.slices import cameras_of, labels_of
from slipway.training.reading.source import Decoded, View, strings
from slipway.training.task import Examples

STATES: Final = ("free", "occupied")
VIEW: Final = "bay"
STATE: Final = "state"


def examples_of(snapshot: Snapshot, split: str, size: int) -> Examples:
    """The patches of one split."""
    index = snapshot.index
    if "slice_view" not in index.column_names:
        raise WrongUse(f"Snapshot {snapshot.digest[:12]} does not tell which images are bays: it has no `slice_view`.")
    index = where(index, equal(index["slice_view"], VIEW) & equal(index["split"], split))
    index, states = _labelled(snapshot, index)
    if not index.num_rows:
        raise WrongUse(
            f"Snapshot {snapshot.digest[:12]} has no labelled bays in the split `{split}`.",
            mend="`slipway data show` counts what it has.",
        )
    return Examples(
        source=Decoded(snapshot, View(index), (size, size)),
        truth={STATE: torch.from_numpy(states)},
        rows=_rows(index, states),
    )


def _labelled(snapshot: Snapshot, index: pa.Table) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """The images with a label, and the number of each one's state."""
    boxes = where(snapshot.boxes, within(snapshot.boxes["sample"], index["sample"]))
    boxes = where(boxes, within(boxes["label_state"], LEARNED))
    found = dict(zip(strings(boxes["sample"]), strings(boxes["category"]), strict=True))
    foreign = sorted(set(found.values()) - set(STATES))
    if foreign:
        sample = next(sample for sample, category in found.items() if category == foreign[0])
        raise WrongUse(
            f"Bay {sample[:12]} is labelled `{foreign[0]}`, {' or '.join(STATES)} expected.",
            mend="Correct the category, or leave the image out of the view `bay`.",
        )
    samples = strings(index["sample"])
    chosen = np.array([row for row, sample in enumerate(samples) if sample in found], np.int64)
    states = np.array([STATES.index(found[samples[row]]) for row in chosen], np.int64)
    return take(index, chosen), states


def _rows(index: pa.Table, states: npt.NDArray[np.int64]) -> pa.Table:
    """What judging needs of each patch."""
    return pa.table(
        {
            "sample": pa.array(strings(index["sample"])),
            "state": pa.array(np.array(STATES)[states]),
            "light": pa.array(labels_of(index, "light")),
            "weather": pa.array(labels_of(index, "weather")),
            "site": pa.array(labels_of(index, "site")),
            "camera": pa.array(cameras_of(index)),
            "occasion": pa.array(_occasions(index)),
        }
    )


def _occasions(index: pa.Table) -> list[str]:
    """One bay in one recording: there the same vehicle stands, or none, and pictures of it say nothing new."""
    found = []
    columns = (texts(index[name]) for name in ("sample", "sequence", "extra"))
    for sample, sequence, extra in zip(*columns, strict=True):
        bay = json.loads(extra).get("bay")
        found.append(f"{sequence} {bay}" if sequence is not None and bay is not None else str(sample))
    return found
