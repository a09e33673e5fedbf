"""Detection is judged as COCO does it: against pycocotools and faster-coco-eval, with weights against copies."""

import contextlib
import io
import math
import subprocess
import sys
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from slipway.platform.errors import WrongUse
from slipway.training.evaluation.assess import assess
from slipway.training.evaluation.detection import coco_values, judge_boxes

CATEGORIES = ("car", "van", "boat")
SIDES = ("x", "y", "w", "h")
Tables = tuple[pa.Table, pa.Table]
Random = Callable[..., Tables]


@pytest.fixture
def random_tables() -> Random:
    """Predictions and truth with crowds, ignored boxes, equal scores, missed and empty images, and many answers."""

    def make(seed: int, *, ties: bool = True) -> Tables:
        chance = np.random.default_rng(seed)
        rows, lines = [], []
        for number in range(30):
            sample = f"{number:064x}"
            truth = [_true_box(chance) for _ in range(chance.integers(0, 7) if number % 5 else 0)]
            rows.append(_row(sample, number, truth))
            if number % 7 == 3:
                continue
            answers = [_near(chance, box) for box in truth for _ in range(chance.integers(0, 4))]
            answers += [_true_box(chance) for _ in range(chance.integers(0, 130 if number == 11 else 6))]
            for box in answers:
                score = float(chance.choice([0.3, 0.5, chance.random()]) if ties else chance.random())
                line = {name: box[name] for name in (*SIDES, "category")}
                lines.append({"sample": sample, **line, "score": score})
        order = chance.permutation(len(lines))
        return pa.Table.from_pylist([lines[place] for place in order]), pa.Table.from_pylist(rows)

    return make


@pytest.mark.parametrize("number", range(6))
def test_every_metric_is_that_of_pycocotools(random_tables: Random, number: int) -> None:
    predictions, rows = random_tables(number)
    judged = judge_boxes(predictions, rows, CATEGORIES)
    expected = _pycocotools(predictions, rows)
    found = {name: metric(np.ones(judged.units)) for name, metric in judged.metrics.items()}
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-9, nan_ok=True), name


@pytest.mark.parametrize("number", range(2))
def test_every_metric_is_that_of_faster_coco_eval(random_tables: Random, number: int) -> None:
    predictions, rows = random_tables(number)
    judged = judge_boxes(predictions, rows, CATEGORIES)
    expected = coco_values(predictions, rows, CATEGORIES)
    for name, metric in judged.metrics.items():
        assert metric(np.ones(judged.units)) == pytest.approx(expected[name], abs=1e-9, nan_ok=True), name


def test_an_image_that_counts_twice_is_as_good_as_two_images(random_tables: Random) -> None:
    # Of equal scores the copies would mix their order, which COCO's value depends on.
    predictions, rows = random_tables(7, ties=False)
    weights = np.random.default_rng(7).integers(0, 4, rows.num_rows).astype(float)
    judged = judge_boxes(predictions, rows, CATEGORIES)
    expected = _pycocotools(*_copied(predictions, rows, weights))
    for name, metric in judged.metrics.items():
        assert metric(weights) == pytest.approx(expected[name], abs=1e-9, nan_ok=True), name


def test_many_draws_at_once_are_the_draws_one_by_one(random_tables: Random) -> None:
    judged = judge_boxes(*random_tables(3), CATEGORIES)
    weights = np.random.default_rng(3).poisson(1.0, (5, judged.units)).astype(float)
    weights[4] = 0
    for name, metric in judged.metrics.items():
        together = metric.many(weights)  # type: ignore[attr-defined]
        assert np.array_equal(together, [metric(line) for line in weights], equal_nan=True), name
        assert math.isnan(together[4])


def test_a_slice_is_judged_as_if_there_were_nothing_else(random_tables: Random) -> None:
    predictions, rows = random_tables(4, ties=False)
    judged = judge_boxes(predictions, rows, CATEGORIES)
    evaluation = assess(judged, draws=20, least=5)
    night = next(one for one in evaluation.slices if (one.column, one.name) == ("light", "night"))
    kept = np.array([value == "night" for value in rows["light"].to_pylist()], float)
    expected = _pycocotools(*_copied(predictions, rows, kept))
    assert night.measures["ap"].value == pytest.approx(expected["ap"], abs=1e-9)
    low, high = night.measures["ap"].low, night.measures["ap"].high
    assert low is not None
    assert high is not None
    assert low < expected["ap"] < high


def test_a_bootstrap_draws_whole_sequences(random_tables: Random) -> None:
    _, rows = random_tables(0)
    judged = judge_boxes(_none(), rows, CATEGORIES)
    assert judged.clusters is not None
    sequences = rows["sequence"].to_pylist()
    named = {sequence for sequence in sequences if sequence is not None}
    assert len(set(judged.clusters.tolist())) == len(named) + sequences.count(None)
    assert judged.clusters[0] == judged.clusters[1] != judged.clusters[2]


def test_the_worst_image_is_the_one_with_most_missed_and_invented() -> None:
    box = _box(10, 10, 40, 40)
    rows = pa.Table.from_pylist([_row("a", 0, [box]), _row("b", 1, [box]), _row("c", 2, [])])
    lines = [_answer("a", box, 0.9), _answer("c", box, 0.4), _answer("c", box, 0.3)]
    judged = judge_boxes(pa.Table.from_pylist(lines), rows, CATEGORIES)
    assert judged.samples["missed"].to_pylist() == pytest.approx([0.1, 1.0, 0.0])
    assert judged.samples["alarms"].to_pylist() == pytest.approx([0.0, 0.0, 0.7])
    assert judged.samples["error"].to_pylist() == pytest.approx([0.1, 1.0, 0.7])


def test_ignored_boxes_are_held_neither_for_nor_against_anybody() -> None:
    seen, hidden = _box(10, 10, 40, 40), _box(100, 100, 40, 40) | {"ignored": True}
    rows = pa.Table.from_pylist([_row("a", 0, [seen, hidden])])
    for lines in ([_answer("a", seen, 0.5)], [_answer("a", seen, 0.5), _answer("a", hidden, 0.9)]):
        judged = judge_boxes(pa.Table.from_pylist(lines), rows, CATEGORIES)
        assert judged.metrics["ap"](np.ones(1)) == pytest.approx(1.0)
        assert judged.samples["error"].to_pylist() == [0.5]


def test_nothing_found_is_worth_nothing_and_nothing_there_is_not_defined(random_tables: Random) -> None:
    _, rows = random_tables(0)
    assert judge_boxes(_none(), rows, CATEGORIES).metrics["ap"](np.ones(rows.num_rows)) == 0.0
    empty = pa.Table.from_pylist([_row("a", 0, [])], rows.schema)
    judged = judge_boxes(pa.Table.from_pylist([_answer("a", _box(0, 0, 9, 9), 0.5)]), empty, CATEGORIES)
    assert math.isnan(judged.metrics["ap"](np.ones(1)))


def test_curves_are_those_of_coco(random_tables: Random) -> None:
    predictions, rows = random_tables(1)
    judged = judge_boxes(predictions, rows, CATEGORIES)
    ones = np.ones(judged.units)
    for curve in judged.details["curves"]:
        if curve["overlap"] == "0.50":
            assert len(curve["precision"]) == 101
    means = [np.mean(curve["precision"]) for curve in judged.details["curves"] if curve["overlap"] == "0.50"]
    assert np.mean(means) == pytest.approx(judged.metrics["ap50"](ones), abs=1e-4)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sample": "f" * 64}, "Row 2, column `sample`: `ffff"),
        ({"sample": None}, "Row 2, column `sample`: `None` is not judged here"),
        ({"category": "vann"}, "Row 2, column `category`: `vann` is not judged here"),
        ({"w": 0.0}, "Row 2, column `w`: 0, "),
        ({"x": float("nan")}, "Row 2, column `x`: nan, "),
        ({"score": None}, "Row 2, column `score`: no value"),
    ],
)
def test_a_bad_line_is_named_with_its_column(change: Mapping[str, object], said: str) -> None:
    rows = pa.Table.from_pylist([_row("a", 0, [_box(1, 1, 5, 5)])])
    good = _answer("a", _box(1, 1, 5, 5), 0.5)
    with pytest.raises(WrongUse) as refused:
        judge_boxes(pa.Table.from_pylist([good, {**good, **change}]), rows, CATEGORIES)
    assert said in str(refused.value)


def test_a_missing_column_is_named_with_the_nearest_there_is() -> None:
    rows = pa.Table.from_pylist([_row("a", 0, [_box(1, 1, 5, 5)])])
    table = pa.Table.from_pylist([_answer("a", _box(1, 1, 5, 5), 0.5)]).rename_columns(
        ["sample", *SIDES, "category", "scores"]
    )
    with pytest.raises(WrongUse, match="no column `score`") as refused:
        judge_boxes(table, rows, CATEGORIES)
    assert refused.value.mend == "Rename `scores`."


@pytest.mark.parametrize("kind", [pa.null(), pa.string(), pa.float64()])
def test_a_table_without_a_line_says_that_nothing_was_found(kind: pa.DataType) -> None:
    rows = pa.Table.from_pylist([_row("a", 0, [_box(1, 1, 5, 5)])])
    nothing = pa.table({name: pa.array([], kind) for name in ("sample", *SIDES, "category", "score")})
    judged = judge_boxes(nothing, rows, CATEGORIES)
    assert judged.metrics["ap"](np.ones(1)) == 0
    assert judged.samples["missed"].to_pylist() == [1.0]


def test_gates_of_two_sites_are_two_cameras() -> None:
    rows = pa.Table.from_pylist([_row(name, 0, [_box(1, 1, 5, 5)]) for name in "abcd"])
    places = [("harbour", "gate"), ("market", "gate"), ("market", None), (None, None)]
    for name, column in zip(("site", "camera"), zip(*places, strict=True), strict=True):
        rows = rows.set_column(rows.column_names.index(name), name, [list(column)])
    judged = judge_boxes(pa.Table.from_pylist([_answer("a", _box(1, 1, 5, 5), 0.5)]), rows, CATEGORIES)
    assert judged.slices["camera"].tolist() == ["harbour/gate", "market/gate", "market/none", "none"]


def test_judging_loads_no_coco_library() -> None:
    code = (
        "import sys, slipway.training.evaluation.detection\n"
        "assert not {'faster_coco_eval', 'pycocotools', 'torch'} & set(sys.modules), 'loaded'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def _pycocotools(predictions: pa.Table, rows: pa.Table) -> dict[str, float]:
    """The metrics by the reference implementation, with every image once."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    numbers = {sample: number for number, sample in enumerate(rows["sample"].to_pylist(), 1)}
    kinds = {name: number for number, name in enumerate(CATEGORIES, 1)}
    annotations: list[dict[str, object]] = []
    for sample, truth in zip(rows["sample"].to_pylist(), rows["truth"].to_pylist(), strict=True):
        for box in truth or ():
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": numbers[sample],
                    "category_id": kinds[box["category"]],
                    "bbox": [box[side] for side in SIDES],
                    "area": 1e11 if box["ignored"] else box["area"],
                    "iscrowd": int(box["crowd"]),
                }
            )
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": [{"id": number} for number in numbers.values()],
            "categories": [{"id": number, "name": name} for name, number in kinds.items()],
            "annotations": annotations,
        }
        truth.createIndex()
        found = truth.loadRes(
            [
                {
                    "image_id": numbers[line["sample"]],
                    "category_id": kinds[line["category"]],
                    "bbox": [line[side] for side in SIDES],
                    "score": line["score"],
                }
                for line in predictions.to_pylist()
            ]
        )
        judge = COCOeval(truth, found, "bbox")
        judge.evaluate()
        judge.accumulate()
    precision, recall = judge.eval["precision"][..., -1], judge.eval["recall"][..., -1]
    parts: dict[str, npt.NDArray[np.float64]] = {
        "ap": precision[..., 0],
        "ap50": precision[0, ..., 0],
        "ap75": precision[5, ..., 0],
        "ar": recall[..., 0],
    }
    parts |= {f"ap_{name}": precision[:, :, number, 0] for number, name in enumerate(CATEGORIES)}
    parts |= {f"ap_{area}": precision[..., place] for place, area in enumerate(("small", "medium", "large"), 1)}
    return {name: float(part[part > -1].mean()) if (part > -1).any() else math.nan for name, part in parts.items()}


def _copied(predictions: pa.Table, rows: pa.Table, weights: npt.NDArray[np.float64]) -> Tables:
    """Every image as often as its weight says, under names of its own."""
    times = dict(zip(rows["sample"].to_pylist(), weights.astype(int).tolist(), strict=True))
    tables = []
    for table in (predictions, rows):
        lines = [
            line | {"sample": f"{line['sample']}-{copy}"}
            for line in table.to_pylist()
            for copy in range(times[line["sample"]])
        ]
        tables.append(pa.Table.from_pylist(lines, table.schema))
    return tables[0], tables[1]


def _true_box(chance: np.random.Generator) -> dict[str, object]:
    side = float(chance.choice([20.0, 60.0, 150.0]))
    box = _box(*chance.integers(0, 200, 2).tolist(), *(side * chance.uniform(0.6, 1.4, 2)).tolist())
    crowd, ignored = bool(chance.random() < 0.12), bool(chance.random() < 0.08)
    area = float(box["w"]) * float(box["h"]) * float(chance.uniform(0.5, 1.0))  # type: ignore[arg-type]
    return box | {"category": str(chance.choice(CATEGORIES[:2])), "area": area, "crowd": crowd, "ignored": ignored}


def _near(chance: np.random.Generator, box: Mapping[str, object]) -> dict[str, object]:
    moved = {side: float(box[side]) + float(box["w"]) * float(chance.normal(0, 0.06)) for side in "xy"}  # type: ignore[arg-type]
    return {**box, **moved}


def _box(x: float, y: float, w: float, h: float) -> dict[str, object]:
    sides: dict[str, object] = {"x": float(x), "y": float(y), "w": float(w), "h": float(h)}
    return sides | {"category": "car", "area": float(w * h), "crowd": False, "ignored": False}


def _row(sample: str, number: int, truth: list[dict[str, object]]) -> dict[str, object]:
    light = "night" if number % 2 else "day"
    sequence = None if number > 20 else f"s{number // 2}"
    return {
        "sample": sample, "site": "harbour", "camera": f"c{number % 3}", "light": light, "weather": None,
        "sequence": sequence, "truth": truth,
    }  # fmt: skip


def _answer(sample: str, box: Mapping[str, object], score: float) -> dict[str, object]:
    return {"sample": sample, **{side: box[side] for side in SIDES}, "category": "car", "score": score}


def _none() -> pa.Table:
    return pa.Table.from_pylist([_answer("a", _box(0, 0, 1, 1), 0.0)]).slice(0, 0)
