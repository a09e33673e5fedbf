"""Judging a detector: COCO's average precision and recall. A unit is an image.

Predictions are a table that anybody can hand in, with a line for each box that was found:

    sample      the image, by its whole digest
    x, y, w, h  the box, in pixels of the image from its upper left corner
    category    one of those that are judged
    score       greater where the box is surer; only the order matters

Images without a line are images in which nothing was found. Of an image and category the 100 surest count. Crowds and
ignored boxes are held neither for nor against anybody.

`ap` is the mean over the overlaps 0.5, 0.55 … 0.95 and all categories; `ap50` and `ap75` are those at one overlap,
`ap_small`, `ap_medium` and `ap_large` of boxes with less than 32², 96², and more pixels, `ar` the mean recall, and
`ap_<category>` the part of one category. With every image once they are what faster-coco-eval gives: `coco_values`.

The pictures of one sequence show the same vehicles, so a bootstrap draws sequences.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from slipway.platform.data.columns import missing, texts
from slipway.platform.errors import WrongUse
from slipway.platform.names import suggestion
from slipway.training.evaluation.boxes import MOST, Found, Integers, Matched, There, match
from slipway.training.evaluation.judged import Judged, Metric
from slipway.training.evaluation.precision import RECALLS, AveragePrecision, AverageRecall, Table
from slipway.training.evaluation.predicted import SAMPLE, numbers, require_columns
from slipway.training.evaluation.slices import cameras_of, clusters_of, labels_of

COLUMNS: Final = (SAMPLE, "x", "y", "w", "h", "category", "score")
CAMERA: Final = "camera"
SLICES: Final = ("light", "weather", "site", CAMERA)
SHOWN: Final = {"0.50": 0, "0.75": 5}
"""Overlaps whose curves are kept, with their place."""
TOLD: Final = 0.2
"""The score from which a found box is listed with its image."""
SAID: Final = pa.struct(
    [(name, pa.float64()) for name in (*"xywh", "score")]
    + [("category", pa.string()), ("right", pa.bool_()), ("counts", pa.bool_())]
)
FAR: Final = 1e9
IGNORED_AREA: Final = 1e11
"""Outside of every range, which is how a COCO file says that a box does not count."""


def judge_boxes(predictions: pa.Table, rows: pa.Table, categories: Sequence[str]) -> Judged:
    """Ready to be counted. `rows` has a line for each image, the true boxes as a list under `truth`."""
    there, found = truth_of(rows, categories), found_of(predictions, rows, categories)
    matched = match(there, found)
    table = Table(matched, there, rows.num_rows, len(categories))
    slices = {
        name: cameras_of(rows) if name == CAMERA else labels_of(rows, name)
        for name in SLICES
        if rows[name].null_count < rows.num_rows
    }
    return Judged(
        metrics=metrics_of(table, categories),
        units=rows.num_rows,
        slices=slices,
        samples=samples_of(rows, there, found, matched, categories),
        details=details_of(table, there, categories),
        clusters=_sequences(rows),
    )


def metrics_of(table: Table, categories: Sequence[str]) -> dict[str, Metric]:
    """All metrics by name; the first is the headline."""
    whole: dict[str, Metric] = {
        "ap": AveragePrecision(table),
        "ap50": AveragePrecision(table, threshold=SHOWN["0.50"]),
        "ap75": AveragePrecision(table, threshold=SHOWN["0.75"]),
        "ar": AverageRecall(table),
    }
    each = {f"ap_{name}": AveragePrecision(table, category=number) for number, name in enumerate(categories)}
    sizes = {f"ap_{area}": AveragePrecision(table, area) for area in ("small", "medium", "large")}
    return {**whole, **each, **sizes}


def truth_of(rows: pa.Table, categories: Sequence[str]) -> There:
    """The true boxes of all images."""
    known = {name: number for number, name in enumerate(categories)}
    listed = [(unit, box) for unit, boxes in enumerate(rows["truth"].to_pylist()) for box in boxes or ()]
    return There(
        unit=np.array([unit for unit, _ in listed], np.int64),
        category=np.array([known[box["category"]] for _, box in listed], np.int64),
        boxes=np.array([[box[side] for side in "xywh"] for _, box in listed], np.float64).reshape(-1, 4),
        area=np.array([box["area"] for _, box in listed], np.float64),
        crowd=np.array([box["crowd"] for _, box in listed], bool),
        ignored=np.array([box["ignored"] for _, box in listed], bool),
    )


def found_of(predictions: pa.Table, rows: pa.Table, categories: Sequence[str]) -> Found:
    """The predictions, if they are what they should be."""
    require_columns(predictions, COLUMNS)
    tiny = float(np.finfo(np.float64).tiny)
    sides = [numbers(predictions, name, -FAR, FAR) for name in "xy"]
    sides += [numbers(predictions, name, tiny, FAR) for name in "wh"]
    return Found(
        unit=_known(predictions, SAMPLE, texts(rows[SAMPLE]).tolist(), "Predict the same split of the same snapshot."),
        category=_known(predictions, "category", list(categories), None),
        boxes=np.stack(sides, axis=1),
        score=numbers(predictions, "score", -FAR, FAR),
    )


def _known(predictions: pa.Table, column: str, names: Sequence[str], mend: str | None) -> Integers:
    """The number of each line's name."""
    numbered = {str(name): number for number, name in enumerate(names)}
    values = texts(predictions[column])
    found = np.array([numbered.get(str(value), -1) for value in values], np.int64)
    found[missing(predictions[column])] = -1
    unknown = np.flatnonzero(found < 0)
    if unknown.size:
        line = int(unknown[0])
        raise WrongUse(
            f"Row {line + 1}, column `{column}`: `{str(values[line])[:64]}` is not judged here.",
            mend=mend or suggestion(str(values[line]), names),
        )
    return found


def samples_of(rows: pa.Table, there: There, found: Found, matched: Matched, categories: Sequence[str]) -> pa.Table:
    """What went wrong in each image, at an overlap of one half and without a threshold for scores.

    `missed` counts how much surer one should have been of what is there, `alarms` how sure one was of what is not;
    `error` is both. `truth` and `found` are the boxes, those found with a score of `TOLD` and more.
    """
    wanted, wrong = matched.wanted[0], matched.counts[0, 0] & ~matched.right[0, 0]
    units = rows.num_rows
    # Scores beyond 0 and 1, which others may hand in, count as those.
    taken = np.nan_to_num(matched.taken, nan=0.0).clip(0, 1)
    missed = np.bincount(there.unit[wanted], 1.0 - taken[wanted], units)
    alarms = np.bincount(matched.unit[wrong], matched.score[wrong].clip(0, 1), units)
    samples = rows.select([SAMPLE, "site", "camera", "light", "weather"])
    there_count = np.bincount(there.unit[wanted], minlength=units)
    columns = {"error": missed + alarms, "missed": missed, "alarms": alarms, "boxes": there_count}
    for name, values in columns.items():
        samples = samples.append_column(name, pa.array(values))
    said = pa.array(_said(found, matched, categories, units), pa.list_(SAID))
    return samples.append_column("truth", rows["truth"]).append_column("found", said)


def _said(found: Found, matched: Matched, categories: Sequence[str], units: int) -> list[list[dict[str, Any]]]:
    """What was found in each image, the surest first, and whether it was right."""
    listed: list[list[dict[str, Any]]] = [[] for _ in range(units)]
    order = np.argsort(-matched.score, kind="stable")
    for place in order[matched.score[order] >= TOLD].tolist():
        line = matched.line[place]
        sides = dict(zip("xywh", found.boxes[line].tolist(), strict=True))
        told = {"category": categories[found.category[line]], "score": float(found.score[line])}
        counts, right = (bool(flags[0, 0, place]) for flags in (matched.counts, matched.right))
        listed[found.unit[line]].append({**sides, **told, "right": right, "counts": counts})
    return listed


def details_of(table: Table, there: There, categories: Sequence[str]) -> Mapping[str, Any]:
    """Curves of precision over recall, and how many true boxes there are."""
    ones = table.ranked[0]
    return {
        "recalls": len(RECALLS),
        "curves": [
            {"category": name, "overlap": overlap, "precision": _curve(table, number, place)}
            for number, name in enumerate(categories)
            if ones[number].wanted.sum()
            for overlap, place in SHOWN.items()
        ],
        "boxes": {name: int(ones[number].wanted.sum()) for number, name in enumerate(categories)},
        "not counted": int((there.crowd | there.ignored).sum()),
        "most of an image and category": MOST,
    }


def _curve(table: Table, category: int, threshold: int) -> list[float]:
    return [round(value, 5) for value in table.curve(category, threshold).tolist()]


def _sequences(rows: pa.Table) -> npt.NDArray[np.int64]:
    """The cluster of each image: its sequence, or itself."""
    pairs = zip(rows["sequence"].to_pylist(), rows[SAMPLE].to_pylist(), strict=True)
    return clusters_of(np.array([sequence or sample for sequence, sample in pairs], np.str_))


def coco_values(predictions: pa.Table, rows: pa.Table, categories: Sequence[str]) -> dict[str, float]:
    """The same metrics by faster-coco-eval, with every image once; NaN where COCO says -1."""
    from faster_coco_eval import COCO, COCOeval_faster

    there, found = truth_of(rows, categories), found_of(predictions, rows, categories)
    truth = COCO()
    truth.dataset = {
        "images": [{"id": unit + 1} for unit in range(rows.num_rows)],
        "categories": [{"id": number + 1, "name": name} for number, name in enumerate(categories)],
        "annotations": [
            {**one, "area": IGNORED_AREA if ignored else area, "iscrowd": int(crowd)}
            for one, area, crowd, ignored in zip(
                _records(there.unit, there.category, there.boxes), there.area.tolist(), there.crowd.tolist(),
                there.ignored.tolist(), strict=True,
            )
        ],
    }  # fmt: skip
    truth.createIndex()
    answers = [
        {**one, "score": score}
        for one, score in zip(_records(found.unit, found.category, found.boxes), found.score.tolist(), strict=True)
    ]
    judge = COCOeval_faster(truth, truth.loadRes(answers), "bbox", print_function=lambda *_: None)
    judge.evaluate()
    judge.accumulate()
    return _named(judge.eval["precision"][..., -1], judge.eval["recall"][..., -1], categories)


def _records(unit: Integers, category: Integers, boxes: npt.NDArray[np.float64]) -> list[dict[str, Any]]:
    lines = zip(unit.tolist(), category.tolist(), boxes.tolist(), strict=True)
    return [
        {"id": number + 1, "image_id": one + 1, "category_id": kind + 1, "bbox": box}
        for number, (one, kind, box) in enumerate(lines)
    ]


def _named(
    precision: npt.NDArray[np.float64], recall: npt.NDArray[np.float64], categories: Sequence[str]
) -> dict[str, float]:
    """Means of what COCO defines, of (thresholds, recalls, categories, areas) and (thresholds, categories, areas)."""
    parts = {
        "ap": precision[..., 0],
        "ap50": precision[SHOWN["0.50"], ..., 0],
        "ap75": precision[SHOWN["0.75"], ..., 0],
        "ar": recall[..., 0],
        **{f"ap_{name}": precision[:, :, number, 0] for number, name in enumerate(categories)},
        **{f"ap_{area}": precision[..., place] for place, area in enumerate(("small", "medium", "large"), 1)},
    }
    return {name: float(part[part > -1].mean()) if (part > -1).any() else float("nan") for name, part in parts.items()}
