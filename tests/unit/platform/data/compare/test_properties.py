"""What holds for all snapshots: the algebra of merge, and the sums of diff."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.platform.data.diff import diff
from slipway.platform.data.merge import merge
from slipway.platform.data.rows import Box, Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.writer import SnapshotWriter

NAMES = "abcdef"
PLAIN = Image(width=160, height=90, split="train", source="?")

# One truth, of which each snapshot knows a part: nobody contradicts anybody.
knowledge = st.fixed_dictionaries(
    {}, optional={name: st.tuples(st.booleans(), st.booleans(), st.booleans()) for name in NAMES}
)
# Anything at all.
box = st.builds(
    Box,
    category=st.sampled_from(["car", "van"]),
    x=st.integers(0, 100).map(float),
    y=st.just(10.0),
    w=st.just(40.0),
    h=st.sampled_from([20.0, 30.0]),
    track=st.sampled_from([None, "t1", "t2"]),
    identity=st.sampled_from([None, "id-1"]),
)
anything = st.dictionaries(st.sampled_from(NAMES), st.lists(box, max_size=4), max_size=6)


@contextmanager
def surroundings() -> Iterator[Path]:
    """A folder for one example; nothing here is about power cuts, so that nothing waits for the disk."""
    with tempfile.TemporaryDirectory() as name, patch("os.fsync"):
        yield Path(name)


def write(folder: Path, rows: Sequence[tuple[str, Image, list[Box]]]) -> Snapshot:
    with SnapshotWriter(folder, shard_limit=5000) as writer:
        for name, image, boxes in rows:
            writer.add(b"\xff\xd8\xff" + name.encode() * 500, replace(image, source=name), boxes)
        writer.finish([], "unknown")
    return Snapshot(folder)


def partly(folder: Path, known: dict[str, tuple[bool, bool, bool]]) -> Snapshot:
    rows = []
    for name, (labelled, light, zone) in known.items():
        image = replace(PLAIN, light=f"light-{name}" if light else None, slices={"zone": name} if zone else {})
        boxes = [Box(category=f"car-{name}", x=1, y=2, w=3, h=4)]
        rows.append((name, image if labelled else replace(image, label_state="unlabelled"), boxes if labelled else []))
    return write(folder, rows)


def wholly(folder: Path, said: dict[str, list[Box]]) -> Snapshot:
    return write(folder, [(name, PLAIN, boxes) for name, boxes in said.items()])


@settings(max_examples=12)
@given(first=knowledge, second=knowledge, third=knowledge)
def test_without_conflicts_merging_is_commutative_associative_and_idempotent(
    first: Any, second: Any, third: Any
) -> None:
    with surroundings() as folder:
        numbers = iter(range(100))

        def both(left: Snapshot, right: Snapshot) -> Snapshot:
            target = folder / f"merged-{next(numbers)}"
            merge(left, right, None, target)
            return Snapshot(target)

        a, b, c = (partly(folder / f"side-{place}", one) for place, one in enumerate((first, second, third)))
        ab = both(a, b)
        assert ab.digest == both(b, a).digest
        assert both(ab, c).digest == both(a, both(b, c)).digest
        assert both(a, a).digest == a.digest
        assert both(ab, b).digest == ab.digest


@settings(max_examples=20)
@given(first=anything, second=anything)
def test_differences_add_up_and_a_side_that_left_the_base_alone_has_nothing_to_say(first: Any, second: Any) -> None:
    with surroundings() as folder:
        a, b = wholly(folder / "a", first), wholly(folder / "b", second)
        assert diff(a, a).empty
        found = diff(a, b)
        counts = found.counts
        assert found.empty == (first == second or sorted_boxes(first) == sorted_boxes(second))
        assert counts["images before"] - counts["images removed"] + counts["images added"] == counts["images after"]
        gone, come = boxes_in(a, found.removed), boxes_in(b, found.added)
        assert (
            counts["boxes before"] - gone - counts["boxes removed"] + counts["boxes added"] + come
            == counts["boxes after"]
        )
        merge(a, b, a, folder / "merged")
        assert diff(Snapshot(folder / "merged"), b).empty


def sorted_boxes(said: dict[str, list[Box]]) -> dict[str, list[str]]:
    return {name: sorted(map(repr, boxes)) for name, boxes in said.items()}


def boxes_in(snapshot: Snapshot, rows: Any) -> int:
    samples = set(rows["sample"].to_pylist())
    return sum(sample in samples for sample in snapshot.boxes["sample"].to_pylist())
