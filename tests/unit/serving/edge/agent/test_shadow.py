"""A release runs beside what answers before it may answer itself."""

from datetime import timedelta
from pathlib import Path

import pytest

from agent_world.cutting import Cut, CuttingDisk, PowerCut, Unsynced
from agent_world.world import DEVICE, LONG, NOW, Plan, World
from slipway.serving.bundle.folder import Bundle
from slipway.serving.channel.pointer import Wave
from slipway.serving.edge.agent.driver import Agent
from slipway.serving.edge.agent.effects import Rest
from slipway.serving.edge.agent.ports import Proof
from slipway.serving.edge.agent.state import Phase, State
from slipway.serving.edge.standing import standing
from slipway.serving.runtime.errors import ModelUnfit

SHADOW = Wave(kind="shadow", frames=0.25)


@pytest.fixture
def agent(world: World) -> Agent:
    """A device on which the first release has settled."""
    agent = world.boot()
    world.poll(agent)
    return agent


def number(state: State) -> int | None:
    return state.active.release.number if state.active else None


def beside(world: World) -> tuple[int, float] | None:
    return world.engines.beside


def sentence(world: World, agent: Agent) -> str:
    return standing(agent.state, world.device, agent.now())


def test_a_release_is_proven_runs_in_the_shadow_and_becomes_active_without_another_proof(
    world: World, agent: Agent
) -> None:
    world.told.point(1, 2, wave=SHADOW)
    state = world.poll(agent)
    assert (number(state), state.phase, world.engines.beside) == (1, Phase.SHADOW, (2, 0.25))
    assert world.memory.answered == [1]
    assert "Release 2 is tried in the shadow of what answers, and the base, release 1, is for it" in sentence(
        world, agent
    )
    world.told.point(1, 2, wave=Wave(kind="shadow", frames=0.5))
    world.poll(agent)
    assert world.engines.beside == (2, 0.5)
    proofs, builds = world.memory.proofs, world.memory.builds
    world.told.point(1, 2)
    state = world.poll(agent)
    assert (number(state), state.phase) == (2, Phase.SETTLED)
    assert beside(world) is None
    assert (world.memory.proofs, world.memory.builds) == (proofs, builds)


def test_a_pause_stops_its_frames_and_an_undo_drops_it(world: World, agent: Agent) -> None:
    world.told.point(1, 2, wave=SHADOW)
    world.poll(agent)
    world.told.point(1, 2, wave=SHADOW, paused=True)
    state = world.poll(agent)
    assert (state.phase, world.engines.beside) == (Phase.SHADOW, None)
    world.told.point(1, 2, wave=SHADOW)
    world.poll(agent)
    assert world.engines.beside == (2, 0.25)
    world.told.point(1)
    state = world.poll(agent)
    assert (number(state), state.phase, state.coming) == (1, Phase.SETTLED, None)
    assert beside(world) is None


@pytest.mark.parametrize("held", [{"paused": True}, {"frozen_until": NOW + timedelta(days=3)}])
def test_nobody_begins_while_it_is_held(world: World, agent: Agent, held: dict[str, object]) -> None:
    world.told.point(1, 2, wave=SHADOW, **held)
    state = world.poll(agent)
    assert (state.phase, state.coming, world.memory.shadowed) == (Phase.SETTLED, None, [])


def test_what_is_in_the_shadow_stays_there_while_frozen(world: World, agent: Agent) -> None:
    world.told.point(1, 2, wave=SHADOW)
    world.poll(agent)
    world.told.point(1, 2, frozen_until=NOW + timedelta(days=1), wave=SHADOW)
    state = world.poll(agent)
    assert (state.phase, world.engines.beside) == (Phase.SHADOW, (2, 0.25))


@pytest.mark.parametrize(
    "point",
    [
        {"wave": Wave(kind="shadow", share=0)},
        {"wave": SHADOW, "pins": True},
    ],
)
def test_who_is_not_of_the_wave_or_is_pinned_tries_nothing(
    world: World, agent: Agent, point: dict[str, object]
) -> None:
    if point.pop("pins", False):
        point = {**point, "pins": [world.told.pin(1, NOW + timedelta(days=9), device=DEVICE.id)]}
    world.told.point(1, 2, **point)
    state = world.poll(agent)
    assert (number(state), state.coming, world.memory.shadowed) == (1, None, [])


def test_a_device_without_a_model_tries_nothing(world: World) -> None:
    world.told.point(None, 1, wave=SHADOW)
    state = world.poll(world.boot())
    assert (state.phase, state.coming) == (Phase.IDLE, None)


@pytest.mark.parametrize("why", ["no room", "other inputs"])
def test_what_has_no_room_beside_what_answers_is_refused_that_and_becomes_active_all_the_same(
    world: World, agent: Agent, bundles: dict[int, Bundle], why: str
) -> None:
    room = Proof(problems=(), provider="cpu", p95_ms=2.0, memory_mb=190.0, load_ms=5.0)
    plan = Plan(proof=room) if why == "no room" else Plan(incomparable="It takes other inputs.")
    world.memory.plans[bundles[2].digest] = plan
    world.told.point(1, 2, wave=SHADOW)
    state = world.poll(agent)
    assert (state.phase, state.bad) == (Phase.SHADOW, ())
    told = "takes 190 MB of memory and release 1" if why == "no room" else "It takes other inputs"
    assert told in next(one.why for one in state.told if one.what == "shadow refused")
    assert told in sentence(world, agent)
    journal = (world.folder / "models/small-bays/journal").read_bytes()
    world.live(agent)
    assert (world.folder / "models/small-bays/journal").read_bytes() == journal
    world.told.point(1, 2)
    assert number(world.poll(agent)) == 2


def test_what_does_not_load_in_the_shadow_is_left_and_not_tried_again(
    world: World, agent: Agent, bundles: dict[int, Bundle]
) -> None:
    world.memory.plans[bundles[2].digest] = Plan(fails_to_activate=ModelUnfit("It does not load."))
    world.told.point(1, 2, wave=SHADOW)
    state = world.poll(agent)
    assert (number(state), [(one.number, one.phase) for one in state.bad]) == (1, [(2, Phase.SHADOW)])


def test_what_ends_the_process_in_the_shadow_is_left_after_some_times(
    world: World, agent: Agent, bundles: dict[int, Bundle]
) -> None:
    world.memory.plans[bundles[2].digest] = Plan(kills=True)
    world.told.point(1, 2, wave=SHADOW)
    agent.ask()
    for _ in range(world.rules.crashes):
        with pytest.raises(PowerCut):
            world.live(agent)
        agent = world.boot()
    state = world.live(agent)
    assert (number(state), [(one.number, one.phase) for one in state.bad]) == (1, [(2, Phase.SHADOW)])
    assert "ended 3 times" in state.bad[0].why


def test_a_damaged_slot_is_fetched_and_proven_anew(world: World, agent: Agent) -> None:
    world.told.point(1, 2, wave=SHADOW)
    state = world.poll(agent)
    assert state.coming is not None
    model = world.folder / f"models/small-bays/{state.coming.slot}/model.fp32.onnx"
    model.write_bytes(b"\0" * model.stat().st_size)
    proofs = world.memory.proofs
    state = world.live(world.boot(), LONG)
    assert (number(state), state.phase, world.engines.beside) == (1, Phase.SHADOW, (2, 0.25))
    assert world.memory.proofs == proofs + 1


def test_after_a_start_what_answered_does_first_and_the_shadow_follows(world: World, agent: Agent) -> None:
    world.told.point(1, 2, wave=SHADOW)
    world.poll(agent)
    agent = world.reboot()
    while not isinstance(agent.step()[0], Rest):
        assert world.engines.active is not None
    assert world.engines.beside == (2, 0.25)
    assert agent.state.phase is Phase.SHADOW


def test_the_power_is_cut_at_each_moment_of_the_way_into_the_shadow_and_out_of_it(
    world: World, agent: Agent, tmp_path: Path
) -> None:
    def through(device: World, disk: CuttingDisk | None = None) -> State:
        agent = device.reboot(disk)
        device.told.point(1, 2, wave=SHADOW)
        device.poll(agent)
        device.told.point(1, 2)
        return device.poll(agent)

    agent.close()
    whole = world.copy(tmp_path / "whole")
    assert number(through(whole)) == 2
    moments = len(whole.disk.moments)
    assert moments > 20
    for moment in range(0, moments, 2):
        device = world.copy(tmp_path / f"cut-{moment}")
        disk = CuttingDisk(device.folder, Cut(moment, 0, Unsynced.LOST))
        with pytest.raises(PowerCut):
            through(device, disk)
        state = through(device)
        assert (number(state), state.phase, state.bad) == (2, Phase.SETTLED, ()), moment
