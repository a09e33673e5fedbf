"""What a service that leads rollouts may take back by itself, and what only where a person asked."""

from dataclasses import replace
from typing import Any

import pytest

from rolling_out import MODEL, Site
from rolling_out.book import A, B, Book
from slipway.platform.identity import Role
from slipway.platform.ledger.entry import Action
from slipway.platform.registry.decisions import ASKED_BY, GRANT
from slipway.platform.registry.desk import Refused
from slipway.serving.release.moving import finishing, pausing

ASKED = {ASKED_BY: "cleo", GRANT: {"payload": "e30="}}


def undone(book: Book, to: str, replaces: str, *roles: str, **details: Any) -> str:
    """Why the rollback of somebody with these roles is void."""
    book.decide(Action.ROLLBACK, "rollouts", details, bundle=to, version="1", replaces=replaces)
    book.entries[-1] = replace(book.entries[-1], roles=roles)
    return book.why_void(book.entries[-1].entry.number) or (book.standing.why_void(len(book.entries)) or "")


@pytest.fixture
def book() -> Book:
    book = Book()
    book.released(A)
    book.champions(B)
    book.release(2, B, 1)
    return book


def test_a_service_takes_back_what_is_on_its_way(book: Book) -> None:
    assert undone(book, A, B, Role.ROLLOUT_SERVICE) == ""
    assert (book.where(), book.champion) == ((1, None), A)


@pytest.mark.parametrize("asked", [{}, {ASKED_BY: "cleo"}, {GRANT: "x"}, {ASKED_BY: "", GRANT: ""}])
def test_a_service_takes_nothing_else_back_by_itself(book: Book, asked: dict[str, Any]) -> None:
    book.finish(2)
    assert "not on its way" in undone(book, A, B, Role.ROLLOUT_SERVICE, **asked)
    assert (book.where(), book.champion) == ((2, None), B)


def test_it_does_where_a_person_asked_or_where_it_is_somebody_on_call_too(book: Book) -> None:
    book.finish(2)
    again = Book()
    again.entries = list(book.entries)
    assert undone(book, A, B, Role.ROLLOUT_SERVICE, **ASKED) == ""
    assert undone(again, A, B, Role.ON_CALL, Role.ROLLOUT_SERVICE) == ""
    assert book.where() == again.where() == (1, None)


def test_a_service_undoes_and_pauses_with_its_own_key_on_a_real_channel(led_site: Site) -> None:
    led_site.start()
    paused = led_site.move(pausing(), "rollouts", asked=ASKED, request="r1")
    assert paused.written.entry.decision.details[ASKED_BY] == "cleo"
    assert led_site.move(pausing(), "rollouts", asked=ASKED, request="r1").written == paused.written
    assert not led_site.undo("rollouts", request="r2").before
    assert led_site.undo("rollouts", request="r2").before
    assert (led_site.told(), led_site.champion) == ((1, None), "a")


def test_a_service_undoes_what_is_everybodys_only_for_somebody(led_site: Site) -> None:
    led_site.start()
    led_site.move(finishing())
    with pytest.raises(Refused, match="nobody asked"):
        led_site.undo("rollouts")
    assert led_site.told() == (2, None)
    assert led_site.entries(Action.ROLLBACK) == []
    done = led_site.undo("rollouts", asked=ASKED)
    assert (done.written.signer, done.written.entry.decision.details[ASKED_BY]) == ("rollouts", "cleo")
    assert led_site.told() == (1, None)
    assert led_site.own.standing(MODEL).on_its_way is None
