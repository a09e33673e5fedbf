"""What `merge` makes of two snapshots."""

from dataclasses import replace
from typing import Any

import pytest

from slipway.platform.data.diff import diff
from slipway.platform.data.errors import SnapshotDamaged
from slipway.platform.data.manifest import NAME
from slipway.platform.data.merge import MergeConflict, merge
from slipway.platform.data.snapshot import Snapshot


def test_the_union_has_all_images_and_the_digest_does_not_depend_on_the_order(make: Any, shot: Any) -> None:
    ours = make([shot("a"), shot("b")], source="monday", licence="CC0-1.0")
    theirs = make([shot("b"), shot("c").but(slices={"zone": "ramp"})], source="tuesday", licence="CC-BY-4.0")
    target, other = make.place(), make.place()
    manifest = merge(ours, theirs, None, target)
    assert merge(theirs, ours, None, other).digest == manifest.digest
    merged = Snapshot(target)
    assert sorted(map(str, merged.index["source"].to_pylist())) == ["a.jpg", "b.jpg", "c.jpg"]
    assert merged.digest == manifest.digest
    assert manifest.counts == {"images": 3, "boxes": 3, "identities": 0}
    assert manifest.licence == "CC-BY-4.0 AND CC0-1.0"
    assert [one.source for one in manifest.provenance] == ["monday", "tuesday"]
    assert list(merged.verify()) == []
    for row in merged.index.to_pylist():
        assert bytes(merged.image(row["shard"], row["offset"], row["length"]))[:4] == b"\x89PNG"


def test_shards_are_linked_and_never_written_again(make: Any, shot: Any) -> None:
    ours, theirs = make([shot("a")]), make([shot("b")])
    target = make.place()
    merge(ours, theirs, None, target)
    for side in (ours, theirs):
        (shard,) = (side.folder / "shards").iterdir()
        assert shard.samefile(target / "shards" / shard.name)


def test_two_labels_of_one_sample_are_a_conflict_that_names_both_and_their_authors(
    make: Any, shot: Any, car: Any, van: Any, sample_of: Any
) -> None:
    ours = make([shot("a"), shot("b")])
    theirs = make([shot("a").but(replace(car, category="van", author="grace"), van), shot("b")])
    target = make.place()
    with pytest.raises(MergeConflict, match="1 conflict ") as caught:
        merge(ours, theirs, None, target)
    (conflict,) = caught.value.conflicts
    assert (conflict.about, conflict.source, conflict.what) == (sample_of("a"), "a.jpg", "labels")
    assert conflict.ours == "1 car id-1 (human, by ada)"
    assert conflict.theirs == "1 van, 1 van id-1 (human, by ada and grace)"
    assert not target.exists()


def test_boxes_that_both_sides_have_are_only_counted(make: Any, shot: Any, car: Any, van: Any) -> None:
    ours, theirs = make([shot("a", (car, van))]), make([shot("a", (car, replace(van, category="lorry")))])
    with pytest.raises(MergeConflict) as caught:
        merge(ours, theirs, None, make.place())
    assert caught.value.conflicts[0].ours == "1 van, 1 as the other side (human, by ada)"
    assert caught.value.conflicts[0].theirs == "1 lorry, 1 as the other side (human, by ada)"


def test_labels_that_look_the_same_in_short_are_told_by_what_differs(make: Any, shot: Any, car: Any) -> None:
    with pytest.raises(MergeConflict) as caught:
        merge(make([shot("a")]), make([shot("a").but(replace(car, x=12.0))]), None, make.place())
    assert (caught.value.conflicts[0].ours, caught.value.conflicts[0].theirs) == ("car id-1: x 10", "car id-1: x 12")


@pytest.mark.parametrize("column", ["split", "light", "retention", "legal_basis"])
def test_two_values_of_one_image_are_a_conflict(make: Any, shot: Any, column: str) -> None:
    values = {"split": ("train", "test")}.get(column, ("2027-01-01", "2028-01-01"))
    ours, theirs = (make([shot("a").but(**{column: value})]) for value in values)
    with pytest.raises(MergeConflict) as caught:
        merge(ours, theirs, None, make.place())
    assert [(one.what, one.ours, one.theirs) for one in caught.value.conflicts] == [(column, *values)]


@pytest.mark.parametrize("take", ["ours", "theirs"])
def test_take_lets_one_side_hold_in_every_conflict_and_keeps_the_rest_of_both(
    make: Any, shot: Any, car: Any, take: Any
) -> None:
    ours = make([shot("a").but(light="dusk"), shot("b")])
    theirs = make([shot("a").but(replace(car, category="van"), light="night"), shot("c")])
    target = make.place()
    merge(ours, theirs, None, target, take)
    chosen = {"ours": ours, "theirs": theirs}[take]
    found = diff(chosen, Snapshot(target))
    assert (found.counts["images added"], found.counts["images relabelled"], found.changes.num_rows) == (1, 0, 0)


def test_without_a_base_a_label_fills_what_was_unlabelled_and_a_value_what_was_missing(
    make: Any, shot: Any, car: Any
) -> None:
    bare = shot("a", ()).but(label_state="unlabelled", weather="rain")
    labelled = shot("a", (car,)).but(legal_basis="contract")
    target = make.place()
    merge(make([bare]), make([labelled]), None, target)
    (row,) = Snapshot(target).index.to_pylist()
    assert (row["weather"], row["legal_basis"], row["label_state"]) == ("rain", "contract", "human")
    assert Snapshot(target).boxes.num_rows == 1


def test_with_a_base_each_change_of_one_side_holds(make: Any, shot: Any, car: Any, van: Any) -> None:
    base = make([shot("a"), shot("b"), shot("c"), shot("d")])
    ours = make([shot("a").but(replace(car, identity="id-9")), shot("b").but(light="dusk"), shot("c"), shot("d")])
    theirs = make([shot("a"), shot("b").but(van, weather="rain"), shot("d"), shot("e")])
    target = make.place()
    merge(ours, theirs, base, target)
    wanted = make(
        [
            shot("a").but(replace(car, identity="id-9")),
            shot("b").but(van, light="dusk", weather="rain"),
            shot("d"),
            shot("e"),
        ]
    )
    assert diff(wanted, Snapshot(target)).empty


def test_what_one_side_removed_and_the_other_changed_is_a_conflict(make: Any, shot: Any) -> None:
    base, ours, theirs = make([shot("a"), shot("b")]), make([shot("b")]), make([shot("a").but(light="dusk"), shot("b")])
    with pytest.raises(MergeConflict) as caught:
        merge(ours, theirs, base, make.place())
    assert [(one.what, one.ours, one.theirs) for one in caught.value.conflicts] == [("removed", "removed", "changed")]
    kept, gone = make.place(), make.place()
    assert merge(ours, theirs, base, kept, "theirs").counts["images"] == 2
    assert merge(ours, theirs, base, gone, "ours").counts["images"] == 1


def test_shards_of_which_no_image_is_left_are_left_out(make: Any, shot: Any) -> None:
    names = [shot(name) for name in "abcd"]
    base = make(names, shard_limit=2000)
    theirs = make(names[:1], shard_limit=2000)
    target = make.place()
    merge(base, theirs, base, target)
    assert len(list((target / "shards").iterdir())) == 1
    assert list(Snapshot(target).verify()) == []


def test_an_individual_keeps_its_split_or_is_a_conflict_and_stays_while_a_box_names_it(make: Any, shot: Any) -> None:
    base = make([shot("a")], identities={"id-1": "train", "id-2": "train"})
    ours = make([shot("a"), shot("b")], identities={"id-1": "train", "id-2": "train"})
    theirs = make([shot("a")], identities={})
    target = make.place()
    merge(ours, theirs, base, target)
    assert Snapshot(target).identities["identity"].to_pylist() == ["id-1"]
    with pytest.raises(MergeConflict) as caught:
        merge(ours, make([shot("c")], identities={"id-1": "test"}), None, make.place())
    assert [(one.about, one.what) for one in caught.value.conflicts] == [("id-1", "split")]


def test_the_same_bytes_from_two_places_are_no_conflict(make: Any, shot: Any) -> None:
    ours, theirs = make([shot("a").but(source="z/1.jpg")]), make([shot("a").but(source="a/1.jpg")])
    first, second = make.place(), make.place()
    assert merge(ours, theirs, None, first).digest == merge(theirs, ours, None, second).digest


def test_the_target_may_be_one_of_the_sides_and_stays_as_it_was_when_a_shard_is_missing(make: Any, shot: Any) -> None:
    ours, theirs = make([shot("a")]), make([shot("b")])
    (shard,) = (theirs.folder / "shards").iterdir()
    hidden = shard.rename(theirs.folder / "hidden")
    before = (ours.folder / NAME).read_bytes()
    with pytest.raises(SnapshotDamaged, match=r"shards/[0-9a-f]{64}\.tar is missing"):
        merge(ours, theirs, None, ours.folder)
    assert (ours.folder / NAME).read_bytes() == before
    assert [path.name for path in ours.folder.parent.iterdir() if path.name.startswith(".")] == []
    hidden.rename(shard)
    merge(ours, theirs, None, ours.folder)
    assert Snapshot(ours.folder).index.num_rows == 2
