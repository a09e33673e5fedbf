"""What is usual on a device: how far from its reference the release before was lately."""

import pytest

from agent_world.world import Plan, World
from slipway.serving.bundle.folder import Bundle
from slipway.serving.edge.agent.driver import Agent
from slipway.serving.edge.agent.state import Phase, State


@pytest.fixture
def agent(world: World) -> Agent:
    """A device on which the first release has settled."""
    agent = world.boot()
    world.live(agent)
    return agent


def standing(state: State) -> tuple[int | None, list[int]]:
    """What answers, and what failed here."""
    return state.active.release.number if state.active else None, [one.number for one in state.bad]


def test_where_the_camera_sees_something_else_by_now_a_release_is_as_strange_as_the_one_before(
    world: World, agent: Agent, bundles: dict[int, Bundle]
) -> None:
    world.memory.plans[bundles[1].digest] = Plan(divergence=0.6)
    world.memory.plans[bundles[2].digest] = Plan(divergence=0.84)
    world.told.point(1, 2)
    state = world.poll(agent)
    assert (standing(state), state.phase) == ((2, []), Phase.SETTLED)


def test_what_is_stranger_than_that_goes_back(world: World, agent: Agent, bundles: dict[int, Bundle]) -> None:
    world.memory.plans[bundles[1].digest] = Plan(divergence=0.6)
    world.memory.plans[bundles[2].digest] = Plan(divergence=0.86)
    world.told.point(1, 2)
    state = world.poll(agent)
    assert standing(state) == (1, [2])
    assert "usual here is 0.60, and 0.85 is allowed" in state.bad[0].why


def test_what_went_back_says_nothing_of_what_is_usual(world: World, agent: Agent, bundles: dict[int, Bundle]) -> None:
    world.memory.plans[bundles[2].digest] = Plan(divergence=0.9)
    world.told.point(1, 2)
    state = world.poll(agent)
    assert standing(state) == (1, [2])
    assert dict(state.usual) == {"outputs.logits.mean": 0.1}


def test_what_cannot_tell_any_more_how_it_does_is_exchanged_all_the_same(
    world: World, agent: Agent, bundles: dict[int, Bundle]
) -> None:
    world.memory.plans[bundles[1].digest] = Plan(mute=True)
    world.told.point(1, 2)
    state = world.poll(agent)
    assert standing(state) == (2, [])


def test_a_process_that_has_seen_too_little_goes_by_what_was_usual_before(
    world: World, agent: Agent, bundles: dict[int, Bundle]
) -> None:
    world.memory.plans[bundles[1].digest] = Plan(divergence=0.6)
    world.memory.plans[bundles[2].digest] = Plan(divergence=0.84)
    agent = world.boot()
    world.told.point(1, 2)
    state = world.poll(agent)
    assert standing(state) == (1, [2])
    assert "usual here is 0.10" in state.bad[0].why
