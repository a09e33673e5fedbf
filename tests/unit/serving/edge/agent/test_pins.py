"""A device or a site that stays with one release, and a time in which nobody begins with the target."""

from dataclasses import replace
from datetime import timedelta

import pytest

from agent_world.world import DEVICE, NOW, Plan, World
from slipway.serving.bundle.folder import Bundle
from slipway.serving.channel.pointer import Wave
from slipway.serving.edge.agent.driver import Agent
from slipway.serving.edge.agent.state import Phase, State
from slipway.serving.edge.standing import standing

DAY = timedelta(days=1)
MINE, SITE = {"device": DEVICE.id}, {"site": "lisbon"}


@pytest.fixture
def agent(world: World, bundles: dict[int, Bundle]) -> Agent:
    """A device of a site on which the second of three releases has settled; the floor leaves a way to the first."""
    for one, bundle in bundles.items():
        world.told.release(one, bundle, floor=1)
    world.device = replace(world.device, site="lisbon")
    world.told.point(2)
    agent = world.boot()
    world.poll(agent)
    return agent


def number(state: State) -> int | None:
    return state.active.release.number if state.active else None


def sentence(world: World, agent: Agent) -> str:
    return standing(agent.state, world.device, agent.now())


@pytest.mark.parametrize("pinned", [1, 3])
@pytest.mark.parametrize("whose", [MINE, SITE])
def test_a_pin_leads_to_an_older_or_a_newer_release_and_ends_by_itself(
    world: World, agent: Agent, pinned: int, whose: dict[str, str]
) -> None:
    world.told.point(2, pins=[world.told.pin(pinned, NOW + 3 * DAY, **whose)])
    state = world.poll(agent)
    assert (number(state), state.phase) == (pinned, Phase.SETTLED)
    assert f"is pinned to release {pinned} until 2026-03-04 12:00 UTC" in sentence(world, agent)
    world.clock.advance((3 * DAY).total_seconds())
    assert number(world.live(agent)) == 2
    assert "Release 2 is what the channel wants here." in sentence(world, agent)


def test_a_devices_own_pin_comes_before_its_sites_and_others_are_none_of_its_business(
    world: World, agent: Agent
) -> None:
    others = [world.told.pin(3, NOW + 9 * DAY, device="bay-8"), world.told.pin(3, NOW + 9 * DAY, site="porto")]
    world.told.point(2, pins=others)
    assert number(world.poll(agent)) == 2
    both = [world.told.pin(3, NOW + 9 * DAY, **SITE), world.told.pin(1, NOW + 2 * DAY, **MINE)]
    world.told.point(2, pins=[*others, *both])
    assert number(world.poll(agent)) == 1
    world.clock.advance((2 * DAY).total_seconds())
    assert number(world.live(agent)) == 3


def test_a_pin_leads_neither_below_the_floor_nor_to_what_failed_here(
    world: World, agent: Agent, bundles: dict[int, Bundle]
) -> None:
    world.memory.plans[bundles[3].digest] = Plan(unfit=True)
    world.told.point(2, pins=[world.told.pin(3, NOW + 9 * DAY, **MINE)])
    assert number(world.poll(agent)) == 2
    assert "The pin to release 3 is not followed. It failed here" in sentence(world, agent)
    world.told.release(2, bundles[2], floor=2)
    world.told.point(2, pins=[world.told.pin(1, NOW + 9 * DAY, **MINE)])
    state = world.poll(agent)
    assert (number(state), state.floor) == (2, 2)
    assert "The pin to release 1 is not followed. It is below the floor" in sentence(world, agent)
    assert any(told.what == "refused" and "Release 1: It is below the floor" in told.why for told in state.told)


def test_a_pin_that_leads_nowhere_keeps_nothing_from_its_work_and_what_is_known_of_one_stays_known(
    world: World, agent: Agent
) -> None:
    world.told.lacks = {3}
    world.told.point(2, pins=[world.told.pin(3, NOW + 9 * DAY, **MINE)])
    assert number(world.poll(agent)) == 2
    assert "The pin to release 3 is not followed. The channel has no such release here." in sentence(world, agent)
    world.told.lacks = set()
    assert number(world.poll(agent)) == 3
    world.told.lacks = {3}
    assert number(world.poll(world.boot())) == 3


def test_while_frozen_nobody_begins_and_an_undo_and_pins_stay_open(world: World, agent: Agent) -> None:
    until = NOW + 3 * DAY
    world.told.point(2, 3, frozen_until=until)
    assert number(world.poll(agent)) == 2
    assert "frozen until 2026-03-04 12:00 UTC: no device begins with release 3" in sentence(world, agent)
    world.told.point(2, 3, frozen_until=until, pins=[world.told.pin(3, NOW + DAY, **MINE)])
    assert number(world.poll(agent)) == 3
    world.clock.advance(DAY.total_seconds())
    assert number(world.live(agent)) == 3  # who has it keeps it
    world.told.point(1, None, frozen_until=until)
    assert number(world.poll(agent)) == 1


def test_what_was_begun_is_left_while_frozen_and_gone_on_with_after_the_thaw(world: World, agent: Agent) -> None:
    world.told.point(2, 3)
    agent.ask()
    while agent.state.phase is not Phase.PROVE:
        agent.step()
    world.told.point(2, 3, frozen_until=NOW + 3 * DAY)
    state = world.poll(agent)
    assert (number(state), state.coming) == (2, None)
    fetched = sum(world.told.read_bytes.values())
    world.clock.advance((3 * DAY).total_seconds())
    assert number(world.live(agent)) == 3
    assert sum(world.told.read_bytes.values()) == fetched


def test_a_clock_that_is_behind_keeps_the_freeze_until_something_later_is_signed_and_one_far_ahead_begins_nothing(
    world: World, agent: Agent
) -> None:
    world.told.point(2, 3, frozen_until=NOW + 3 * DAY)
    world.clock.wall = NOW - 999 * DAY
    assert number(world.poll(agent)) == 2
    world.told.signed_at = NOW + 4 * DAY
    assert number(world.poll(agent)) == 3
    world.told.point(2, 3, frozen_until=NOW + 300 * DAY, wave=Wave(share=0), pins=[])
    world.told.point(1, 2, frozen_until=NOW + 300 * DAY)
    assert number(world.poll(agent)) == 1
    world.clock.wall = NOW + 400 * DAY
    assert number(world.poll(agent)) == 1
    assert "good until" in sentence(world, agent)
