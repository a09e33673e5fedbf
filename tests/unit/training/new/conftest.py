"""A project with a package of models of its own, and a snapshot that every kind of model finds something in."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from slipway.platform.data.rows import Box, Identity, Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.writer import SnapshotWriter
from slipway.training.new.making import Place

COLOURS = {"boat": (200, 40, 40), "buoy": (40, 60, 210)}
INDIVIDUALS = {"train": 8, "validation": 4, "test": 4}
PICTURES = 4
HEIGHT, WIDTH = 96, 128
COUNT = iter(range(1_000_000))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a distribution whose package is there for models."""
    root = tmp_path / "project"
    package = f"harbour{next(COUNT)}"
    folder = root / "src" / package
    about = root / "src" / f"{package}-1.dist-info"
    for made in (folder, about):
        made.mkdir(parents=True)
    (root / "slipway.toml").touch()
    (folder / "__init__.py").write_text('"""Models of a harbour."""\n')
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n")
    (about / "entry_points.txt").write_text(f"[slipway.models]\n{package} = {package}\n")
    return root


@pytest.fixture
def place(project: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """That package, importable."""
    folder = next(path for path in (project / "src").iterdir() if path.suffix != ".dist-info")
    monkeypatch.syspath_prepend(folder.parent)
    return Place(folder.name, folder)


@pytest.fixture
def snapshot(project: Path) -> Snapshot:
    """Pictures of one coloured thing each, seen again by two cameras."""
    rng = np.random.default_rng(0)
    number = 0
    with SnapshotWriter(project / "data") as writer:
        for split, individuals in INDIVIDUALS.items():
            for _ in range(individuals):
                category = ("boat", "buoy")[number % 2]
                writer.add_identity(Identity(identity=f"i{number}", category=category, split=split))
                for picture in range(PICTURES):
                    data, box = drawn(rng, category, f"i{number}")
                    source, camera = f"{number}-{picture}", f"c{picture % 2}"
                    image = Image(
                        width=WIDTH,
                        height=HEIGHT,
                        split=split,
                        source=source,
                        site="quay",
                        camera=camera,
                        label_state="reviewed",
                    )
                    writer.add(data, image, [box])
                number += 1
            writer.add(*crowded(rng, split))
        writer.finish([], "made here")
    return Snapshot(project / "data")


def crowded(rng: np.random.Generator, split: str) -> tuple[bytes, Image, list[Box]]:
    """A picture of two things, which is no picture of one."""
    data, box = drawn(rng, "boat", "i0")
    image = Image(width=WIDTH, height=HEIGHT, split=split, source=f"crowded-{split}", label_state="reviewed")
    return data, image, [Box(category="boat", x=box.x, y=box.y, w=box.w, h=box.h) for _ in range(2)]


def drawn(rng: np.random.Generator, category: str, identity: str) -> tuple[bytes, Box]:
    """A rectangle of the category's colour on noise."""
    pixels = rng.integers(90, 130, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    w, h = (int(side) for side in rng.integers(24, 48, 2))
    x, y = int(rng.integers(0, WIDTH - w)), int(rng.integers(0, HEIGHT - h))
    pixels[y : y + h, x : x + w] = COLOURS[category]
    done, data = cv2.imencode(".jpg", pixels[:, :, ::-1])
    assert done
    return data.tobytes(), Box(category=category, x=x, y=y, w=w, h=h, identity=identity)
