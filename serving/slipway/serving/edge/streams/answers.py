"""What a model's outputs say, read by its contract alone: by their names, dimensions and labels.

A detector has a `boxes` output and one of scores beside it:

    peaks  [batch, K, H, W] and boxes [batch, 4, H, W]   a map; what is above the threshold is the answer
    scores [batch, N, K]    and boxes [batch, N, 4]      a list

with left, top, right, bottom in pixels of the input. A classifier has one output [batch, K] with K labels; scores that
are named `logits` become probabilities by a softmax. Anything else of the form [batch, D] is a vector.

The threshold is that of the category, or the only one that the contract has, or one half. Categories are the output's
labels, or those that its meaning lists after "categories are", or numbers.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from slipway.serving.bundle.contract import Contract, Output
from slipway.serving.errors import WrongUse
from slipway.serving.runtime.pictures import Box, Placement
from slipway.serving.runtime.session import Arrays

Floats = npt.NDArray[np.float64]
Kind = Literal["detector", "classifier", "vector"]

HALF: Final = 0.5
MOST: Final = 100
"""Boxes in one picture."""
OVERLAP: Final = 0.5
"""Of two boxes that share more of what they cover together, the surer one is kept, whatever their categories."""
BOXES: Final = "boxes"
SCORES: Final = ("peaks", "scores")
_LISTED: Final = re.compile(r"categories are ([a-z0-9_ ,-]+)", re.IGNORECASE)
_DIMS_OF_MAP: Final = 4
_DIMS_OF_ROW: Final = 2


@dataclass(frozen=True)
class Found:
    """A box in a picture."""

    box: Box
    category: str
    score: float


@dataclass(frozen=True)
class Said:
    """A classifier's answer."""

    answer: str
    score: float
    scores: Mapping[str, float]


def kind_of(contract: Contract) -> Kind:
    """What a model does; `WrongUse` for what streams cannot use."""
    outputs = {one.name: one for one in contract.outputs}
    if BOXES in outputs and any(name in outputs for name in SCORES):
        return "detector"
    if _labelled(contract) is not None:
        return "classifier"
    if _vector(contract) is not None:
        return "vector"
    said = ", ".join(f"{one.name} {list(one.dims)}" for one in contract.outputs)
    raise WrongUse(
        f"Streams do not know what to do with the outputs {said}.",
        mend="A detector has `boxes` with `peaks` or `scores`, a classifier [batch, K] with K labels.",
    )


def boxes_of(outputs: Arrays, row: int, contract: Contract, place: Placement, overlap: float = OVERLAP) -> list[Found]:
    """What a detector found in one picture, the surest first."""
    output = next(one for one in contract.outputs if one.name in SCORES)
    scores, boxes = outputs[output.name][row], outputs[BOXES][row]
    if len(output.dims) == _DIMS_OF_MAP:
        scores, boxes = scores.reshape(scores.shape[0], -1).T, boxes.reshape(4, -1).T
    names = categories_of(output, scores.shape[1], contract)
    least = np.array([threshold_of(name, contract) for name in names])
    places, kinds = np.nonzero(scores >= np.maximum(least, np.finfo(np.float32).tiny))
    chances = scores[places, kinds].astype(np.float64)
    order = np.argsort(-chances, kind="stable")[: MOST * 4]
    areas = place.back(boxes[places[order]].astype(np.float64))
    kept = _apart(areas, overlap)[:MOST]
    return [
        Found(_box(areas[one]), names[int(kinds[order[one]])], float(chances[order[one]]))
        for one in kept
        if areas[one][2] > areas[one][0] and areas[one][3] > areas[one][1]
    ]


def answer_of(outputs: Arrays, row: int, contract: Contract) -> Said:
    """What a classifier says of one picture."""
    output = _labelled(contract)
    assert output is not None  # noqa: S101 - `kind_of` has said so
    values = outputs[output.name][row].astype(np.float64)
    chances = _softmax(values) if output.name == "logits" else values
    scores = dict(zip(output.labels, chances.tolist(), strict=True))
    reaching = [name for name in output.labels if scores[name] >= contract.thresholds.get(name, 0.0)]
    answer = max(reaching or output.labels, key=scores.__getitem__)
    return Said(answer, scores[answer], scores)


def vector_of(outputs: Arrays, row: int, contract: Contract) -> npt.NDArray[np.float32]:
    """The vector of one picture."""
    output = _vector(contract)
    assert output is not None  # noqa: S101 - `kind_of` has said so
    found: npt.NDArray[np.float32] = outputs[output.name][row].astype(np.float32)
    return found


def categories_of(output: Output, count: int, contract: Contract) -> Sequence[str]:
    """The names of a detector's categories."""
    if len(output.labels) == count:
        return output.labels
    for one in (output, *contract.outputs):
        if listed := _LISTED.search(one.meaning):
            names = [name.strip() for name in listed[1].replace(" and ", ",").split(",") if name.strip()]
            if len(names) == count:
                return names
    return [str(number) for number in range(count)]


def threshold_of(category: str, contract: Contract) -> float:
    """From where on a detector's score of a category counts."""
    if category in contract.thresholds:
        return contract.thresholds[category]
    only = list(contract.thresholds.values())
    return only[0] if len(only) == 1 else HALF


def _apart(areas: Floats, overlap: float) -> list[int]:
    """Those of the sorted boxes that no surer one covers."""
    kept: list[int] = []
    for number, area in enumerate(areas):
        if not kept or float(_overlaps(areas[kept], area).max()) <= overlap:
            kept.append(number)
    return kept


def _overlaps(areas: Floats, area: Floats) -> Floats:
    """Intersection over union with one box."""
    sides = np.minimum(areas[:, 2:], area[2:]) - np.maximum(areas[:, :2], area[:2])
    shared = sides.clip(0).prod(axis=1)
    joined = (areas[:, 2:] - areas[:, :2]).prod(axis=1) + (area[2:] - area[:2]).prod() - shared
    found: Floats = shared / np.maximum(joined, np.finfo(np.float64).tiny)
    return found


def _softmax(values: Floats) -> Floats:
    powers = np.exp(values - values.max())
    found: Floats = powers / powers.sum()
    return found


def _labelled(contract: Contract) -> Output | None:
    return next((one for one in contract.outputs if one.labels and list(one.dims[1:]) == [len(one.labels)]), None)


def _vector(contract: Contract) -> Output | None:
    rows = [one for one in contract.outputs if len(one.dims) == _DIMS_OF_ROW and not one.labels]
    return next((one for one in rows if one.name == "embedding"), rows[0] if rows else None)


def _box(area: npt.NDArray[Any]) -> Box:
    left, top, right, bottom = (float(side) for side in area)
    return left, top, right, bottom
