"""A release's way as a picture: lanes, bars and marks lie where the ledger's entries put them."""

from datetime import timedelta
from typing import Any

from rolling_out.book import START, A, B, Book
from slipway.platform.ledger.entry import Action
from slipway.serving.fleet.console.timeline import Lane, Timeline, timeline_of
from slipway.serving.release.plan import Plan, PlannedWave, Sample

HOUR = timedelta(hours=1)
BRIEF: dict[str, Any] = {"soak": HOUR, "sample": Sample(decisions=1, devices=1), "deadline": timedelta(days=9)}
PLAN = Plan(
    waves=tuple(
        PlannedWave(name=name, share=share, **BRIEF) for name, share in (("canary", 5), ("early", 30), ("all", 100))
    )
)


def _book() -> Book:
    """Release 2 goes by a plan; an entry comes every hour."""
    book = Book(HOUR)
    book.released(A)
    book.champions(B)
    book.release(2, B, 1, details={"plan": PLAN.model_dump(mode="json")})
    return book


def _wave(place: int) -> dict[str, Any]:
    return PLAN.waves[place].wave.model_dump(mode="json")


def _drawn(book: Book, release: int, hours: float) -> Timeline:
    """So many hours after release 2 began."""
    begun = book.rollout.releases[2].written.entry.at
    return timeline_of(book.rollout, book.rollout.releases[release], begun + timedelta(hours=hours))


def _kinds(lane: Lane) -> list[str]:
    return [one.kind for one in lane.spans]


def test_each_wave_has_a_lane_and_those_to_come_have_no_bar() -> None:
    book = _book()
    book.move(Action.ADVANCE, 2, wave=_wave(1))
    found = _drawn(book, 2, hours=4)
    assert [(lane.name, _kinds(lane)) for lane in found.lanes] == [
        ("canary", ["done"]),
        ("early", ["now", "ahead"]),
        ("all", []),
    ]
    (canary,), (early, ahead) = found.lanes[0].spans, found.lanes[1].spans
    assert canary.begin == 0
    assert abs(canary.begin + canary.wide - early.begin) < 0.1
    assert found.now is not None
    assert abs(early.begin + early.wide - found.now) < 0.1
    assert abs(early.wide / canary.wide - 3) < 0.1, "three hours after one"
    assert abs(ahead.begin + ahead.wide - 100) < 0.1
    assert [lane.top for lane in found.lanes] == sorted({lane.top for lane in found.lanes})
    assert found.lanes[0].about == "5 % of all devices"
    assert "soak 1h" in found.lanes[1].more


def test_a_pause_is_drawn_from_its_beginning_to_its_end() -> None:
    book = _book()
    book.move(Action.PAUSE, 2)
    book.move(Action.RESUME, 2)
    found = _drawn(book, 2, hours=4)
    (lane,) = [lane for lane in found.lanes if lane.spans]
    held = lane.spans[-1]
    assert _kinds(lane) == ["now", "ahead", "held"]
    assert [mark.at for mark in lane.marks] == [held.begin, held.begin + held.wide]
    assert abs(held.wide / lane.spans[0].wide - 1 / 4) < 0.01
    assert "because" in lane.marks[0].told
    book.move(Action.PAUSE, 2)
    lasts = _drawn(book, 2, hours=4).lanes[0].spans[-1]
    now = _drawn(book, 2, hours=4).now
    assert now is not None
    assert abs(lasts.begin + lasts.wide - now) < 0.1, "a pause that lasts goes on until now"


def test_what_was_undone_is_told_from_what_reached_everybody() -> None:
    book = _book()
    book.move(Action.ADVANCE, 2, wave=_wave(1))
    book.roll_back(A, B)
    undone = _drawn(book, 2, hours=50)
    assert [_kinds(lane) for lane in undone.lanes] == [["done"], ["undone"]]
    assert undone.now is None
    assert undone.outcome.startswith("Undone ")
    assert undone.outcome.endswith(" UTC, by dora: because")
    assert [mark.sign for mark in undone.lanes[1].marks] == ["↶"]
    finished = _drawn(book, 1, hours=50)
    assert [_kinds(lane) for lane in finished.lanes] == [["done"]]
    assert finished.outcome.startswith("Everybody's since ")
    assert finished.lanes[0].marks[-1].at == 100
    assert finished.lanes[0].marks[-1].sign == "✓"


def test_all_of_it_is_told_in_words_and_fits_the_picture() -> None:
    book = _book()
    book.move(Action.PAUSE, 2)
    for hours in (0, 0.01, 4, 24 * 40, 24 * 1500):
        found = _drawn(book, 2, hours)
        assert f"{START + HOUR * (len(book.entries) - 1):%Y-%m-%d %H:%M} UTC: paused, by cleo: because." in found.told
        assert 1 <= len(found.ticks) <= 6
        spans = [span for lane in found.lanes for span in lane.spans]
        assert all(span.begin >= 0 and span.wide > 0 and span.begin + span.wide <= 100.01 for span in spans)
        assert all(0 <= tick.at <= 100 for tick in found.ticks)


def test_a_release_that_people_lead_has_the_lanes_that_they_made() -> None:
    book = Book(HOUR)
    book.champions(A)
    book.release(1, A)
    book.move(Action.ADVANCE, 1, wave={"share": 50, "seed": "s"})
    found = timeline_of(book.rollout, book.rollout.releases[1], book.next_at)
    assert [lane.about for lane in found.lanes] == ["5 % of all devices", "50 % of all devices"]
    assert _kinds(found.lanes[1]) == ["now"]
