"""The whole way of a release on one device, with everything that does not fail."""

from agent_world.world import World
from slipway.serving.bundle.folder import Bundle
from slipway.serving.edge.agent.state import Phase


def test_a_release_is_fetched_verified_built_proven_watched_and_settles(world: World) -> None:
    agent = world.boot()
    state = world.live(agent)
    assert state.phase is Phase.SETTLED
    assert state.active is not None
    assert (state.active.release.number, state.active.proven) == (1, True)
    assert world.memory.answered == [1]
    assert [one.what for one in state.told] == ["begun", "fetched", "verified", "built", "proven", "active", "settled"]


def test_the_next_release_takes_the_other_slot_and_the_one_before_stays_whole(world: World) -> None:
    agent = world.boot()
    world.live(agent)
    world.told.point(1, 2)
    state = world.poll(agent)
    assert state.active is not None
    assert state.before is not None
    assert (state.active.release.number, state.active.slot) == (2, "b")
    assert (state.before.release.number, state.before.slot) == (1, "a")
    assert world.memory.answered == [1, 2]
    assert state.floor == 1


def test_undo_is_immediate_and_fetches_nothing(world: World, bundles: dict[int, Bundle]) -> None:
    agent = world.boot()
    world.live(agent)
    world.told.point(1, 2)
    world.poll(agent)
    world.told.read_bytes.clear()
    world.told.point(1)
    state = world.poll(agent)
    assert state.active is not None
    assert state.active.release.bundle == bundles[1].digest
    assert state.phase is Phase.SETTLED
    assert not world.told.read_bytes
    assert world.memory.answered == [1, 2, 1]
