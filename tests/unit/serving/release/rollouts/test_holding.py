"""The fold of pins, freezes and plans: what they hold, and which of them count for nothing."""

from datetime import timedelta
from typing import Any

import pytest

from rolling_out.book import A, B, Book, C
from slipway.platform.ledger.entry import EVERY_MODEL, Action
from slipway.serving.channel.pointer import MOST_PINS
from slipway.serving.release.converging import equal
from slipway.serving.release.plan import Plan
from slipway.serving.release.rollouts import pointer_of

PLAN = {
    "waves": [{"name": "canary", "share": 5}, {"name": "more", "share": 25}, {"name": "all"}],
    "approvals": 1,
}


def planned(book: Book, number: int, bundle: str, base: int | None, plan: Any = PLAN, **details: Any) -> int:
    return book.release(number, bundle, base, details={"plan": plan, **details})


def pins(book: Book) -> list[tuple[str | None, str | None, int]]:
    return [(one.device, one.site, one.release.number) for one in book.told.pins]


@pytest.fixture
def book() -> Book:
    """Release 1 is everybody's, and 2 is on its way."""
    book = Book()
    book.released(A)
    book.champions(B)
    book.release(2, B, 1)
    return book


def test_a_pin_is_told_to_devices_until_it_is_over_or_removed(book: Book) -> None:
    book.pin(1, device="gate-7")
    book.pin(2, days=2, site="harbour")
    assert pins(book) == [("gate-7", None, 1), (None, "harbour", 2)]
    book.pin(2, device="gate-7")
    book.decide(Action.COMMENT, "ada")
    assert pins(book) == [("gate-7", None, 2)]  # one is over, the other was written anew
    book.decide(Action.PIN, "eve", {"remove": True}, device="gate-7")
    assert pins(book) == []
    assert not book.rollout.void
    assert [step.what for step in book.rollout.steps][-1] == "device gate-7 is pinned no more"


@pytest.mark.parametrize(
    ("subjects", "details", "why"),
    [
        ({"device": "gate-7", "release": 9}, {}, "birds has no release 9"),
        ({"device": "gate-7"}, {}, "has no release"),
        ({"device": "gate-7", "site": "harbour", "release": 1}, {}, "neither one device nor one site"),
        ({"release": 1}, {}, "neither one device nor one site"),
        ({"device": "Gate 7", "release": 1}, {}, "`Gate 7` is no name of a device"),
        ({"site": "../harbour", "release": 1}, {}, "no name of a site"),
        ({"device": "gate-7", "release": 1}, {"until": None}, "does not say until when"),
        ({"device": "gate-7", "release": 1}, {"until": "tomorrow"}, "does not say until when"),
        ({"device": "gate-7", "release": 1}, {"until": "2026-04-01T00:00:00"}, "does not say until when"),
        ({"device": "gate-7", "release": 1}, {"until": 4}, "does not say until when"),
        ({"device": "gate-7", "release": 1}, {"until": "2026-01-01T00:00:00Z"}, "was over by then"),
        ({"device": "gate-7", "release": 1}, {"until": "2026-12-01T00:00:00Z"}, "more than 90 days ahead"),
        ({"device": "gate-8"}, {"remove": True}, "device gate-8 is not pinned"),
    ],
)
def test_a_pin_that_holds_nobody_to_anything_sensible_is_void(
    book: Book, subjects: dict[str, Any], details: dict[str, Any], why: str
) -> None:
    entry = book.decide(Action.PIN, "eve", {"until": book.ahead(3), **details}, **subjects).entry.number
    assert why in book.why_void(entry)
    assert pins(book) == []


def test_an_undone_release_takes_its_pins_along_and_is_pinned_to_no_more(book: Book) -> None:
    book.pin(2, device="gate-7")
    book.pin(1, device="gate-8")
    book.roll_back(A, B)
    assert pins(book) == [("gate-8", None, 1)]
    assert "quarantined" in book.why_void(book.pin(2, device="gate-7"))


def test_nobody_is_pinned_below_the_floor(book: Book) -> None:
    book.pin(1, device="gate-7")
    book.finish(2)
    assert pins(book) == [("gate-7", None, 1)]
    book.champions(C)
    book.release(3, C, 2)
    assert pins(book) == []
    assert "floor 2" in book.why_void(book.pin(1, device="gate-7"))


def test_devices_are_told_of_so_many_pins_at_most() -> None:
    book = Book(every=timedelta(minutes=1))
    book.released(A)
    for number in range(MOST_PINS):
        book.pin(1, device=f"gate-{number}")
    assert len(pins(book)) == MOST_PINS
    assert "as many as devices are told of" in book.why_void(book.pin(1, device="gate-x"))
    assert not book.why_void(book.pin(1, device="gate-0"))  # in place of its own
    assert len(pins(book)) == MOST_PINS
    book.decide(Action.PIN, "eve", {"remove": True}, device="gate-0")
    assert not book.why_void(book.pin(1, device="gate-x"))


@pytest.mark.parametrize("scope", ["birds", EVERY_MODEL])
def test_in_a_freeze_nothing_goes_forward_and_everything_goes_back(book: Book, scope: str) -> None:
    frozen = book.freeze(model=scope)
    assert book.frozen_until() == book.rollout.freezes[scope].until
    said = f"{scope or 'everything'} is frozen until"
    assert said in book.why_void(book.move(Action.ADVANCE, 2, wave={"share": 50}))
    assert said in book.why_void(book.move(Action.ADVANCE, 2, finish=True))
    paused = book.move(Action.PAUSE, 2)
    assert said in book.why_void(book.move(Action.RESUME, 2))
    book.pin(1, device="gate-7")
    book.decide(Action.SAMPLE, "eve", {"sampling": {"share": 0.1, "per_day": 3}})
    undone = book.roll_back(A, B)
    assert [book.why_void(one) for one in (frozen, paused, undone)] == [""] * 3
    assert book.where() == (1, None)
    book.champions(C)
    assert said in book.why_void(book.release(3, C, 1))
    lifted = book.decide(Action.FREEZE, "eve", {"lift": True}, model=scope).entry.number
    assert not book.why_void(lifted)
    assert book.frozen_until() is None
    assert not book.why_void(book.release(3, C, 1))


def test_a_freeze_ends_by_itself(book: Book) -> None:
    book.freeze(days=1.5)
    assert book.why_void(book.move(Action.ADVANCE, 2, wave={"share": 50}))
    assert not book.why_void(book.move(Action.ADVANCE, 2, wave={"share": 50}))


def test_a_freeze_of_all_and_one_of_a_model_are_lifted_each_by_itself(book: Book) -> None:
    book.freeze(days=20, model=EVERY_MODEL)
    book.freeze(days=10)
    assert book.told.frozen_until == book.rollout.freezes[EVERY_MODEL].until
    book.decide(Action.FREEZE, "eve", {"lift": True}, model=EVERY_MODEL)
    assert book.told.frozen_until == book.rollout.freezes["birds"].until
    again = book.decide(Action.FREEZE, "eve", {"lift": True}, model=EVERY_MODEL).entry.number
    assert book.why_void(again) == "everything is not frozen by itself"


@pytest.mark.parametrize(
    ("details", "why"),
    [
        ({}, "until when"),
        ({"until": "2026-01-01T00:00:00Z"}, "over by then"),
        ({"until": "2027-01-01T00:00:00Z"}, "90 days ahead"),
        ({"lift": True}, "is not frozen"),
    ],
)
def test_a_freeze_that_freezes_nothing_is_void(book: Book, details: dict[str, Any], why: str) -> None:
    assert why in book.why_void(book.decide(Action.FREEZE, "eve", details).entry.number)
    assert book.told.frozen_until is None


def test_a_freeze_of_another_model_is_none_of_this_one(book: Book) -> None:
    book.freeze(model="bees")
    assert book.told.frozen_until is None
    assert not book.why_void(book.move(Action.ADVANCE, 2, wave={"share": 50}))


def test_a_pointer_is_behind_once_a_pin_is_over_and_stays_equal_on_a_slow_clock(book: Book) -> None:
    book.pin(1, days=2, device="gate-7")
    now, rollout = book.next_at, book.rollout
    told = pointer_of(rollout, sequence=9, signed_at=now)
    assert told.pins
    assert equal(rollout, told, now)
    later = now + timedelta(days=3)
    assert not equal(rollout, told, later)
    told = pointer_of(rollout, sequence=10, signed_at=later)
    assert not told.pins
    assert equal(rollout, told, later)
    assert equal(rollout, told, now)  # by a clock that is behind


def test_a_plan_is_read_back_from_the_entry(book: Book) -> None:
    book.finish(2)
    book.champions(C)
    planned(book, 3, C, 2)
    target = book.rollout.target
    assert target is not None
    assert target.plan == Plan.model_validate(PLAN)
    assert target.plan.position(book.told.wave) == 0


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        (7, "its plan cannot be read"),
        (None, "its plan cannot be read"),
        ({"waves": []}, "its plan cannot be read"),
        ({**PLAN, "vawes": 1}, "its plan cannot be read"),
        ({"waves": [{"name": "all"}]}, "not the first one of its plan"),
    ],
)
def test_a_release_whose_plan_cannot_be_followed_is_void(book: Book, plan: Any, why: str) -> None:
    book.finish(2)
    book.champions(C)
    assert why in book.why_void(planned(book, 3, C, 2, plan))
    assert book.where() == (2, None)


def test_the_last_step_waits_for_the_approvals_of_others(book: Book) -> None:
    book.finish(2)
    book.champions(C)
    assert not book.why_void(planned(book, 3, C, 2))
    assert not book.why_void(book.move(Action.ADVANCE, 3, wave={"share": 25}))
    own = book.decide(Action.AGREE, "cleo", release=3).entry.number
    assert "begun by cleo" in book.why_void(own)
    for details in ({"wave": {"share": 100}}, {"wave": {"share": 25.1}}, {"finish": True}):
        assert "0 of the 1 approvals" in book.why_void(book.move(Action.ADVANCE, 3, **details))
    assert not book.why_void(book.decide(Action.AGREE, "ben", release=3).entry.number)
    assert "already" in book.why_void(book.decide(Action.AGREE, "ben", release=3).entry.number)
    assert not book.why_void(book.move(Action.ADVANCE, 3, wave={"share": 100}))
    book.finish(3)
    assert book.where() == (3, None)
    assert book.rollout.agreed == ()


def test_a_smaller_wave_by_hand_and_a_shadow_need_no_approval(book: Book) -> None:
    book.finish(2)
    book.champions(C)
    planned(book, 3, C, 2)
    for wave in ({"share": 3}, {"share": 25, "cohort": "early"}, {"kind": "shadow", "share": 100}):
        assert not book.why_void(book.move(Action.ADVANCE, 3, wave=wave))
    assert book.why_void(book.move(Action.ADVANCE, 3, wave={"share": 26, "cohort": "early"}))


def test_nobody_approves_what_needs_no_approval(book: Book) -> None:
    assert "no plan that asks" in book.why_void(book.decide(Action.AGREE, "ben", release=2).entry.number)
