"""Nothing is given that was not verified; what a revoked key signed too late says nothing."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from decided import BEGIN, World, comment, known
from slipway.platform.errors import WrongUse
from slipway.platform.identity import NotTrusted, Revocation, Role
from slipway.platform.identity.people import FormerRole
from slipway.platform.ledger.entry import Action, Decision, digest_of, entry_key
from slipway.platform.ledger.errors import LedgerDamaged
from slipway.platform.ledger.heads import KEY
from slipway.platform.ledger.ledger import Ledger


def numbers(world: World, *, cache: bool = False) -> list[int]:
    return [one.entry.number for one in world.reader(cache=cache).entries()]


def revoke(world: World, name: str, seconds: float) -> None:
    key = world.signers[name].key
    at = BEGIN + timedelta(seconds=seconds)
    world.change(name, keys=(key.model_copy(update={"revoked": Revocation(at=at, reason="laptop stolen")}),))


def approval(nonce: str, actor: str = "ada") -> Decision:
    return Decision(action=Action.APPROVE, model="vehicle-reid", subjects={"version": "3"}, actor=actor, nonce=nonce)


@pytest.mark.parametrize("cache", [False, True])
def test_what_a_key_signed_before_it_was_revoked_stays_and_what_came_later_is_void(world: World, cache: bool) -> None:
    world.fill(2)
    third = world.write(comment("third"))
    world.write(comment("fourth", "ben"))
    if cache:
        assert numbers(world, cache=True) == [1, 2, 3, 4]
    revoke(world, "ada", (third.entry.at - BEGIN).total_seconds())
    assert numbers(world, cache=cache) == [1, 2, 4]
    with pytest.raises(NotTrusted, match="not trusted"):
        world.write(comment("fifth"))
    assert world.write(comment("fifth", "ben")).entry.number == 5


def test_a_decision_that_became_void_can_be_made_again(world: World) -> None:
    world.fill(1)
    request = Decision(action=Action.RESTORE, model="vehicle-reid", actor="unknown (MLflow UI)", nonce="1")
    void = world.write(request, "guard")
    world.write(comment("next"))
    revoke(world, "guard", (void.entry.at - BEGIN).total_seconds())
    world.signers["warden"] = known("warden", Role.GUARD_SERVICE, service=True)
    world.ledger = Ledger(world.store, world.people)
    again = world.write(request, "warden")
    assert (again.entry.number, again.entry.decision.id) == (4, void.entry.decision.id)
    assert world.write(request, "warden") == again
    assert numbers(world) == [1, 3, 4]
    assert [one.number for one in world.ledger.verify().problems] == [2]


def test_a_thief_who_writes_an_old_date_is_stopped_by_the_number_that_the_revocation_names(world: World) -> None:
    world.fill(2)
    thief = world.write(comment("dated before the theft"))
    key = world.signers["ada"].key
    revoked = Revocation(at=thief.entry.at + timedelta(days=1), reason="laptop stolen")
    world.change("ada", keys=(key.model_copy(update={"revoked": revoked}),))
    assert numbers(world) == [1, 2, 3]
    world.change("ada", keys=(key.model_copy(update={"revoked": revoked.model_copy(update={"entry": 2})}),))
    assert numbers(world) == [1, 2]
    assert "signed nothing after entry 2: laptop stolen" in world.reader().verify().problems[0].text


def test_an_entry_of_a_key_that_nobody_knows_stops_the_reading(world: World) -> None:
    world.fill(2)
    world.signers["eve"] = known("eve")
    Ledger(world.store, world.people).append(comment("mine", "eve"), world.signers.pop("eve"))
    with pytest.raises(LedgerDamaged, match=r"Entry 3 .* knows nobody with the key") as told:
        numbers(world)
    assert "take the people file that knows them" in str(told.value.mend)
    with pytest.raises(LedgerDamaged, match="Entry 3"):
        world.write(comment("next"))


@pytest.mark.parametrize("cache", [False, True])
def test_a_role_must_have_been_held_then(world: World, cache: bool) -> None:
    approved = world.write(approval("1"))
    if cache:
        assert numbers(world, cache=True) == [1]
    world.change("ada", roles=(Role.TRAINER,))
    with pytest.raises(
        LedgerDamaged, match=r"Entry 1 .*`ada` signed approve on 2026-03-02 and was not approver then"
    ) as told:
        numbers(world, cache=cache)
    assert 'former = [{ role = "approver", until = … }]' in str(told.value.mend)
    until = approved.entry.at + timedelta(seconds=1)
    world.change("ada", former=(FormerRole(role=Role.APPROVER, until=until),))
    assert numbers(world, cache=cache) == [1]
    with pytest.raises(NotTrusted, match="takes someone who is approver"):
        world.write(approval("2"))


def test_who_went_past_the_tools_is_stopped_and_voided_by_revoking_the_key(world: World) -> None:
    world.fill(2)
    ben = world.signers["ben"].person
    world.change("ben", roles=(*ben.roles, Role.APPROVER))  # what the forger's own people file says
    forged = world.write(approval("forged", "ben"))
    world.change("ben", roles=ben.roles)
    with pytest.raises(LedgerDamaged, match="Entry 3"):
        numbers(world)
    revoke(world, "ben", (forged.entry.at - BEGIN).total_seconds())
    assert numbers(world) == [1, 2]


def test_a_guard_speaks_for_the_unknown_and_nobody_else_does(world: World) -> None:
    unknown: dict[str, Any] = {"model": "vehicle-reid", "actor": "unknown (MLflow UI)", "nonce": "1"}
    written = world.write(Decision(action=Action.RESTORE, **unknown), "guard")
    assert (written.signer, written.entry.decision.actor) == ("guard", "unknown (MLflow UI)")
    with pytest.raises(NotTrusted, match="guard-service"):
        world.write(Decision(action=Action.ACCEPT, **unknown), "ben")
    with pytest.raises(NotTrusted, match="everyone signs for themself"):
        world.write(Decision(action=Action.COMMENT, **unknown), "guard")


def test_an_alias_can_be_rolled_back_by_who_is_on_call(world: World) -> None:
    world.signers["cleo"] = known("cleo", Role.ON_CALL)
    world.ledger = Ledger(world.store, world.people)
    rollback = Decision(action=Action.ROLLBACK, model="vehicle-reid", actor="cleo", nonce="1")
    assert world.write(rollback).entry.number == 1
    with pytest.raises(NotTrusted, match=r"releaser .* or on-call"):
        world.write(rollback.model_copy(update={"actor": "ada"}))


def test_a_tail_that_was_cut_off_is_told_by_the_note(world: World) -> None:
    world.fill(3)
    (Path(world.store.url) / entry_key(3)).unlink()
    for ask in (lambda: numbers(world), lambda: world.write(comment("new")), world.ledger.head):
        with pytest.raises(LedgerDamaged, match=r"Entry 3 .* was written and is missing"):
            ask()


def test_nobody_writes_on_after_another_entry_than_the_one_that_was_noted(world: World) -> None:
    world.fill(2)
    note = Path(world.store.url) / KEY
    note.write_bytes(json.dumps({**json.loads(note.read_bytes()), "digest": "0" * 64}).encode())
    with pytest.raises(LedgerDamaged, match=r"Entry 2 .* is not the one that was written"):
        world.write(comment("new"))


def test_a_gap_stops_the_reading_at_its_number(world: World) -> None:
    world.fill(5)
    (Path(world.store.url) / entry_key(3)).unlink()
    with pytest.raises(LedgerDamaged) as told:
        numbers(world)
    assert told.value.number == 3


def test_a_decision_is_found_by_its_id_and_only_those_of_a_model_are_given(world: World) -> None:
    world.fill(2)
    other = world.write(comment("other").model_copy(update={"model": "bay-occupancy"}))
    assert world.ledger.find(other.entry.decision.id) == other
    assert world.ledger.find("0" * 64) is None
    assert list(world.ledger.entries("bay-occupancy")) == [other]


def test_what_cannot_be_written_as_json_is_refused(world: World) -> None:
    with pytest.raises(WrongUse, match="cannot be"):
        world.write(comment("1", reason="\ud800"))
    assert list(world.store.list()) == []


def test_a_digest_is_that_of_the_bytes_in_the_store(world: World) -> None:
    (written,) = world.fill(1)
    assert written.digest == digest_of(world.store.get("ledger/000000000001.json"))
