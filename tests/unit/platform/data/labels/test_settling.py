"""Images that two people labelled on two branches: the merge hears both."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from label_site import SIZE, make_snapshot, said_of, states, whole_box
from slipway.platform.data.columns import distinct
from slipway.platform.data.labels.changing import Said, hear, into_folder
from slipway.platform.data.labels.marks import whole
from slipway.platform.data.labels.words import Drawn, Word
from slipway.platform.data.merge import MergeConflict, merge
from slipway.platform.data.snapshot import Snapshot

Branch = Callable[..., Snapshot]
Spoken = tuple[str, str, int]
"""Who, what, and at which hour."""
SOURCE = "gate/0.jpg"


@pytest.fixture
def branch(tmp_path: Path) -> Branch:
    """A snapshot of one bay that a machine called free, and what these people said of it, an hour apart each."""
    names = iter("abcdefg")

    def made(*said: Spoken) -> Snapshot:
        folder = tmp_path / next(names)
        snapshot = make_snapshot(folder, 1, "auto", [whole_box("free")])
        (sample,) = distinct(snapshot.index["sample"])
        for author, category, hour in said:
            drawn = (Drawn(whole(category, *SIZE), frozenset()),)
            word = Word(sample=sample, place="here", author=author, drawn=drawn, at=f"2026-11-29T{hour:02}:00:00Z")
            wanted = Said((word,), "human", "")
            into_folder(folder, snapshot, wanted, hear(snapshot, wanted), tmp_path / "scratch")
            snapshot = Snapshot(folder)
        return snapshot

    return made


def both_ways(sides: Sequence[Snapshot], base: Snapshot, folder: Path) -> Snapshot:
    """The merged snapshot, which is the same whichever side is whose."""
    merge(sides[0], sides[1], base, folder / "one")
    merge(sides[1], sides[0], base, folder / "other")
    merged = Snapshot(folder / "one")
    assert merged.digest == Snapshot(folder / "other").digest
    assert not list(merged.verify())
    return merged


@pytest.mark.parametrize(
    ("ours", "theirs", "state", "category"),
    [
        ([("ada", "free", 9)], [("ben", "free", 10)], "reviewed", "free"),
        ([("ada", "free", 10)], [("ben", "occupied", 9)], "disputed", "occupied"),
        ([("ada", "free", 9)], [("ben", "occupied", 10), ("cleo", "occupied", 11)], "reviewed", "occupied"),
        ([("ada", "free", 9)], [("ada", "occupied", 10)], "human", "occupied"),
    ],
)
def test_words_of_both_sides_are_heard_in_the_order_of_their_time(
    branch: Branch, tmp_path: Path, ours: list[Spoken], theirs: list[Spoken], state: str, category: str
) -> None:
    merged = both_ways((branch(*ours), branch(*theirs)), branch(), tmp_path)
    assert states(merged) == [state]
    assert merged.boxes["category"].to_pylist() == [category]
    spoke = [one["author"] for one in said_of(merged, SOURCE) if not one.get("machine")]
    assert set(spoke) == {one[0] for one in (*ours, *theirs)}
    in_turn = branch(*sorted((*ours, *theirs), key=lambda one: one[2]))
    assert said_of(merged, SOURCE) == said_of(in_turn, SOURCE)


def test_what_was_changed_besides_is_still_a_conflict(branch: Branch, tmp_path: Path) -> None:
    ours, theirs = branch(("ada", "free", 9)), branch(("ben", "free", 10))
    moved = make_snapshot(tmp_path / "moved", 1, "human", [replace(whole_box("free", "human", "ada"), occlusion=0.5)])
    for side in (ours, theirs):
        with pytest.raises(MergeConflict):
            merge(side, moved, branch(), tmp_path / "merged")
    with pytest.raises(MergeConflict):
        merge(ours, theirs, None, tmp_path / "merged")
