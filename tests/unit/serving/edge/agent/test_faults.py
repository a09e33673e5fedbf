"""What goes wrong around a device: full disks, wrong clocks, no network, old signatures. What runs goes on."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agent_world.cutting import CuttingDisk, Full
from agent_world.world import NOW, Plan, World
from slipway.serving.bundle.folder import Bundle
from slipway.serving.edge.agent.driver import Agent
from slipway.serving.edge.agent.effects import Activate, Rest
from slipway.serving.edge.agent.state import Phase, State


@pytest.fixture
def first(world: World) -> World:
    """A device on which the first release has settled."""
    agent = world.boot()
    world.live(agent)
    agent.close()
    return world


def number(state: State) -> int:
    assert state.active is not None
    return state.active.release.number


def why(state: State, what: str) -> str:
    """The newest reason of that kind."""
    return next(one.why for one in reversed(state.told) if one.what == what)


def test_a_disk_that_is_full_at_any_write_puts_it_off_and_nothing_else(first: World, tmp_path: Path) -> None:
    first.told.point(1, 2)
    whole = first.copy(tmp_path / "whole")
    disk = CuttingDisk(whole.folder)
    whole.poll(whole.boot(disk))
    writes = [at for at, moment in enumerate(disk.moments) if moment.call == "write"]
    assert len(writes) > 10
    for at in writes:
        device = first.copy(tmp_path / str(at))
        agent = device.boot(CuttingDisk(device.folder, full=Full(at, writes=1 + at % 3)))
        state = device.poll(agent)
        if state.active is None or number(state) == 1:  # the look itself was lost, the next one is not
            state = device.poll(agent)
        assert (number(state), state.phase, state.bad) == (2, Phase.SETTLED, ())
        assert device.memory.answered == [1, 2]


def test_a_disk_that_stays_full_leaves_the_device_answering_through_starts(first: World) -> None:
    first.told.point(1, 2)
    for _ in range(3):
        agent = first.boot(CuttingDisk(first.folder, full=Full(0, writes=10**6)))
        state = first.poll(agent)
        assert agent.running == state.active
        assert number(state) == 1
        assert agent.unwritten
        agent.close()
    assert number(first.poll(first.boot())) == 2


def test_a_release_that_does_not_fit_is_put_off_with_its_size_and_comes_when_there_is_room(first: World) -> None:
    first.told.point(1, 2)
    agent = first.boot(disk := CuttingDisk(first.folder, room=100))
    state = first.poll(agent)
    assert number(state) == 1
    assert "MB are free on the disk" in why(state, "fetch put off")
    disk.room = 1 << 30
    assert number(first.live(agent)) == 2


@pytest.mark.parametrize("years", [-20, -3, 3, 40])
def test_a_clock_that_is_years_off_never_removes_what_is_installed(first: World, years: int) -> None:
    first.clock.wall = NOW + timedelta(days=365 * years)
    agent = first.boot()
    state = first.poll(agent)
    assert number(state) == 1
    assert agent.running == state.active
    first.told.point(1, 2)
    state = first.poll(agent)
    assert number(state) == (2 if years < 0 else 1)  # the newest signed date is later than a clock that is behind
    if years > 0:
        assert "was good until" in why(state, "refused")
        first.clock.wall = first.told.signed_at + timedelta(hours=1)
        assert number(first.live(agent)) == 2


def test_a_clock_that_goes_back_shortens_no_probation(first: World) -> None:
    first.told.point(1, 2)
    agent = first.boot()
    agent.ask()
    while agent.state.phase is not Phase.PROBATION:
        agent.step()
    first.clock.wall -= timedelta(days=9000)
    agent.run()
    first.clock.wall += timedelta(days=18000)
    assert agent.run().seconds is not None
    assert agent.state.phase is Phase.PROBATION


def test_months_without_a_network_change_nothing_and_say_why(first: World) -> None:
    first.told.offline = True
    state = first.poll(first.boot())
    for month in range(4):
        first.clock.advance(30 * 86_400.0)
        agent = first.boot()
        state = first.poll(agent)
        assert number(state) == 1, month
        assert agent.running is not None
        agent.close()
    assert "no network" in why(state, "channel")
    assert first.memory.answered == [1] * 6
    first.told.offline = False
    first.told.signed_at = first.clock.now()
    first.told.point(2)
    assert number(first.poll(first.boot())) == 2


def test_a_channel_whose_signatures_have_expired_installs_nothing(first: World) -> None:
    first.clock.advance(15 * 86_400.0)
    first.told.point(1, 2)
    state = first.poll(first.boot())
    assert number(state) == 1
    assert "was good until 2026-03-15 12:00 UTC" in why(state, "refused")


def test_signatures_that_expire_on_the_way_stop_it_before_it_becomes_active(first: World) -> None:
    first.told.point(1, 2)
    agent = first.boot()
    agent.ask()
    while agent.state.phase is not Phase.ACTIVATE:
        agent.step()
    first.clock.advance(15 * 86_400.0)
    assert number(first.live(agent)) == 1
    assert agent.run() == Rest()
    first.told.signed_at = first.clock.now()
    first.told.read_bytes.clear()
    assert number(first.poll(agent)) == 2
    assert not first.told.read_bytes  # its files were there


def test_a_slot_that_was_damaged_is_told_and_fetched_again(first: World) -> None:
    (first.folder / "models/small-bays/a/model.fp32.onnx").write_bytes(b"rotten")
    agent = first.boot()
    state = first.poll(agent)
    assert (number(state), state.bad) == (1, ())
    assert agent.running == state.active
    assert "model.fp32.onnx in models/small-bays/a" in why(state, "not active")


def test_a_damaged_slot_goes_back_to_the_one_before_without_a_network(first: World) -> None:
    first.told.point(2)
    agent = first.boot()
    assert number(first.poll(agent)) == 2
    agent.close()
    (first.folder / "models/small-bays/b/golden.npz").unlink()
    first.told.offline = True
    agent = first.boot()
    state = first.live(agent)
    assert number(state) == 1
    assert agent.running == state.active
    assert "golden.npz in models/small-bays/b" in why(state, "reverted")
    first.told.offline = False
    assert number(first.poll(agent)) == 2  # nothing was wrong with the release
    assert agent.state.bad == ()


def test_an_engine_that_does_not_load_any_more_is_built_again_from_what_is_here(
    first: World, bundles: dict[int, Bundle]
) -> None:
    from slipway.serving.runtime.errors import ModelUnfit

    first.told.offline = True
    plan = first.memory.plans[bundles[1].digest] = Plan(fails_to_activate=ModelUnfit("The driver is another one."))
    agent = first.boot()
    while not agent.state.recovering:
        agent.step()
    plan.fails_to_activate = None
    plan.proof = replace(plan.proof, p95_ms=500)  # slow answers are better than none
    builds = first.memory.builds
    state = first.live(agent)
    assert (number(state), state.phase, first.memory.builds) == (1, Phase.SETTLED, builds + 1)
    assert agent.running == state.active


def test_a_lost_journal_is_told_as_nothing_and_the_device_begins_anew(first: World) -> None:
    for name in ("journal", "journal.kept"):
        (first.folder / "models/small-bays" / name).unlink(missing_ok=True)
    first.told.read_bytes.clear()
    assert number(first.poll(first.boot())) == 1
    assert not first.told.read_bytes


@pytest.mark.parametrize("phase", [Phase.BUILD, Phase.PROVE, Phase.ACTIVATE, Phase.PROBATION])
def test_a_release_under_which_the_process_crashes_is_left_after_three_times(first: World, phase: Phase) -> None:
    first.told.point(1, 2)
    agent = first.boot()
    agent.ask()
    for start in range(1, 4):
        while agent.state.phase is not phase:
            agent.step()
        assert agent.state.crashes == start - 1
        agent = first.boot()  # without a close
    state = first.live(agent)
    assert number(state) == 1
    assert [one.number for one in state.bad] == [2]
    assert "ended 3 times without being asked to" in state.bad[0].why
    assert first.memory.answered[-1] == 1


def test_stops_that_were_asked_for_count_for_nothing(first: World) -> None:
    first.told.point(1, 2)
    agent = first.boot()
    agent.ask()
    for _ in range(9):
        while agent.state.phase is not Phase.PROBATION:
            agent.step()
        agent.close()
        agent = first.boot()
    assert (agent.state.crashes, number(first.live(agent))) == (0, 2)


def test_probation_goes_on_after_a_start_with_the_time_that_was_watched(first: World) -> None:
    first.told.point(1, 2)
    agent = first.boot()
    agent.ask()
    agent.run()
    first.clock.advance(30)
    agent.run()
    assert 29 < agent.state.watched.seconds < 31
    agent.close()
    agent = first.boot()
    rest = agent.run()
    assert rest.seconds is not None
    first.clock.advance(rest.seconds)
    agent.run()
    assert agent.state.phase is Phase.SETTLED


def test_a_journal_that_was_damaged_is_told_to_the_operator(first: World) -> None:
    path = first.folder / "models/small-bays/journal"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    state = first.live(first.boot())
    assert "line 1 is no line of a journal" in why(state, "journal")


def running(agent: Agent) -> int | None:
    return agent.running.release.number if agent.running else None


def test_after_a_start_the_first_effect_is_that_something_answers(first: World) -> None:
    agent = first.boot()
    agent.ask()
    effect, _ = agent.step()
    assert isinstance(effect, Activate)
    assert running(agent) == 1


def test_two_days_that_never_were_end_no_signature(first: World) -> None:
    """What the channel signed holds until a date, which a clock that was set back cannot bring nearer again."""
    first.told.point(1, 2)
    first.told.signed_at = NOW + timedelta(days=100)
    first.clock.wall = datetime(2001, 1, 1, tzinfo=NOW.tzinfo)
    assert number(first.poll(first.boot())) == 2


def test_a_clock_in_the_past_gives_no_reason_a_date_before_what_was_signed(first: World) -> None:
    first.clock.wall = datetime(1980, 1, 1, tzinfo=NOW.tzinfo)
    first.told.signed_at = NOW + timedelta(days=3)
    first.told.point(1, 2)
    agent = first.boot()
    first.poll(agent)
    assert agent.now() == NOW + timedelta(days=3)
    assert agent.state.told[-1].at == NOW + timedelta(days=3)
