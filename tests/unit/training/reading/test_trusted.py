"""Whose labels are learned from, and whose are judged on."""

from collections.abc import Callable, Iterable

import pytest

from slipway.platform.data.snapshot import Snapshot
from slipway.platform.errors import WrongUse
from slipway.training.models.bay_occupancy.config import Config
from slipway.training.models.bay_occupancy.task import build
from slipway.training.reading.trusted import Trusted, trusted_examples

STATES = ("unlabelled", "auto", "human", "reviewed", "disputed")
Make = Callable[[Iterable[tuple[str, str, str]]], Snapshot]


def test_reviewed_rows_are_judged_on_and_undisputed_ones_learned_from(make_bays: Make) -> None:
    snapshot = make_bays((split, "free", state) for split in ("train", "validation", "test") for state in STATES)
    trusted = Trusted.of(snapshot)
    assert trusted.digest == snapshot.digest
    seen = sorted(zip(trusted.index["split"].to_pylist(), trusted.index["label_state"].to_pylist(), strict=True))
    learned = [(split, state) for split in ("train", "validation") for state in ("auto", "human", "reviewed")]
    assert seen == sorted([*learned, ("test", "reviewed")])
    assert trusted.left_out("test") == {"auto": 1, "disputed": 1, "human": 1, "unlabelled": 1}
    assert trusted.left_out("train") == {"disputed": 1, "unlabelled": 1}
    task = build(Config())
    assert trusted_examples(task, snapshot, "test").count == 1
    assert trusted_examples(task, snapshot, "train").count == 3


def test_where_nobody_reviewed_anything_it_is_said_with_what_to_do(make_bays: Make) -> None:
    snapshot = make_bays(
        [
            ("test", "free", "human"),
            ("test", "free", "human"),
            ("train", "free", "disputed"),
            ("validation", "free", "auto"),
        ]
    )
    task = build(Config())
    with pytest.raises(WrongUse, match="nobody has reviewed: 2 human") as caught:
        trusted_examples(task, snapshot, "test")
    assert "slipway data label export" in (caught.value.mend or "")
    with pytest.raises(WrongUse, match="nobody has labelled: 1 disputed"):
        trusted_examples(task, snapshot, "train")
