"""Models are exchanged in a window; everything before that happens at any time, and no way back waits for one."""

from datetime import datetime, timedelta

import pytest

from agent_world.world import LONG, NOW, Plan, World
from slipway.serving.bundle.folder import Bundle
from slipway.serving.edge.agent.driver import Agent
from slipway.serving.edge.agent.effects import Request
from slipway.serving.edge.agent.state import Phase, State
from slipway.serving.edge.standing import standing

OPENS = NOW + timedelta(hours=8)


def window(now: datetime) -> float:
    return max(0.0, (OPENS - now).total_seconds())


def never(_: datetime) -> float:
    return 3600.0


@pytest.fixture
def agent(world: World, bundles: dict[int, Bundle]) -> Agent:
    """A device whose first model came although no window was open."""
    for one, bundle in bundles.items():
        world.told.release(one, bundle, floor=0)
    world.may_swap = window
    agent = world.boot()
    world.poll(agent)
    assert number(agent.state) == 1
    return agent


def number(state: State) -> int | None:
    return state.active.release.number if state.active else None


def test_a_release_is_proven_at_once_and_becomes_active_when_the_window_opens(world: World, agent: Agent) -> None:
    world.told.point(1, 2)
    agent.ask()
    state = world.live(agent, 60)
    assert (number(state), state.phase) == (1, Phase.READY)
    assert state.coming is not None
    assert state.coming.proven
    proofs = world.memory.proofs
    assert "2 is proven here and waits for a window" in standing(state, world.device, agent.now())
    agent = world.boot()  # waiting is no work of the release, so an end of the process counts for nothing
    assert (agent.state.crashes, agent.state.phase) == (0, Phase.READY)
    state = world.live(agent)
    assert (number(state), state.phase, world.memory.proofs) == (2, Phase.SETTLED, proofs)
    active = next(told.at for told in state.told if told.what == "active" and "2" in told.why)
    assert active >= OPENS


@pytest.mark.parametrize("way", ["undone by the channel", "asked by an operator", "failed", "after a start"])
def test_no_way_back_waits(world: World, agent: Agent, bundles: dict[int, Bundle], way: str) -> None:
    world.told.point(1, 2)
    world.memory.plans[bundles[2].digest] = Plan(errors=0.5 if way == "failed" else 0.0)
    state = world.poll(agent)
    if way == "failed":
        assert (number(state), [one.number for one in state.bad]) == (1, [2])
        return
    assert number(state) == 2
    world.may_swap = never
    agent = world.boot()
    if way == "after a start":
        assert number(world.live(agent, 60)) == 2
        assert world.engines.active is not None
        return
    if way == "undone by the channel":
        world.told.point(1)
        agent.ask()
    else:
        agent.request(Request("1", "revert", "ghosts", "ada"))
    assert number(world.live(agent, 60)) == 1


def test_what_takes_the_place_of_a_release_that_failed_with_no_way_back_does_not_wait(
    world: World, agent: Agent, bundles: dict[int, Bundle]
) -> None:
    world.told.release(2, bundles[2], floor=2)
    world.told.release(3, bundles[3], floor=2)
    world.told.point(2)
    world.memory.plans[bundles[2].digest] = Plan(errors=0.5)
    assert [one.number for one in world.poll(agent).bad] == [2]
    world.may_swap = never
    agent = world.boot()
    world.told.point(3)
    assert number(world.poll(agent)) == 3


def test_what_waits_is_left_when_it_is_no_longer_wanted(world: World, agent: Agent) -> None:
    world.told.point(1, 2)
    agent.ask()
    assert world.live(agent, 60).phase is Phase.READY
    world.told.point(1)
    agent.ask()
    state = world.live(agent, 60)
    assert (number(state), state.phase, state.coming) == (1, Phase.SETTLED, None)
    assert number(world.live(agent, LONG)) == 1
