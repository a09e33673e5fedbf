"""What tests of training share: a small snapshot that a recogniser learns from in a moment, and models of one's own."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from slipway.platform.data.rows import Box, Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.writer import SnapshotWriter
from slipway.platform.models.finder import Model, model_named

STATES = ("free", "occupied")
SPLITS = {"train": 64, "validation": 32, "test": 60}
Item = tuple[str, str, str]
Make = Callable[[Iterable[Item]], Snapshot]
MakeModel = Callable[[str, Mapping[str, str]], Model]
COUNT = iter(range(1_000_000))


def patch(number: int, *, occupied: bool) -> bytes:
    """Ground with the lines of a bay, some litter, and a box: on the bay where it is occupied, beside it where not."""
    chance = np.random.default_rng(number)
    pixels = chance.normal(110, 12, (64, 64, 3))
    pixels[:, [8, 9, 54, 55]] = 220
    for _ in range(chance.integers(0, 25)):
        top, left = chance.integers(46, 58), chance.integers(10, 50)
        pixels[top : top + 4, left : left + 4] = 0
    box = np.full((26, 32, 3), chance.integers(0, 256, 3), np.float64)
    box[4:10, 4:28] = chance.integers(0, 60)
    if occupied:
        pixels[20:46, 16:48] = box
    else:
        pixels[20:46, 48:] = box[:, :16]
        pixels[20:46, :16] = box[:, 16:]
    done, data = cv2.imencode(".jpg", pixels.clip(0, 255).astype(np.uint8))
    assert done
    return data.tobytes()


@pytest.fixture(scope="session")
def make_bays(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """A real snapshot of bays; each item is a split, a category and a state of the label."""

    def make(items: Iterable[Item]) -> Snapshot:
        folder = tmp_path_factory.mktemp("bays") / "data"
        with SnapshotWriter(folder) as writer:
            for number, (split, category, label) in enumerate(items):
                image = Image(
                    width=64, height=64, split=split, source=f"{number}.jpg", site="harbour", camera="aisle",
                    light="night" if number % 4 == 0 else "day", weather="clear", sequence=f"{split}-{number // 8}",
                    extra={"bay": f"N{number % 4}"}, slices={"view": "bay"}, label_state=label,
                )  # fmt: skip
                box = Box(category=category, x=0, y=0, w=64, h=64, label_state=label)
                writer.add(patch(number, occupied=category == "occupied"), image, [box])
            writer.finish([], licence="made here")
        return Snapshot(folder)

    return make


@pytest.fixture(scope="session")
def bays(make_bays: Make) -> Snapshot:
    """As many free as occupied in every split."""
    return make_bays(
        (split, STATES[number % 2], "reviewed") for split, count in SPLITS.items() for number in range(count)
    )


@pytest.fixture
def make_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeModel:
    """A model of these files, brought by a distribution on the path whose name no other test has."""

    def make(name: str, files: Mapping[str, str]) -> Model:
        package = f"brought{next(COUNT)}"
        folder = tmp_path / package / name.replace("-", "_")
        about = tmp_path / f"{package}-1.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n")
        (about / "entry_points.txt").write_text(f"[slipway.models]\n{package} = {package}\n")
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        return model_named(name)

    return make
