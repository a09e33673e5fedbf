"""What holds of an image, whoever says what, in whatever order."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.platform.data.labels.history import labels_of, rows_with
from slipway.platform.data.labels.marks import Mark, agree, pairs, unmoved, whole
from slipway.platform.data.labels.opinions import Labels, Opinion, Outcome, heard

CAR = (Mark(category="car", x=10, y=10, w=40, h=20, identity="V1"),)
VAN = (Mark(category="van", x=10, y=10, w=40, h=20, identity="V1"),)
NEARBY = (Mark(category="car", x=11, y=10, w=41, h=20, identity="V1"),)
AWAY = (Mark(category="car", x=30, y=10, w=40, h=20, identity="V1"),)
SAYINGS = {"car": CAR, "van": VAN, "nearby": NEARBY, "away": AWAY, "nothing": (), "wrong": None}
Saying = tuple[str, str]


def word(author: str, what: str) -> Opinion:
    return Opinion(author=author, at="2026-11-29T10:00:00Z", marks=SAYINGS[what], machine=author.startswith("bay"))


def say(sayings: Sequence[Saying], before: Labels | None = None) -> list[Outcome]:
    labels = before or Labels()
    found = []
    for author, what in sayings:
        found.append(heard(labels, word(author, what)))
        labels = found[-1].labels
    return found


STORIES: list[tuple[list[Saying], str, tuple[Mark, ...], str | None]] = [
    ([("bay/2", "car")], "auto", CAR, "bay/2"),
    ([("bay/2", "car"), ("bay/3", "van")], "auto", VAN, "bay/3"),
    ([("bay/2", "car"), ("ada", "car")], "human", CAR, "ada"),
    ([("bay/2", "car"), ("ada", "van")], "human", VAN, "ada"),
    ([("ada", "car"), ("bay/3", "van")], "human", CAR, "ada"),
    ([("ada", "car"), ("ada", "van")], "human", VAN, "ada"),
    ([("ada", "car"), ("ben", "car")], "reviewed", CAR, "ada"),
    ([("ada", "car"), ("ben", "nearby")], "reviewed", CAR, "ada"),
    ([("ada", "nothing"), ("ben", "nothing")], "reviewed", (), "ada"),
    ([("ada", "car"), ("ben", "van")], "disputed", CAR, "ada"),
    ([("ada", "car"), ("ben", "away")], "disputed", CAR, "ada"),
    ([("ada", "car"), ("ben", "wrong")], "disputed", CAR, "ada"),
    ([("ada", "car"), ("ben", "van"), ("cleo", "van")], "reviewed", VAN, "ben"),
    ([("ada", "car"), ("ben", "van"), ("ada", "van")], "reviewed", VAN, "ben"),
    ([("ada", "car"), ("ben", "van"), ("ada", "away")], "disputed", VAN, "ben"),
    ([("ada", "car"), ("ben", "car"), ("cleo", "van")], "disputed", CAR, "ada"),
    ([("ada", "car"), ("ben", "car"), ("ada", "van")], "disputed", CAR, "ben"),
    ([("ada", "car"), ("ben", "wrong"), ("ada", "van")], "human", VAN, "ada"),
    ([("bay/2", "car"), ("ada", "wrong"), ("ben", "car")], "disputed", CAR, "ben"),
    ([("bay/2", "car"), ("ada", "wrong"), ("ben", "car"), ("cleo", "car")], "reviewed", CAR, "ben"),
]


@pytest.mark.parametrize(
    ("sayings", "state", "marks", "author"), STORIES, ids=[" ".join(map(":".join, one[0])) for one in STORIES]
)
def test_a_story_ends_so(sayings: list[Saying], state: str, marks: tuple[Mark, ...], author: str | None) -> None:
    last = say(sayings)[-1].labels
    assert (last.state, last.marks, last.author) == (state, marks, author)


def test_nobody_reviews_their_own_labels_nor_what_nobody_labelled() -> None:
    ada = say([("ada", "car")])[-1].labels
    mine = heard(ada, word("ada", "car"), review=True)
    assert (mine.how, mine.labels) == ("left", ada)
    assert "nobody reviews their own" in mine.why
    for state in ("unlabelled", "auto"):
        nobodys = Labels(state=state, marks=CAR if state == "auto" else ())
        assert heard(nobodys, word("ben", "car"), review=True).how == "left"
    nameless = Labels(state="human", marks=CAR)
    assert heard(nameless, word("ben", "car"), review=True).how == "left"
    first = heard(nameless, word("ben", "car")).labels
    assert (first.state, first.author) == ("human", "ben")
    assert heard(first, word("cleo", "car"), review=True).labels.state == "reviewed"


def test_there_is_nothing_to_dispute_where_nobody_said_anything() -> None:
    assert heard(Labels(), word("ada", "wrong")).how == "left"


def test_what_was_imported_as_reviewed_stands_until_somebody_says_otherwise() -> None:
    row = {"sample": "s", "label_state": "reviewed", "extra": "{}", "width": 100, "height": 100}
    place = {"x": 10.0, "y": 10.0, "w": 40.0, "h": 20.0, "track": None, "identity": "V1", "occlusion": 0.25}
    said = {"category": "car", "label_state": "reviewed", "author": "the world"}
    boxes = [{"sample": "s", "extra": '{"a":1}', **place, **said}]
    labels = labels_of(row, boxes)
    assert say([("ada", "car")], labels)[0].how == "unchanged"
    disputed = say([("ada", "van")], labels)[0].labels
    assert disputed.state == "disputed"
    image, rows = rows_with(row, boxes, disputed)
    assert (image["label_state"], rows[0]["category"], rows[0]["label_state"]) == ("disputed", "car", "disputed")
    settled = say([("ben", "van")], labels_of(image, rows))[0].labels
    image, rows = rows_with(image, rows, settled)
    assert (image["label_state"], rows[0]["category"], rows[0]["author"]) == ("reviewed", "van", "ada")
    assert (rows[0]["occlusion"], rows[0]["extra"]) == (0.25, '{"a":1}')


sayings = st.lists(
    st.tuples(st.sampled_from(["bay/2", "bay/3", "ada", "ben", "cleo"]), st.sampled_from(sorted(SAYINGS)))
)


@given(sayings)
def test_rules_hold_in_every_order(told: list[Saying]) -> None:
    labels, people = Labels(), set[str]()
    for author, what in told:
        if author.startswith("bay") and what == "wrong":
            continue
        outcome = heard(labels, word(author, what))
        again = heard(outcome.labels, word(author, what))
        assert again.labels == outcome.labels  # said twice is said once
        if not author.startswith("bay") and outcome.how != "left":
            people.add(author)
        if outcome.labels.state == "reviewed":
            holding = {
                one.author for one in outcome.labels.opinions if one.marks and agree(one.marks, outcome.labels.marks)
            }
            assert len(holding) > 1 or not outcome.labels.marks
        if outcome.labels.state == "human":
            assert people
        if outcome.labels.state in ("unlabelled", "auto"):
            assert not people
        labels = outcome.labels
        row = {"sample": "s", "label_state": "unlabelled", "extra": "{}"}
        assert labels_of(*rows_with(row, [], labels)) == labels


def test_a_tool_may_round_and_a_person_may_not_move() -> None:
    rounded = (Mark(category="car", x=10.004, y=9.998, w=40.01, h=19.99, identity="V1"),)
    assert unmoved(CAR, rounded)
    assert not unmoved(CAR, NEARBY)
    assert agree(CAR, NEARBY)
    assert not agree(CAR, AWAY)
    assert not agree(CAR, (*CAR, *CAR))
    tiny = [Mark(category="car", x=0, y=0, w=4, h=4)], [Mark(category="car", x=1, y=0, w=4, h=4)]
    assert agree(*tiny)
    assert whole("free", 64, 48).fills(64, 48)


def test_a_box_is_the_one_that_it_was_nearest_to() -> None:
    before = [*CAR, *AWAY]
    assert list(pairs(before, [*AWAY, *VAN])) == [(1, 0), (0, 1)]
    assert list(pairs(before, [Mark(category="car", x=80, y=80, w=5, h=5)])) == [(None, 0)]
