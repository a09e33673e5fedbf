"""Names of decisions say who, when and with what; they sort, and none comes twice."""

import re
import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.serving.edge.decisions import LONGEST, Namer, make_id, parse_id
from slipway.serving.errors import WrongUse

AT = datetime(2026, 11, 29, 0, 46, 13, 123456, tzinfo=UTC)
BUNDLE = "0a72228138a5e78da84b72b0d0efe61c6a2d59adafb699489b58bd70ef56915c"
DEVICES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?", fullmatch=True)
MOMENTS = st.integers(0, 7_000_000_000_000_000).map(
    lambda tick: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=tick)
)


def test_it_says_who_when_and_with_what() -> None:
    name = make_id("harbour-gate-3", BUNDLE, AT, "q7k2m9")
    assert name == "20261129T004613123456Z.harbour-gate-3.0a722281.q7k2m9"
    said = parse_id(name)
    assert (said.device, said.bundle, said.at, said.drawn) == ("harbour-gate-3", "0a722281", AT, "q7k2m9")


@given(device=DEVICES, at=MOMENTS)
def test_what_was_made_is_read_and_stands_in_an_address(device: str, at: datetime) -> None:
    name = make_id(device, BUNDLE, at, "000000")
    assert parse_id(name).device == device
    assert parse_id(name).at == at
    assert re.fullmatch(r"[A-Za-z0-9.~_-]+", name)
    assert len(name) < (80 if len(device) <= 36 else LONGEST)


@given(st.lists(MOMENTS, min_size=2, max_size=2))
def test_they_sort_by_time(moments: list[datetime]) -> None:
    names = [make_id("gate", BUNDLE, one, "000000") for one in moments]
    assert sorted(names) == [make_id("gate", BUNDLE, one, "000000") for one in sorted(moments)]


@given(st.text(max_size=120))
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(WrongUse):
        parse_id(text)


@pytest.mark.parametrize("text", ["20261329T004613123456Z.gate.0a722281.q7k2m9", "20261129T004613123456Z.gate.0a72.q7"])
def test_a_date_that_never_was_is_refused(text: str) -> None:
    with pytest.raises(WrongUse, match="is no decision id"):
        parse_id(text)


def test_no_two_are_the_same_in_one_moment_from_several_threads() -> None:
    namer = Namer("gate", lambda: AT)
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.extend(namer.name(BUNDLE) for _ in range(200))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 800


def test_two_processes_never_say_the_same() -> None:
    assert Namer("gate", lambda: AT).name(BUNDLE) != Namer("gate", lambda: AT).name(BUNDLE)


def test_a_clock_that_is_set_back_is_followed_with_another_last_part() -> None:
    moments = iter([AT, AT - timedelta(days=400), AT - timedelta(days=400)])
    namer = Namer("gate", lambda: next(moments))
    first, second, third = (parse_id(namer.name(BUNDLE)) for _ in range(3))
    assert second.at == AT - timedelta(days=400)
    assert first.drawn != second.drawn == third.drawn
    assert third.at > second.at


@pytest.mark.parametrize("device", ["", "Gate", "gate.1", "-gate", "x" * 65])
def test_a_device_that_cannot_be_named_is_told_at_the_beginning(device: str) -> None:
    with pytest.raises(WrongUse, match="is no decision id"):
        Namer(device, lambda: AT)
