"""Pictures: what they show, and that the same numbers give the same file."""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest

from slipway.platform.data.snapshot import Snapshot
from slipway.training.evaluation.classification import Answers, details_of
from slipway.training.evaluation.judged import Judged
from slipway.training.pictures.classes import draw_classes
from slipway.training.pictures.curves import draw_curves
from slipway.training.pictures.worst import worst_samples
from slipway.training.reading.pixels import Pixels
from slipway.training.reading.source import Decoded, whole_images
from slipway.training.task import Examples

NAMES = ("confusion.png", "precision-recall.png", "reliability.png")


def read(path: Path) -> Pixels:
    pixels = cv2.imread(str(path))
    assert pixels is not None
    return pixels.astype(np.uint8)


def answers(classes: int, positive: int | None, skill: float = 2.0) -> Answers:
    chance = np.random.default_rng(0)
    truth = chance.integers(0, classes, 200)
    scores = chance.normal(0, 1, (200, classes)) + skill * np.eye(classes)[truth]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return Answers(probabilities, truth, tuple(f"class {number}" for number in range(classes)), positive)


@pytest.fixture
def examples(bays: Snapshot) -> Examples:
    index = bays.index.slice(0, 40)
    return Examples(Decoded(bays, whole_images(bays, index), (64, 64)), {}, index.select(["sample", "light"]))


def judged(error: list[float], examples: Examples) -> Judged:
    table = examples.rows.select(["sample"]).append_column("error", pa.array(error))
    return Judged({}, len(error), {}, table)


def draw_some_curves(path: Path) -> None:
    steps = list(range(100))
    draw_curves(
        {
            "train/loss": (steps, [1 / (1 + step) for step in steps]),
            "validation/loss": ([50, 100], [0.4, 0.3]),
            "validation/accuracy": ([50, 100], [0.8, 0.9]),
        },
        path,
    )


@pytest.mark.parametrize(("classes", "positive"), [(2, 1), (12, None), (20, None)])
def test_a_recogniser_of_any_number_of_classes_has_its_pictures(
    classes: int, positive: int | None, tmp_path: Path
) -> None:
    draw_classes(details_of(answers(classes, positive)), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(NAMES)
    assert all(read(tmp_path / name).std() > 10 for name in NAMES)


def test_the_same_numbers_give_the_same_bytes_whatever_a_person_has_set_for_matplotlib(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, examples: Examples
) -> None:
    import matplotlib as mpl

    details = details_of(answers(3, None))
    for name in ("first", "second"):
        draw_classes(details, tmp_path / name)
        draw_some_curves(tmp_path / name / "curves.png")
        worst_samples(judged([0.5] * 40, examples), examples, tmp_path / name / "worst.png", count=3)
        monkeypatch.setitem(mpl.rcParams, "axes.facecolor", "red")
    made = {path.name: path.read_bytes() for path in (tmp_path / "first").iterdir()}
    assert len(made) == 5
    assert made == {path.name: path.read_bytes() for path in (tmp_path / "second").iterdir()}


def test_better_answers_make_another_picture(tmp_path: Path) -> None:
    for name, skill in (("good", 4.0), ("poor", 0.5)):
        draw_classes(details_of(answers(2, 1, skill)), tmp_path / name)
    for name in NAMES:
        assert (tmp_path / "good" / name).read_bytes() != (tmp_path / "poor" / name).read_bytes()


def test_the_sheet_shows_the_worst_samples_as_the_network_saw_them_and_no_others(
    examples: Examples, tmp_path: Path
) -> None:
    error = np.linspace(0, 0.5, 40)
    error[7] = 1.0
    asked: list[str] = []

    def caption(row: Mapping[str, object]) -> str:
        asked.append(str(row["sample"]))
        return f"{row['error']}"

    worst_samples(judged(error.tolist(), examples), examples, tmp_path / "worst.png", count=4, caption=caption)
    samples = examples.rows["sample"].to_pylist()
    assert asked == [samples[row] for row in (7, 39, 38, 37)]
    sheet = read(tmp_path / "worst.png")
    assert found_in(sheet, seen(examples, 7)) > 0.9
    assert found_in(sheet, seen(examples, 39)) > 0.9
    assert found_in(sheet, seen(examples, 3)) < 0.9


def test_boxes_are_outlined_where_they_are(examples: Examples, tmp_path: Path) -> None:
    table = judged([0.0] * 40, examples)
    worst_samples(table, examples, tmp_path / "plain.png", count=1)
    worst_samples(table, examples, tmp_path / "boxed.png", count=1, boxes=lambda _: [(8, 8, 56, 56, "#ff00ff")])
    changed = np.any(read(tmp_path / "plain.png") != read(tmp_path / "boxed.png"), axis=2)
    assert 100 < changed.sum() < 0.05 * changed.size


def test_more_samples_than_there_are_is_no_harm(examples: Examples, tmp_path: Path) -> None:
    worst_samples(judged([0.0] * 40, examples), examples, tmp_path / "all.png", count=1000)
    assert read(tmp_path / "all.png").shape[0] > 1000


def test_curves_of_one_name_share_a_panel(tmp_path: Path) -> None:
    draw_some_curves(tmp_path / "two.png")
    draw_curves({"train/loss": ([1, 2], [1.0, 0.5])}, tmp_path / "one.png")
    assert read(tmp_path / "two.png").shape[1] == pytest.approx(2 * read(tmp_path / "one.png").shape[1], abs=2)


def seen(examples: Examples, row: int) -> Pixels:
    pixels = np.empty((1, 64, 64, 3), np.uint8)
    examples.source.read(np.array([row]), pixels)
    return np.ascontiguousarray(pixels[0, :, :, ::-1])


def found_in(sheet: Pixels, pixels: Pixels) -> float:
    """How well the best place of a sheet matches, over the sizes that a tile may have."""
    sizes = range(140, 190, 2)
    large = [cv2.resize(pixels, (size, size), interpolation=cv2.INTER_NEAREST) for size in sizes]
    return max(float(cv2.matchTemplate(sheet, one, cv2.TM_CCOEFF_NORMED).max()) for one in large)
