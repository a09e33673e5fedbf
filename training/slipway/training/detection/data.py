"""What a detector learns from: whole images of a snapshot with lists of boxes.

Images are stretched to the input's size and boxes with them. The table `rows` keeps the truth in the images' own
pixels, a list for each image under `truth`, and that is what is judged against.

A COCO import says of a box whether it is a crowd and which area its outline has; both are kept, for the field judges
with them. Crowds and boxes that are hidden too much to be asked for are ignored in the loss.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import torch

from slipway.platform.data.columns import equal, texts, where, within
from slipway.platform.data.view import View
from slipway.platform.errors import WrongUse
from slipway.training.reading.source import Decoded, whole_images
from slipway.training.task import Examples

if TYPE_CHECKING:
    from slipway.platform.data.snapshot import Snapshot

KEPT: Final = ("sample", "width", "height", "site", "camera", "light", "weather", "sequence")
BOX: Final = pa.struct(
    [
        ("x", pa.float64()),
        ("y", pa.float64()),
        ("w", pa.float64()),
        ("h", pa.float64()),
        ("category", pa.string()),
        ("area", pa.float64()),
        ("crowd", pa.bool_()),
        ("ignored", pa.bool_()),
    ]
)
Record = dict[str, Any]
TOLD: Final = 8


def examples(
    snapshot: "Snapshot",
    split: str,
    view: Mapping[str, Sequence[str]],
    categories: Sequence[str],
    size: tuple[int, int],
    hidden: float,
) -> Examples:
    """The images of a split, with what is to be found in them."""
    index = View.of(view).select(snapshot.index)
    index = where(index, equal(index["split"], split))
    if not index.num_rows:
        raise WrongUse(f"No image of the view is in the split `{split}`.", mend="`slipway data show` lists the splits.")
    listed = boxes_by_sample(snapshot.boxes, index, categories, hidden)
    if not listed and split == "train":
        there = ", ".join(sorted(set(texts(snapshot.boxes["category"])))[:TOLD]) or "none at all"
        raise WrongUse(
            f"No box of {', '.join(categories)} is in the split `{split}`; the snapshot's categories are {there}.",
            mend="Give the snapshot that the model is for with --snapshot, or change data.categories.",
        )
    truth = [listed.get(sample, []) for sample in texts(index["sample"])]
    rows = index.select(list(KEPT)).append_column("truth", pa.array(truth, pa.list_(BOX)))
    return Examples(Decoded(snapshot, whole_images(snapshot, index), size), padded(rows, categories, size), rows)


def boxes_by_sample(
    boxes: pa.Table, index: pa.Table, categories: Sequence[str], hidden: float
) -> dict[str, list[Record]]:
    """The boxes of these categories in each of these images."""
    boxes = where(boxes, within(boxes["sample"], index["sample"]) & within(boxes["category"], categories))
    found: dict[str, list[Record]] = {}
    for row in boxes.select(["sample", "x", "y", "w", "h", "category", "occlusion", "extra"]).to_pylist():
        found.setdefault(row["sample"], []).append(_record(row, hidden))
    return found


def padded(rows: pa.Table, categories: Sequence[str], size: tuple[int, int]) -> dict[str, torch.Tensor]:
    """The truth of every image for the loss, in pixels of the input."""
    lists = [truth.as_py() for truth in rows["truth"]]
    room = max([1, *map(len, lists)])
    boxes = np.zeros((len(lists), room, 4), np.float32)
    kinds = np.zeros((len(lists), room), np.int64)
    ignored = np.zeros((len(lists), room), bool)
    numbers = {name: number for number, name in enumerate(categories)}
    scales = np.stack([size[1] / rows["width"].to_numpy(), size[0] / rows["height"].to_numpy()] * 2, axis=1)
    for row, (listed, scale) in enumerate(zip(lists, scales, strict=True)):
        for place, box in enumerate(listed):
            corners = [box["x"], box["y"], box["x"] + box["w"], box["y"] + box["h"]]
            boxes[row, place] = np.array(corners) * scale
            kinds[row, place] = numbers[box["category"]]
            ignored[row, place] = box["crowd"] or box["ignored"]
    count = np.array([len(listed) for listed in lists], np.int64)
    arrays = {"boxes": boxes, "categories": kinds, "ignored": ignored, "count": count}
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def _record(row: Record, hidden: float) -> Record:
    """A box as the judge knows it."""
    noted = json.loads(row["extra"]).get("coco", {}).get("annotation", {}) if "coco" in row["extra"] else {}
    return {
        **{name: row[name] for name in ("x", "y", "w", "h", "category")},
        "area": float(noted.get("area", row["w"] * row["h"])),
        "crowd": bool(noted.get("iscrowd", 0)),
        "ignored": row["occlusion"] is not None and row["occlusion"] > hidden,
    }
