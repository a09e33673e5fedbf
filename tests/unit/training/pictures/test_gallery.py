"""The gallery shows good and bad queries, and marks hits and misses by more than a colour."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from slipway.training.evaluation.judged import Judged
from slipway.training.evaluation.retrieval import judged
from slipway.training.pictures.gallery import HIT, MISS, chosen, draw_cmc, draw_gallery
from slipway.training.task import Examples


class Plain:
    """Pixels of one colour for each row."""

    size = (24, 32)
    grain = 8

    def __init__(self, count: int) -> None:
        self.count = count

    def read(self, rows: npt.NDArray[np.int64], out: npt.NDArray[np.uint8]) -> None:
        out[...] = (rows * 5 % 256).astype(np.uint8)[:, None, None, None]


@pytest.fixture
def seen() -> tuple[Judged, Examples]:
    chance = np.random.default_rng(0)
    individuals = np.repeat(np.arange(12), 4)
    vectors = chance.normal(size=(12, 8))[individuals] + chance.normal(0, 0.8, (48, 8))
    rows = pa.table(
        {
            "sample": [f"s{row:02d}" for row in range(48)],
            "identity": [f"v{one}" for one in individuals],
            "camera": [f"harbour/{row % 4}" for row in range(48)],
        }
    )
    return judged(vectors.astype(np.float32), rows), Examples(Plain(48), {}, rows)


def test_queries_go_evenly_from_the_best_to_the_worst_each_of_another_individual(seen: tuple[Judged, Examples]) -> None:
    found, _ = seen
    error = found.samples["error"].to_numpy()
    lines = chosen(found, 6)

    assert error[lines].tolist() == sorted(error[lines])
    assert error[lines[0]] == error.min()
    assert error[lines[-1]] == error.max()
    assert len({found.samples["identity"][line].as_py() for line in lines}) == 6


def test_fewer_queries_than_asked_for_are_each_shown_once(seen: tuple[Judged, Examples]) -> None:
    found, _ = seen
    assert sorted(chosen(found, 1000)) == list(range(found.units))


def test_the_same_search_gives_the_same_bytes_and_another_one_others(
    seen: tuple[Judged, Examples], tmp_path: Path
) -> None:
    found, examples = seen
    for name, count in (("a", 2), ("b", 2), ("c", 3)):
        draw_gallery(found, examples, tmp_path / name, count)
    first, second, third = ((tmp_path / name).read_bytes() for name in "abc")

    assert first == second
    assert first != third


def test_hits_and_misses_have_frames_of_their_own_and_differ_in_line_and_mark_too(
    seen: tuple[Judged, Examples], tmp_path: Path
) -> None:
    found, examples = seen
    draw_gallery(found, examples, tmp_path / "gallery.png", 3)
    image = cv2.imread(str(tmp_path / "gallery.png"))
    assert image is not None

    for colour, _, _ in (HIT, MISS):
        wanted = [int(colour[place : place + 2], 16) for place in (5, 3, 1)]
        assert (image == wanted).all(axis=2).sum() > 500
    assert all(one != other for one, other in zip(HIT, MISS, strict=True))


def test_the_curve_of_first_matches_is_a_picture(seen: tuple[Judged, Examples], tmp_path: Path) -> None:
    found, _ = seen
    draw_cmc({"ours": found.details["cmc"], "baseline": [0.1, 0.2]}, tmp_path / "cmc.png")
    image = cv2.imread(str(tmp_path / "cmc.png"))

    assert image is not None
    assert image.std() > 5
