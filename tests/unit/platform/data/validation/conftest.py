"""Small snapshots that are good, or bad in one way."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture

from slipway.platform.data.manifest import Provenance
from slipway.platform.data.rows import Box, Identity, Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.validation.tables import Tables
from slipway.platform.data.writer import SnapshotWriter

SIDE = 96
SPLITS = ("train", "validation", "test")
COLOURS = ((200, 30, 30), (30, 60, 200), (30, 160, 60), (210, 200, 40), (120, 40, 140), (230, 230, 230))


@dataclass
class Shot:
    """An image before it is in a snapshot."""

    data: bytes
    image: Image
    boxes: list[Box] = field(default_factory=list)

    def change(self, **values: Any) -> None:
        self.image = replace(self.image, **values)

    def relabel(self, **values: Any) -> None:
        self.boxes = [replace(box, **values) for box in self.boxes]


def picture(seed: int, colour: tuple[int, int, int], *, side: int = SIDE, quality: int = 92) -> bytes:
    """A vehicle of one colour on a ground of its own."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(60, 140, (12, 12, 3)).astype(np.uint8)
    pixels = np.asarray(Picture.fromarray(ground).resize((side, side))).copy()
    low, high = side // 6, side - side // 6
    pixels[low:high, low:high] = colour
    buffer = io.BytesIO()
    Picture.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def good_shots() -> list[Shot]:
    """Two vehicles in each split, each seen six times by two cameras, a minute apart."""
    shots = []
    for vehicle, colour in enumerate(COLOURS):
        split = SPLITS[vehicle % 3]
        for sight in range(12):
            camera = ("gate", "aisle")[sight // 6]
            box = Box(category=("car", "van")[vehicle // 3], x=16, y=16, w=64, h=64, identity=f"v{vehicle}")
            shots.append(
                Shot(
                    picture(vehicle * 100 + sight, colour),
                    Image(
                        width=SIDE,
                        height=SIDE,
                        split=split,
                        source=f"{camera}/{vehicle}-{sight}.jpg",
                        site="yard",
                        camera=camera,
                        day=f"2026-03-0{1 + vehicle % 3}",
                        time=36000.0 + 100 * vehicle + 10 * sight,
                        light=("day", "night")[vehicle // 3],
                        weather=("dry", "rain")[vehicle // 3],
                        sequence=f"{camera}-{vehicle}",
                        frame=sight,
                        legal_basis="contract",
                        retention="2030-01-01",
                    ),
                    [replace(box, track=f"{camera}-{vehicle}")],
                )
            )
    return shots


Build = Callable[..., Snapshot]


@pytest.fixture
def shots() -> list[Shot]:
    return good_shots()


@pytest.fixture
def draw() -> Callable[..., bytes]:
    return picture


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Write shots as a snapshot; identities are those of the boxes, each in the split of its first image."""

    def make(shots: list[Shot], name: str = "data") -> Snapshot:
        with SnapshotWriter(tmp_path / name) as writer:
            known: dict[str, Identity] = {}
            for shot in shots:
                writer.add(shot.data, shot.image, shot.boxes)
                for box in shot.boxes:
                    if box.identity:
                        one = Identity(identity=box.identity, category=box.category, split=shot.image.split)
                        writer.add_identity(known.setdefault(box.identity, one))
            writer.finish([Provenance(kind="test", source="drawn")], "CC0-1.0")
        return Snapshot(tmp_path / name)

    return make


@pytest.fixture
def tables(build: Build) -> Callable[..., Tables]:
    """The tables of shots, beside those of earlier ones if there are any."""

    def make(shots: list[Shot], earlier: list[Shot] | None = None, **changes: Any) -> Tables:
        previous = Tables(build(earlier, "earlier")) if earlier is not None else None
        return replace(Tables(build(shots), previous, today=date(2026, 4, 1)), **changes)

    return make


@contextmanager
def _patched(path: Path) -> Iterator[bytearray]:
    data = bytearray(path.read_bytes())
    yield data
    path.write_bytes(data)


@pytest.fixture
def patched() -> Callable[[Path], Any]:
    """The bytes of a file, to be changed in place."""
    return _patched
