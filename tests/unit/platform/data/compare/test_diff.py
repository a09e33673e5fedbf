"""What `diff` says of two snapshots."""

from dataclasses import replace
from typing import Any

import pytest

from slipway.platform.data.diff import diff


def test_a_snapshot_does_not_differ_from_itself(make: Any, shot: Any) -> None:
    snapshot = make([shot("a"), shot("b")], identities={"id-1": "train"})
    found = diff(snapshot, snapshot)
    assert found.empty
    assert found.changes.num_rows == 0


def test_where_images_are_stored_is_no_difference(make: Any, shot: Any) -> None:
    shots = [shot(name) for name in "abcdefgh"]
    assert diff(make(shots, shard_limit=2000), make(reversed(shots), shard_limit=9000)).empty


def test_added_and_removed_images_are_told_with_their_rows(make: Any, shot: Any, sample_of: Any) -> None:
    found = diff(make([shot("a"), shot("b")]), make([shot("b"), shot("c")]))
    assert found.added["sample"].to_pylist() == [sample_of("c")]
    assert found.removed["source"].to_pylist() == ["a.jpg"]
    assert found.relabelled == []


@pytest.mark.parametrize(
    ("column", "value"),
    [("split", "test"), ("light", "night"), ("day", "2026-03-02"), ("weather", "rain"), ("time", 60.5), ("frame", 3)],
)
def test_changed_metadata_is_told_with_both_values(make: Any, shot: Any, column: str, value: object) -> None:
    found = diff(make([shot("a")]), make([shot("a").but(**{column: value})]))
    (change,) = found.changes.to_pylist()
    assert (change["source"], change["subject"], change["column"]) == ("a.jpg", "image", column)
    assert change["after"] == str(value)
    assert found.relabelled == []


def test_a_slice_that_only_one_side_has_is_a_change(make: Any, shot: Any) -> None:
    found = diff(make([shot("a")]), make([shot("a").but(slices={"zone": "ramp"})]))
    (change,) = found.changes.to_pylist()
    assert (change["column"], change["before"], change["after"]) == ("slice_zone", None, "ramp")


@pytest.mark.parametrize("values", [{"category": "van"}, {"identity": "id-2"}, {"track": None}, {"author": "grace"}])
def test_a_box_at_the_same_place_is_the_same_box_with_another_label(
    make: Any, shot: Any, car: Any, van: Any, sample_of: Any, values: dict[str, Any]
) -> None:
    found = diff(make([shot("a", (car, van))]), make([shot("a", (van, replace(car, **values)))]))
    (change,) = found.changes.to_pylist()
    assert (change["subject"], [change["column"]]) == ("box", list(values))
    assert (change["before"], change["after"]) == (getattr(car, next(iter(values))), next(iter(values.values())))
    assert found.relabelled == [sample_of("a")]
    assert (found.counts["boxes added"], found.counts["boxes removed"], found.counts["boxes moved"]) == (0, 0, 0)


def test_a_box_that_moved_is_followed_by_its_track_and_by_its_overlap(make: Any, shot: Any, car: Any, van: Any) -> None:
    far, near = replace(car, x=110.0), replace(van, x=74.0)
    found = diff(make([shot("a", (car, van))]), make([shot("a", (far, near))]))
    assert found.counts["boxes moved"] == 2
    assert {row["after"] for row in found.moved.to_pylist()} == {"110 10 40 20", "74 15 50 30"}
    assert (found.counts["boxes added"], found.counts["boxes removed"]) == (0, 0)


def test_a_box_without_a_name_that_is_elsewhere_is_another_one(make: Any, shot: Any, van: Any) -> None:
    found = diff(make([shot("a", (van,))]), make([shot("a", (replace(van, x=0.0, y=60.0),))]))
    assert (found.counts["boxes added"], found.counts["boxes removed"], found.counts["boxes moved"]) == (1, 1, 0)


def test_of_several_overlapping_boxes_the_best_pairs_are_taken(make: Any, shot: Any, van: Any) -> None:
    left, right = replace(van, x=0.0), replace(van, x=12.0)
    found = diff(
        make([shot("a", (left, right))]),
        make([shot("a", (replace(left, x=1.0, author="b"), replace(right, x=13.0, author="b")))]),
    )
    assert sorted((row["before"], row["after"]) for row in found.moved.to_pylist()) == [
        ("0 15 50 30", "1 15 50 30"),
        ("12 15 50 30", "13 15 50 30"),
    ]


def test_two_equal_boxes_of_which_one_goes_are_counted(make: Any, shot: Any, van: Any) -> None:
    found = diff(make([shot("a", (van, van))]), make([shot("a", (van,))]))
    assert (found.counts["boxes removed"], found.counts["images relabelled"]) == (1, 1)


def test_individuals_that_come_go_or_change_are_told(make: Any, shot: Any) -> None:
    before = make([shot("a")], identities={"id-1": "train", "id-2": "train"})
    after = make([shot("a")], identities={"id-1": "test", "id-3": "train"})
    found = diff(before, after)
    assert found.identities_added["identity"].to_pylist() == ["id-3"]
    assert found.identities_removed["identity"].to_pylist() == ["id-2"]
    assert found.counts["identity split changed"] == 1


def test_empty_snapshots_can_be_compared(make: Any, shot: Any) -> None:
    assert diff(make([]), make([])).empty
    assert diff(make([]), make([shot("a")])).counts["images added"] == 1
