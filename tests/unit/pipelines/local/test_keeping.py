"""What starts, answers and ends mean for a component, without any process."""

from dataclasses import replace
from pathlib import Path

import pytest

from slipway.pipelines.local import keeping
from slipway.pipelines.local.component import Component
from slipway.pipelines.local.keeping import Kept, Patience, Phase

PATIENCE = Patience(pauses=(1.0, 4.0), deaths=4, first_deaths=2, steady_seconds=10.0)
SERVER = Component(
    name="server", group="tiny", command=["serve"], folder=Path(), environ={}, start_seconds=60.0, hung_seconds=90.0
)


def test_healthy_when_nothing_is_missing_and_unwell_when_something_is_again() -> None:
    starting = keeping.begun(Kept(), 5.0)
    asked = keeping.heard(starting, "no answer", 6.0)
    assert (asked.phase, asked.why) == (Phase.STARTING, "no answer")
    healthy = keeping.heard(asked, "", 7.0)
    assert (healthy.phase, healthy.well, healthy.why) == (Phase.HEALTHY, 7.0, "")
    unwell = keeping.heard(healthy, "no answer", 20.0)
    assert (unwell.phase, unwell.since) == (Phase.UNWELL, 20.0)
    assert keeping.heard(unwell, "", 21.0).well == 7.0


def test_pauses_grow_until_it_is_given_up() -> None:
    kept, pauses = Kept(proven=True), []
    for number in range(PATIENCE.deaths):
        kept = keeping.ended(keeping.begun(kept, float(number)), SERVER, 1, float(number), PATIENCE)
        if kept.phase is Phase.PAUSING:
            pauses.append(kept.again - number)
    assert pauses == [1.0, 4.0, 4.0]
    assert (kept.phase, kept.why) == (Phase.GIVEN_UP, "ended with code 1, 4 times in a row")


def test_what_was_never_healthy_is_given_up_sooner() -> None:
    once = keeping.ended(keeping.begun(Kept(), 0.0), SERVER, 1, 1.0, PATIENCE)
    twice = keeping.ended(keeping.begun(once, 2.0), SERVER, 1, 3.0, PATIENCE)
    assert (once.phase, twice.phase) == (Phase.PAUSING, Phase.GIVEN_UP)


def test_whoever_was_healthy_for_a_while_begins_anew() -> None:
    tired = replace(keeping.begun(Kept(), 0.0), deaths=3)
    brief = keeping.ended(keeping.heard(tired, "", 1.0), SERVER, -9, 10.9, PATIENCE)
    steady = keeping.ended(keeping.heard(tired, "", 1.0), SERVER, -9, 11.0, PATIENCE)
    assert brief.phase is Phase.GIVEN_UP
    assert (steady.phase, steady.deaths, steady.again) == (Phase.PAUSING, 1, 12.0)


def test_restarts_are_counted_and_first_starts_are_not() -> None:
    first = keeping.begun(Kept(), 0.0)
    again = keeping.begun(keeping.ended(first, SERVER, 0, 1.0, PATIENCE), 2.0)
    assert (first.restarts, again.restarts) == (0, 1)


@pytest.mark.parametrize(
    ("code", "words"), [(0, "ended by itself"), (2, "ended with code 2"), (-11, "killed by SIGSEGV")]
)
def test_an_end_is_told_in_words(code: int, words: str) -> None:
    assert keeping.ended(keeping.begun(Kept(), 0.0), SERVER, code, 1.0, PATIENCE).why == words


def test_a_migration_is_done_when_it_ends_well_and_tried_again_when_not() -> None:
    migration, begun = replace(SERVER, once=True), keeping.begun(Kept(), 0.0)
    assert keeping.ended(begun, migration, 0, 1.0, PATIENCE).phase is Phase.DONE
    assert keeping.ended(begun, migration, 1, 1.0, PATIENCE).phase is Phase.PAUSING


def test_patience_ends_for_a_start_and_for_what_was_healthy() -> None:
    starting = keeping.heard(keeping.begun(Kept(), 0.0), "no answer", 1.0)
    assert not keeping.overdue(starting, SERVER, 60.0)
    assert keeping.overdue(starting, SERVER, 60.5) == "not healthy after 1 min 00 s: no answer"
    unwell = keeping.heard(keeping.heard(starting, "", 2.0), "slow", 100.0)
    assert not keeping.overdue(unwell, SERVER, 190.0)
    assert keeping.overdue(unwell, SERVER, 190.5) == "not healthy for 1 min 30 s: slow"
    assert not keeping.overdue(keeping.heard(starting, "", 2.0), SERVER, 1e6)


def test_what_is_ended_for_being_late_says_so_and_not_how_it_was_killed() -> None:
    late = keeping.hastened(keeping.begun(Kept(proven=True), 0.0), "not healthy after 1 min 00 s")
    assert keeping.ended(late, SERVER, -9, 61.0, PATIENCE).why == "not healthy after 1 min 00 s"
    again = keeping.begun(keeping.ended(late, SERVER, -9, 61.0, PATIENCE), 62.0)
    assert keeping.ended(again, SERVER, -9, 63.0, PATIENCE).why == "killed by SIGKILL"


def test_what_is_asked_to_stop_is_not_started_again() -> None:
    waiting = keeping.asked_to_stop(Kept(), 1.0)
    running = keeping.asked_to_stop(keeping.begun(Kept(), 0.0), 1.0)
    assert (waiting.phase, running.phase) == (Phase.STOPPED, Phase.STOPPING)
    assert keeping.ended(running, SERVER, -15, 2.0, PATIENCE).phase is Phase.STOPPED


def test_one_that_was_given_up_is_tried_again_when_somebody_asks() -> None:
    given_up = replace(Kept(), phase=Phase.GIVEN_UP, deaths=4)
    again = keeping.tried_again(given_up, 9.0)
    assert (again.phase, again.deaths, again.again) == (Phase.PAUSING, 0, 9.0)
    healthy = replace(Kept(), phase=Phase.HEALTHY)
    assert keeping.tried_again(healthy, 9.0) is healthy
