"""Notices in the book: who sends what, once, again, and when it is over; on SQLite and PostgreSQL."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from slipway.serving.fleet.notices.book import CALM, CLAIM, Book
from slipway.serving.fleet.notices.notice import Notice, Weight
from slipway.serving.fleet.notices.sending import Message, send_due

BEGIN = datetime(2026, 6, 1, 12, tzinfo=UTC)
SILENT = Notice(
    "silent/harbour", Weight.WARNING, "2 of 9 devices of site harbour say nothing", "Not heard.",
    "slipway fleet list --site harbour --silent", BEGIN, site="harbour", count=2,
)  # fmt: skip
EXPIRY = Notice("expiry/timestamp", Weight.WARNING, "renew", "It ends.", "slipway channel keepalive", BEGIN)


@dataclass
class Clock:
    now: datetime = BEGIN

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Postbox:
    """A place that keeps what it gets, or is out of order."""

    name: str = "box"
    works: bool = True
    got: list[Message] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def digest(self) -> str:
        return self.name

    @property
    def titles(self) -> list[str]:
        return [one.title for one in self.got]

    def send(self, message: Message) -> bool:
        with self.lock:
            if self.works:
                self.got.append(message)
            return self.works


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def book(database: str, tmp_path: Path, clock: Clock) -> Iterator[Book]:
    with Book(database, tmp_path, now=clock) as found:
        yield found


def test_a_cause_is_told_once_then_again_while_it_lasts_and_once_when_it_is_over(book: Book, clock: Clock) -> None:
    box = Postbox()
    for _ in range(3):
        book.seen([SILENT])
        send_due(book, [box], 24)
        clock.pass_by(minutes=1)
    assert box.titles == ["[slipway] warning: 2 of 9 devices of site harbour say nothing"]
    assert "Next: slipway fleet list --site harbour --silent" in box.got[0].body
    clock.pass_by(hours=24)
    book.seen([replace(SILENT, title="3 of 9", count=3)])
    send_due(book, [box], 24)
    assert box.titles[1:] == ["[slipway] warning: 3 of 9"]
    assert [one.notice.count for one in book.standings()] == [3]
    for _ in range(3):
        book.seen([])
        send_due(book, [box], 24)
        clock.pass_by(seconds=CALM.total_seconds())
    assert box.titles[2:] == ["[slipway] over: 3 of 9"]
    assert book.standings() == []
    book.seen([SILENT])
    send_due(book, [box], 24)
    assert len(box.got) == 4


def test_a_cause_that_comes_and_goes_is_told_once(book: Book, clock: Clock) -> None:
    box = Postbox()
    for turn in range(10):
        book.seen([SILENT] if turn % 2 == 0 else [])
        send_due(book, [box], 24)
        clock.pass_by(seconds=CALM.total_seconds() / 2)
    assert len(box.got) == 1


def test_a_heavier_weight_is_told_at_once_and_a_lighter_one_is_not(book: Book) -> None:
    box = Postbox()
    for weight in (Weight.WARNING, Weight.URGENT, Weight.WARNING):
        book.seen([replace(SILENT, weight=weight)])
        send_due(book, [box], 24)
    assert [one.kind for one in box.got] == ["warning", "failure"]


def test_what_could_not_be_looked_at_does_not_end(book: Book, clock: Clock) -> None:
    book.seen([SILENT, EXPIRY])
    for _ in range(3):
        clock.pass_by(hours=1)
        book.seen([], {"silent"})
    assert [one.notice.cause for one in book.standings()] == ["silent/harbour"]


def test_what_was_raised_lasts_until_somebody_ends_it(book: Book, clock: Clock) -> None:
    raised = replace(EXPIRY, cause="retraining-failed/parcel")
    book.tell(raised)
    for _ in range(3):
        clock.pass_by(hours=1)
        book.seen([])
    assert [one.raised for one in book.standings()] == [True]
    assert book.end(raised.cause)
    assert not book.end(raised.cause)
    assert book.standings() == []


def test_a_silence_holds_until_its_moment(book: Book, clock: Clock) -> None:
    box = Postbox()
    book.silence("silent/harbour", clock.now + timedelta(hours=2), "the mast is down", "ada")
    book.seen([SILENT])
    send_due(book, [box], 24)
    assert box.got == []
    [standing] = book.standings()
    assert standing.silence is not None
    assert standing.silence.reason == "the mast is down"
    clock.pass_by(hours=2)
    book.seen([SILENT])
    send_due(book, [box], 24)
    assert len(box.got) == 1
    assert book.silences() == []
    book.silence("silent/harbour", clock.now + timedelta(hours=2), "again", "ada")
    assert book.unsilence("silent/harbour")
    assert not book.unsilence("silent/harbour")


def test_what_ends_while_it_is_silenced_is_told_to_nobody(book: Book, clock: Clock) -> None:
    box = Postbox()
    book.seen([SILENT])
    send_due(book, [box], 24)
    book.silence("silent/harbour", clock.now + timedelta(days=1), "known", "ada")
    for _ in range(3):
        clock.pass_by(seconds=CALM.total_seconds())
        book.seen([])
        send_due(book, [box], 24)
    clock.pass_by(days=2)
    send_due(book, [box], 24)
    assert len(box.got) == 1


def test_a_place_that_fails_is_tried_again_and_keeps_no_other_from_hearing(book: Book, clock: Clock) -> None:
    good, bad = Postbox("good"), Postbox("bad", works=False)
    book.seen([SILENT])
    for _ in range(60):
        send_due(book, [bad, good], 24)
        clock.pass_by(minutes=1)
    assert len(good.got) == 1
    failed = book.standings()[0].failed
    assert 3 <= failed <= 7
    bad.works = True
    clock.pass_by(hours=1)
    send_due(book, [bad, good], 24)
    assert (len(bad.got), len(good.got), book.standings()[0].failed) == (1, 1, 0)


def test_many_senders_at_once_send_each_notice_once(book: Book, database: str, tmp_path: Path, clock: Clock) -> None:
    box = Postbox()
    book.seen([replace(SILENT, cause=f"silent/site-{number}") for number in range(12)])

    with ExitStack() as stack, ThreadPoolExecutor(4) as pool:
        books = [stack.enter_context(Book(database, tmp_path, now=clock)) for _ in range(4)]
        list(pool.map(lambda own: send_due(own, [box], 24), books))
    assert len(box.got) == 12
    assert len({one.body for one in box.got}) == 12


def test_the_claim_of_a_sender_that_died_ends(book: Book, clock: Clock) -> None:
    book.seen([SILENT])
    lost = book.claim("box", timedelta(hours=24))
    assert lost is not None
    box = Postbox()
    send_due(book, [box], 24)
    assert box.got == []
    clock.pass_by(seconds=CLAIM.total_seconds())
    send_due(book, [box], 24)
    assert len(box.got) == 1
    book.failed(lost)  # it is alive after all, and too late
    send_due(book, [box], 24)
    assert len(box.got) == 1
