"""Small snapshots that are made on the spot, sources that are watched, and the reader's threads."""

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest

from slipway.platform.data.rows import Box, Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.writer import SnapshotWriter
from slipway.training.reading.pixels import Pixels
from slipway.training.reading.reader import THREAD_NAME
from slipway.training.reading.source import Decoded, whole_images

Item = tuple[bytes, Image, Iterable[Box]]
MakeSnapshot = Callable[[Iterable[Item]], Snapshot]


def picture(number: int, height: int, width: int) -> Pixels:
    """A smooth picture with some texture, another one for each number."""
    chance = np.random.default_rng(number)
    total = np.full((height, width, 3), 128.0, np.float32)
    for cells, strength in ((3, 50), (12, 20)):
        noise = chance.normal(0, strength, (cells, cells, 3)).astype(np.float32)
        total += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(total, 0, 255).astype(np.uint8)


def encoded(pixels: Pixels, suffix: str = ".jpg") -> bytes:
    """A file of it."""
    done, data = cv2.imencode(suffix, pixels[:, :, ::-1])
    assert done
    return data.tobytes()


@pytest.fixture
def make_picture() -> Callable[[int, int, int], Pixels]:
    return picture


@pytest.fixture
def encode() -> Callable[..., bytes]:
    return encoded


@pytest.fixture
def make_snapshot(tmp_path: Path) -> MakeSnapshot:
    """A real snapshot of the given images."""

    def make(items: Iterable[Item]) -> Snapshot:
        folder = tmp_path / "data"
        with SnapshotWriter(folder) as writer:
            for data, image, boxes in items:
                writer.add(data, image, boxes)
            writer.finish([], licence="made here")
        return Snapshot(folder)

    return make


@pytest.fixture
def snapshot(make_snapshot: MakeSnapshot) -> Snapshot:
    """40 JPEG of 40 x 48 pixels."""
    image = Image(width=48, height=40, split="train", source="made here")
    return make_snapshot((encoded(picture(number, 40, 48)), image, ()) for number in range(40))


@pytest.fixture
def decoded(snapshot: Snapshot) -> Decoded:
    """All of them, at 32 x 32."""
    return Decoded(snapshot, whole_images(snapshot, snapshot.index), (32, 32))


@pytest.fixture
def reading_threads() -> Callable[[], list[str]]:
    """Names of the reader's threads that are alive."""
    return lambda: [thread.name for thread in threading.enumerate() if thread.name.startswith(THREAD_NAME)]
