"""What a lineage has seen: images, individuals, days; held-out cameras aside, ancestors included."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from slipway.platform.data.rows import Box, Identity, Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.view import View
from slipway.platform.data.writer import SnapshotWriter
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.records import Result, StoredFile
from slipway.platform.store.directory import DirectoryStore
from slipway.training.gates.lineages import Seen, ancestry_of, lineage_of
from slipway.training.reading.source import strings

Line = tuple[str, str, str, str | None]
"""Split, camera, day, individual."""
WHOLE = View.of({})
BEFORE: tuple[Line, ...] = (
    ("train", "north", "2026-03-01", None),
    ("train", "north", "2026-03-02", "w1"),
    ("test", "north", "2026-03-05", None),
)
NOW: tuple[Line, ...] = (
    ("test", "north", "2026-03-01", None),  # a day that was trained on
    ("test", "held", "2026-03-01", None),  # the same day, at a camera that is held out
    ("test", "north", "2026-03-02", "w1"),  # an individual that was trained on
    ("test", "north", "2026-03-02", "w2"),  # another one, that day
    ("test", "north", "2026-03-09", None),
    ("train", "north", "2026-03-08", None),
)


def snapshot(folder: Path, lines: Iterable[Line], first: int = 0) -> Snapshot:
    """Pictures that differ by their number."""
    with SnapshotWriter(folder) as writer:
        people: set[tuple[str, str]] = set()
        for number, (split, camera, day, individual) in enumerate(lines, first):
            _, data = cv2.imencode(".png", np.full((8, 8, 3), number, np.uint8))
            image = Image(
                width=8, height=8, split=split, source=f"{number}.png", site="harbour", camera=camera, day=day
            )
            boxes = [Box(category="car", x=0, y=0, w=8, h=8, identity=individual)] if individual else []
            writer.add(data.tobytes(), image, boxes)
            people |= {(individual, split)} if individual else set()
        for individual, split in sorted(people):
            writer.add_identity(Identity(identity=individual, category="car", split=split))
        writer.finish([], licence="made here")
    return Snapshot(folder)


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "store")


def trained(
    store: DirectoryStore, weights: str, references: Mapping[str, str] | None = None, digest: str = "a" * 64
) -> str:
    """A training in the store, and its key."""
    parts = Parts(
        model="tiny", snapshot=digest, view={"where": [], "tables": []}, code=(), config={"w": weights}, lock=(),
        references=references or {},
    )  # fmt: skip
    store.put(WorkKeys(parts.key).parts, parts.to_bytes())
    Result(
        key=parts.key, attempt=1, finished=datetime(2026, 1, 1, tzinfo=UTC), metrics={}, steps=1, seconds=1,
        files={"weights.safetensors": StoredFile(sha256=weights, size=1)},
    ).bind(store, WorkKeys(parts.key).result)  # fmt: skip
    return parts.key


def test_days_and_individuals_that_were_trained_on_count_as_seen(tmp_path: Path, store: DirectoryStore) -> None:
    before, now = snapshot(tmp_path / "before", BEFORE), snapshot(tmp_path / "now", NOW, first=10)
    seen = Seen()
    seen.add(before, WHOLE)
    sources = dict(zip(strings(now.index["sample"]), strings(now.index["source"]), strict=True))
    rows = [sample for sample, source in sources.items() if source != "15.png"]
    found = lineage_of(ancestry_of({"run_key": trained(store, "b" * 64)}, store), seen, now, rows)
    assert found.known
    assert {sources[sample]: what for sample, what in found.seen.items()} == {
        "10.png": "the day at harbour on 2026-03-01",
        "12.png": "the individual w1",
    }


def test_the_same_image_counts_as_seen_wherever_it_stands_now(tmp_path: Path, store: DirectoryStore) -> None:
    before = snapshot(tmp_path / "before", BEFORE)
    now = snapshot(tmp_path / "now", [("test", *line[1:]) for line in BEFORE[:1]])
    seen = Seen()
    seen.add(before, WHOLE)
    ancestry = ancestry_of({"run_key": trained(store, "b" * 64)}, store)
    found = lineage_of(ancestry, seen, now, strings(now.index["sample"]))
    assert set(found.seen.values()) == {"the image itself"}


def test_only_what_its_view_showed_was_trained_on(tmp_path: Path) -> None:
    south: Line = ("train", "south", "2026-03-03", "w3")
    seen = Seen()
    seen.add(snapshot(tmp_path / "before", [*BEFORE, south]), View.of({"camera": "south"}))
    assert (len(seen.samples), seen.identities, seen.days) == (1, {"w3"}, set())


def test_ancestors_are_part_of_a_lineage(store: DirectoryStore) -> None:
    trained(store, "b" * 64, digest="1" * 64)
    middle = trained(store, "c" * 64, {"start": "b" * 64}, digest="2" * 64)
    assert middle
    own = trained(store, "d" * 64, {"start": "c" * 64}, digest="3" * 64)
    found = ancestry_of({"run_key": own}, store)
    assert [one.snapshot[0] for one in found.trainings] == ["3", "2", "1"]
    assert not found.unknown


def test_weights_of_nobody_known_are_said(store: DirectoryStore) -> None:
    own = trained(store, "d" * 64, {"start": "e" * 64})
    assert "began with the file eeeeeeeeeeee (`references.start`)" in ancestry_of({"run_key": own}, store).unknown
    assert "elsewhere (a vendor)" in ancestry_of({"origin": "a vendor", "run_key": None}, store).unknown
