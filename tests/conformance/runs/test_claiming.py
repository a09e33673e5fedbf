"""Attempts: one owner at a time, and nobody waits for the dead."""

import json
import os
import random
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.runs.attempts import AGAIN, FIRST, Attempt, Claimant, claim
from slipway.platform.runs.errors import AttemptTaken, Silent
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.records import Outcome, Result, State
from slipway.platform.runs.results import bind_result, load_result
from slipway.platform.runs.standing import DEADLINE, Here, Standing, numbers, standing
from slipway.platform.settings import schema
from slipway.platform.store import Store, StoreUnreachable

NOW = datetime(2026, 11, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ClaimantOn = Callable[[Here], Claimant]


def outcome(state: State, reason: str = "so it was") -> Outcome:
    return Outcome(state=state, reason=reason, ended=NOW, seconds=1.0)


def result(parts: Parts, attempt: int) -> Result:
    return Result(key=parts.key, attempt=attempt, finished=NOW, files={}, metrics={}, steps=9, seconds=1.0)


@pytest.fixture
def claim_on(store: Store, parts: Parts, claimant: ClaimantOn) -> Callable[..., Attempt | Standing]:
    def run(machine: Here, **options: Any) -> Attempt | Standing:
        return claim(store, parts, claimant(machine), machine, **options)

    return run


def owned(found: Attempt | Standing) -> Attempt:
    assert isinstance(found, Attempt), found.told()
    return found


def test_of_all_processes_that_claim_at_once_one_owns_and_all_learn_whose_it_is(
    any_store: Store, settings: tuple[schema.Store, schema.S3], parts: Parts, start: Any, tmp_path: Path
) -> None:
    places, s3 = settings
    secret = s3.secret_access_key.get_secret_value() if s3.secret_access_key else None
    task = {
        "store": places.model_dump(),
        "s3": {**s3.model_dump(), "secret_access_key": secret},
        "parts": parts.model_dump(mode="json"),
        "state": str(tmp_path / "states"),
        "processes": 16 if s3.endpoint is None else 8,  # each S3 client costs a second to make
        "hosts": 4,
    }
    said, _ = start("racing_claims.py", task).communicate()
    told = json.loads(said)
    owners = [one for one in told if one["owner"]]
    assert len(owners) == 1
    assert {(one["by"], one["number"]) for one in told} == {(owners[0]["by"], 1)}
    assert [key for key in any_store.list(WorkKeys(parts.key).attempts) if key.endswith("spec.json")] == [
        WorkKeys(parts.key).attempt(1).spec
    ]


def test_whoever_comes_second_learns_whose_it_is_and_how_far(claim_on: Any, here: Here, elsewhere: Here) -> None:
    with owned(claim_on(here)) as attempt:
        attempt.beat(step=120, steps=600, phase="train")
        for machine in (here, elsewhere):
            found = claim_on(machine)
            assert isinstance(found, Standing)
            assert found.told() == (
                "Attempt 1 of quiet-heron-1 is running by ada on here, since 2026-11-20 00:00 (train, step 120 of 600)."
            )


def test_an_owner_that_is_killed_at_any_step_is_followed_at_once(tmp_path: Path) -> None:
    command = [sys.executable, str(Path(__file__).parent / "killed_owner.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20


@pytest.fixture
def owner(store: Any, parts: Parts, here: Here, start: Any) -> "subprocess.Popen[str]":
    """Another process of this machine that owns the first attempt."""
    task = {"store": store.url, "parts": parts.model_dump(mode="json"), "state": str(here.state), "host": here.host}
    process: subprocess.Popen[str] = start("owner.py", task)
    assert process.stdout is not None
    assert process.stdout.readline() == "1\n"
    return process


def test_on_its_own_machine_a_killed_owner_is_gone_at_once(
    store: Any, parts: Parts, claim_on: Any, owner: Any, here: Here
) -> None:
    assert standing(store, parts.key, here).under_way
    owner.kill()
    owner.wait()
    stands = standing(store, parts.key, here)
    assert (stands.state, stands.reason) == (State.LOST, "its process is gone")
    with owned(claim_on(here)) as attempt:
        assert attempt.number == 2
        assert attempt.spec.why == "after attempt 1, lost: its process is gone"
        attempt.finish(outcome(State.FAILED))
    assert list(here.state.iterdir()) == []


def test_elsewhere_a_killed_owner_is_gone_after_the_deadline_by_the_stores_clock(
    store: Any, claim_on: Any, owner: Any, elsewhere: Here
) -> None:
    owner.kill()
    owner.wait()
    assert claim_on(elsewhere).under_way
    store.later = DEADLINE - timedelta(seconds=30)
    assert claim_on(elsewhere).under_way
    store.later = DEADLINE
    with owned(claim_on(elsewhere)) as attempt:
        assert attempt.number == 2
        assert attempt.spec.why.startswith("after attempt 1, lost: silent for ")


def test_an_orphan_that_inherited_the_lock_counts_as_alive_until_it_ends(
    store: Any, parts: Parts, owner: Any, here: Here
) -> None:
    owner.stdin.write("child\n")
    owner.stdin.flush()
    orphan = int(owner.stdout.readline())
    owner.kill()
    owner.wait()
    store.later = 10 * DEADLINE
    assert standing(store, parts.key, here).under_way
    handle = os.pidfd_open(orphan)
    os.kill(orphan, signal.SIGKILL)
    assert select.select([handle], [], [], 60)[0]
    os.close(handle)
    assert standing(store, parts.key, here).state is State.LOST


def test_a_machine_that_was_started_anew_is_not_waited_for(store: Any, parts: Parts, owner: Any, here: Here) -> None:
    owner.kill()
    owner.wait()
    rebooted = Here(here.host, "after the reboot", here.state)
    stands = standing(store, parts.key, rebooted)
    assert (stands.state, stands.reason) == (State.LOST, "here was started anew")


def test_of_another_persons_or_containers_owner_only_the_heartbeat_speaks(
    store: Any, parts: Parts, owner: Any, here: Here, tmp_path: Path
) -> None:
    blind = Here(here.host, here.boot, tmp_path / "another-state")
    assert standing(store, parts.key, blind).under_way
    store.later = 2 * DEADLINE
    assert standing(store, parts.key, blind).state is State.LOST
    assert standing(store, parts.key, here).under_way
    assert owner.poll() is None


def test_nothing_is_said_to_be_nothing(store: Any, parts: Parts, here: Here) -> None:
    stands = standing(store, parts.key, here)
    assert (stands.state, stands.number, stands.told()) == (None, 0, "Nobody has begun it.")


def test_done_work_is_returned_and_done_again_only_when_that_is_asked_for(
    store: Any, parts: Parts, claim_on: Any, here: Here
) -> None:
    with owned(claim_on(here)) as first:
        assert first.spec.why == FIRST
        bind_result(store, result(parts, 1))
        first.finish(outcome(State.DONE))
    found = claim_on(here)
    assert isinstance(found, Standing)
    assert (found.state, found.result) == (State.DONE, result(parts, 1))
    with owned(claim_on(here, again=True)) as second:
        assert (second.number, second.spec.why) == (2, AGAIN)
        assert claim_on(here, again=True).under_way
        assert claim_on(here).under_way
        second.finish(outcome(State.FAILED))
    stands = standing(store, parts.key, here)
    assert stands.state is State.DONE
    assert stands.reason == "attempt 1 brought the result; this one was failed: so it was"


@pytest.mark.parametrize("state", [State.FAILED, State.RESUMABLE, State.CANCELLED])
def test_what_ended_without_a_result_goes_on_as_the_next_attempt(
    claim_on: Any, here: Here, store: Any, parts: Parts, state: State
) -> None:
    with owned(claim_on(here)) as first:
        first.finish(outcome(state, "the disk is full"))
    stands = standing(store, parts.key, here)
    assert (stands.state, stands.reason) == (state, "the disk is full")
    with owned(claim_on(here)) as second:
        assert second.spec.why == f"after attempt 1, {state}: the disk is full"


def test_a_result_makes_it_done_although_its_owner_died_before_saying_so(
    claim_on: Any, here: Here, store: Any, parts: Parts
) -> None:
    with owned(claim_on(here)):
        bind_result(store, result(parts, 1))
    assert standing(store, parts.key, here).state is State.DONE
    assert isinstance(claim_on(here), Standing)


def test_the_first_result_and_the_first_outcome_stay(store: Any, parts: Parts, claim_on: Any, here: Here) -> None:
    assert load_result(store, parts.key) is None
    assert bind_result(store, result(parts, 2)) == result(parts, 2)
    assert bind_result(store, result(parts, 1)) == result(parts, 2)
    with owned(claim_on(here, again=True)) as attempt:
        assert attempt.finish(outcome(State.LOST)).state is State.LOST
        assert attempt.finish(outcome(State.DONE)).state is State.LOST


def test_an_owner_that_was_taken_for_lost_learns_by_whom(
    store: Any, claim_on: Any, here: Here, elsewhere: Here
) -> None:
    with owned(claim_on(here)) as first:
        assert first.beat(step=1)
        store.later = 2 * DEADLINE
        with owned(claim_on(elsewhere)) as second:
            with pytest.raises(AttemptTaken, match="ada on elsewhere has made attempt 2"):
                first.beat(step=2)
            assert second.beat()


def test_an_owner_that_cannot_write_for_its_deadline_is_told_and_not_before(
    store: Any, claim_on: Any, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    with owned(claim_on(here, clock=lambda: now, deadline=MINUTE)) as attempt:
        now = 130.0
        assert attempt.beat()

        def refuse(*_: object) -> None:
            raise StoreUnreachable("away")

        with monkeypatch.context() as patch:
            patch.setattr(store, "put", refuse)
            now = 189.0
            assert not attempt.beat()
            attempt.check()
        now = 189.5
        assert attempt.beat()
        with monkeypatch.context() as patch:
            patch.setattr(store, "put", refuse)
            now = 249.0
            attempt.check()
            assert not attempt.beat()
            now = 249.5
            with pytest.raises(Silent, match="could write no sign of life"):
                attempt.beat()
            with pytest.raises(Silent):
                attempt.check()


def test_an_owner_that_leaves_without_a_word_is_gone_at_once(claim_on: Any, here: Here) -> None:
    owned(claim_on(here)).close()
    with owned(claim_on(here)) as second:
        assert second.spec.why == "after attempt 1, lost: its process is gone"


def test_a_claim_whose_answer_was_lost_blocks_nobody(
    store: Any, claim_on: Any, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    bind = store.put_if_absent

    def bind_unheard(key: str, data: bytes) -> bytes:
        if key.endswith("spec.json"):
            bind(key, data)
            raise StoreUnreachable("no answer")
        return bytes(bind(key, data))

    with monkeypatch.context() as patch:
        patch.setattr(store, "put_if_absent", bind_unheard)
        with pytest.raises(StoreUnreachable):
            claim_on(here)
    with owned(claim_on(here)) as second:
        assert second.number == 2


class Comings:
    """Owners on two machines that come and go; each event checks what must hold after it."""

    EVENTS = ("claimed", "claimed", "claimed", "beaten", "beaten", "waited", "waited", "died", "ended")

    def __init__(self, store: Any, key: str, claim_on: Callable[..., Attempt | Standing], machines: list[Here]) -> None:
        self.store, self.key, self.claim_on, self.machines = store, key, claim_on, machines
        self.living: list[tuple[Attempt, Here]] = []
        self.taken = 0

    def claimed(self, chance: random.Random) -> None:
        machine = chance.choice(self.machines)
        before = standing(self.store, self.key, machine)
        found = self.claim_on(machine)
        assert isinstance(found, Attempt) == (not before.under_way)
        if isinstance(found, Attempt):
            assert found.number == before.number + 1
            self.living.append((found, machine))

    def waited(self, chance: random.Random) -> None:
        self.store.later += chance.choice([DEADLINE / 4, 2 * DEADLINE])

    def died(self, _: random.Random) -> None:
        if self.living:
            attempt, machine = self.living.pop()
            attempt.close()
            found = standing(self.store, self.key, machine)
            assert not found.under_way or found.number > attempt.number

    def ended(self, _: random.Random) -> None:
        if self.living:
            attempt, _machine = self.living.pop()
            attempt.finish(outcome(State.FAILED))
            attempt.close()

    def beaten(self, _: random.Random) -> None:
        last = standing(self.store, self.key).number
        for attempt, _machine in self.living:
            if attempt.number < last:
                with pytest.raises(AttemptTaken):
                    attempt.beat()
                self.taken += 1
            else:
                assert attempt.beat()
                assert [isinstance(self.claim_on(machine), Standing) for machine in self.machines] == [True, True]


def test_however_owners_come_and_go_there_is_one_at_a_time(
    store: Any, parts: Parts, claim_on: Any, here: Here, elsewhere: Here, seed: int
) -> None:
    chance = random.Random(seed)
    comings = Comings(store, parts.key, claim_on, [here, elsewhere])
    steps = 0
    while steps < 150 or not comings.taken:
        steps += 1
        getattr(comings, chance.choice(Comings.EVENTS))(chance)
    found = numbers(store, parts.key)
    assert found == list(range(1, len(found) + 1))
    assert len(found) > 10
    for attempt, _ in comings.living:
        attempt.close()


def test_what_was_claimed_says_what_it_is(store: Any, parts: Parts, claim_on: Any, here: Here) -> None:
    owned(claim_on(here)).close()
    assert Parts.model_validate_json(store.get(WorkKeys(parts.key).parts)) == parts
