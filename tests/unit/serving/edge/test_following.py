"""All models of a device in one thread: when it looks, what it does in between, and what goes wrong with one alone."""

import logging
from pathlib import Path

import pytest

from agent_world.bundles import made
from agent_world.world import MODEL, FakeClock, World
from slipway.serving.edge.agent.effects import LookAtChannel, Request
from slipway.serving.edge.configuration import Home, Polling
from slipway.serving.edge.following import Following, Step
from slipway.serving.edge.inbox import Inbox
from slipway.serving.edge.reporting import behind
from slipway.serving.edge.standing import standing

POLLING = Polling(every_s=300, spread=0.2, longest_s=3600)


class Watched(FakeClock):
    """A clock that stops the agent after some time, and never stands still while something is waited for."""

    def __init__(self, until: float) -> None:
        super().__init__()
        self.until = until

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        self.stopping = self.passed >= self.until


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A device whose channel has a release, and a newer one for later."""
    world = World(tmp_path / "device")
    world.told.release(1, made(tmp_path / "one", 1))
    world.told.release(2, made(tmp_path / "two", 2), floor=1)
    world.told.point(1)
    return world


def following(world: World, until: float, steps: list[Step] | None = None) -> Following:
    """The device's agents, until so much time has passed."""
    world.clock = Watched(until)
    seen: list[Step] = [] if steps is None else steps
    return Following(
        {MODEL: world.boot()},
        clock=world.clock,
        inbox=Inbox(Home(world.folder)),
        polling=POLLING,
        draw=lambda: 0.5,
        show=seen.append,
    )


def looks(steps: list[Step]) -> int:
    return sum(isinstance(step.effect, LookAtChannel) for step in steps)


def test_it_looks_at_its_pace_and_installs_what_is_wanted(world: World) -> None:
    steps: list[Step] = []
    following(world, 3000, steps).follow()
    assert looks(steps) == 10
    assert world.memory.answered == [1]
    assert steps[-1].state.phase.value == "settled"


def test_it_looks_less_often_while_looks_fail(world: World) -> None:
    world.told.offline = True
    steps: list[Step] = []
    following(world, 6 * 3600, steps).follow()
    assert 8 <= looks(steps) <= 16  # where a good line has 72


def test_a_look_before_its_time_is_taken_within_a_second(world: World) -> None:
    steps: list[Step] = []
    agents = following(world, 2.0, steps)
    agents.look_soon()
    agents.follow()
    assert looks(steps) == 2  # the first one, and this
    assert world.memory.answered == [1]


def test_an_operators_request_is_carried_out_while_it_waits_for_the_next_look(world: World) -> None:
    agents = following(world, 200)
    agents.once()
    world.told.point(2)
    world.live(agents.agents[MODEL])
    agents.once()
    assert world.memory.answered == [1, 2]
    inbox = Inbox(Home(world.folder))
    inbox.put(MODEL, Request(id="r1", what="revert", why="it is wrong", by="ada"))
    agents.follow()
    assert world.memory.answered == [1, 2, 1]
    assert inbox.get(MODEL) is None
    state = agents.agents[MODEL].state
    assert behind(state, world.device, world.clock.now()) is None  # a person's word is no failure
    assert "ada asked: it is wrong" in standing(state, world.device, world.clock.now())


def test_a_release_that_waits_for_the_end_of_a_probation_is_not_behind(world: World) -> None:
    agents = following(world, 10)
    agents.once()
    world.told.point(2)
    agents.once()
    state = agents.agents[MODEL].state
    assert (state.phase.value, world.memory.answered) == ("probation", [1])
    assert behind(state, world.device, world.clock.now()) is None


def test_an_agent_that_breaks_is_left_alone_for_a_while_and_the_others_go_on(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = World(tmp_path / "other", world.told)
    agents = following(world, 100)
    broken = other.boot()
    calls = 0

    def step() -> None:
        nonlocal calls
        calls += 1
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr(broken, "step", step)
    agents.agents = {"broken": broken, **agents.agents}
    agents.look_soon()
    with caplog.at_level(logging.CRITICAL):
        agents.follow()
    assert world.memory.answered == [1]
    assert 1 < calls < 6


def test_a_full_disk_is_waited_for_and_not_run_against(world: World) -> None:
    steps: list[Step] = []
    agents = following(world, 100, steps)
    agents.look_soon()
    agents.round()
    write = world.disk.write_from

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    world.disk.write_from = world.disk.replace = full  # type: ignore[assignment,method-assign]
    agents.follow()
    assert len(steps) < 200
    world.disk.write_from = write  # type: ignore[method-assign]
