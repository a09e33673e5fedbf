"""Appending and reading."""

from datetime import timedelta

import pytest

from decided import BEGIN, World, comment
from slipway.platform.identity import NotTrusted
from slipway.platform.ledger.entry import Action, Decision


def test_what_was_written_is_read_in_order_with_who_signed_it(world: World) -> None:
    written = [world.write(comment(1)), world.write(comment(2, "ben", reason="fine")), world.write(comment(3))]
    assert list(world.reader().entries()) == written
    assert [one.signer for one in written] == ["ada", "ben", "ada"]
    assert [one.entry.number for one in written] == [1, 2, 3]
    assert [one.entry.previous for one in written] == ["", written[0].digest, written[1].digest]
    assert world.ledger.head() == written[-1]


def test_a_request_made_again_stands_once(world: World) -> None:
    first = world.write(comment("request"))
    world.fill(3)
    assert world.write(comment("request")) == first
    assert len(list(world.reader().entries())) == 4


def test_time_never_goes_back_in_the_chain(world: World) -> None:
    world.fill(2)
    behind = type(world.ledger)(world.store, world.people, now=lambda: BEGIN - timedelta(hours=1))
    written = behind.append(comment("late"), world.signers["ada"])
    assert written.entry.at == list(world.reader().entries())[1].entry.at


def test_who_lacks_the_role_is_refused_and_nothing_is_written(world: World) -> None:
    promotion = Decision(action=Action.PROMOTE, model="vehicle-reid", actor="ada", nonce="1")
    with pytest.raises(NotTrusted, match=r"takes someone who is releaser .*`ada` is trainer, approver"):
        world.write(promotion)
    with pytest.raises(NotTrusted, match="everyone signs for themself"):
        world.write(promotion, "ben")
    assert list(world.store.list()) == []
