"""Snapshots of a few tiny images."""

from collections.abc import Callable
from pathlib import Path

import pytest

from slipway.platform.data.rows import Box, Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.writer import SnapshotWriter

Fill = Callable[..., Snapshot]


@pytest.fixture(scope="session")
def fill() -> Fill:
    """Write images with these numbers to a snapshot's folder, on top of another one; three images fill a shard."""

    def run(target: Path, numbers: range, base: Snapshot | None = None) -> Snapshot:
        with SnapshotWriter(target, base=base, shard_limit=4096) as writer:
            for number in numbers:
                slices = {"lane": "left"} if number % 2 else {}
                image = Image(width=1, height=1, split="train", source=f"{number}.jpg", slices=slices)
                boxes = [Box(category="car", x=1, y=1, w=number, h=1, occlusion=share) for share in (0.3, 0.1)]
                writer.add(b"\xff\xd8\xff%d" % number, image, boxes)
            writer.finish([], "unknown")
        return Snapshot(target)

    return run
