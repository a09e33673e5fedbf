"""What is begun, left, taken back and never tried again, and why."""

import math
from dataclasses import replace

import pytest

from agent_world.world import DEVICE, NOW, Plan, World
from slipway.serving.bundle.errors import BadBundle
from slipway.serving.bundle.folder import Bundle
from slipway.serving.channel.pointer import Wave
from slipway.serving.edge.agent.driver import Agent
from slipway.serving.edge.agent.effects import Device, Request, Rest, View
from slipway.serving.edge.agent.machine import decide
from slipway.serving.edge.agent.ports import Proof
from slipway.serving.edge.agent.state import Phase, State
from slipway.serving.edge.agent.wanting import wanted
from slipway.serving.runtime.errors import ModelUnfit


@pytest.fixture
def agent(world: World) -> Agent:
    """A device on which the first release has settled."""
    agent = world.boot()
    world.live(agent)
    return agent


def number(state: State) -> int | None:
    return state.active.release.number if state.active else None


def why(state: State, what: str) -> str:
    return next((one.why for one in reversed(state.told) if one.what == what), "")


def until(agent: Agent, phase: Phase) -> None:
    while agent.state.phase is not phase:
        effect, _ = agent.step()
        assert not isinstance(effect, Rest)


def bad(state: State) -> list[int]:
    return [one.number for one in state.bad]


def test_a_device_that_has_seen_nothing_has_nothing_to_do() -> None:
    assert decide(State(model="small-bays"), View(device=DEVICE, now=NOW)) == Rest()


@pytest.mark.parametrize(
    ("plan", "phase", "told"),
    [
        (Plan(unfit=True), Phase.BUILD, "No variant of it runs here."),
        (Plan(proof=Proof(("fp32: `logits` is far off.",), "cpu")), Phase.PROVE, "far off"),
        (Plan(proof=Proof((), "cpu", p95_ms=21)), Phase.PROVE, "21.00 ms (p95); 20 ms are allowed"),
        (Plan(proof=Proof((), "cpu", memory_mb=201)), Phase.PROVE, "201 MB of memory; 200 MB are allowed"),
        (Plan(proof=Proof((), "cpu", p95_ms=math.nan)), Phase.PROVE, "could not be measured"),
        (Plan(proof=Proof(("\udce9" + 3000 * "x",), "cpu")), Phase.PROVE, "?xxx"),
        (Plan(fails_to_activate=ModelUnfit("It does not load.")), Phase.ACTIVATE, "does not load"),
        (Plan(errors=0.5), Phase.PROBATION, "requests failed"),
        (Plan(p95_ms=19), Phase.PROBATION, "19.00 ms (p95); 10.00 ms are allowed"),
        (Plan(divergence=0.9), Phase.PROBATION, "outputs.logits.mean is distributed otherwise"),
    ],
)
def test_a_release_that_fails_anywhere_is_left_with_the_reason_and_not_tried_again(
    world: World, agent: Agent, bundles: dict[int, Bundle], plan: Plan, phase: Phase, told: str
) -> None:
    world.memory.plans[bundles[2].digest] = plan
    world.told.point(1, 2)
    state = world.poll(agent)
    assert number(state) == 1
    assert agent.running == state.active
    assert bad(state) == [2]
    assert (state.bad[0].phase, told in state.bad[0].why) == (phase, True)
    builds = world.memory.builds
    for _ in range(3):
        agent = world.boot()
        state = world.poll(agent)
    assert (number(state), world.memory.builds) == (1, builds)
    assert "Release 2: It failed here on 2026-03-01 12:0" in why(state, "refused")


def test_the_same_bundle_in_another_release_and_another_bundle_of_it_are_tried(
    world: World, agent: Agent, bundles: dict[int, Bundle]
) -> None:
    world.memory.plans[bundles[2].digest] = Plan(unfit=True)
    world.told.point(1, 2)
    assert bad(world.poll(agent)) == [2]
    world.memory.plans.clear()
    world.told.release(4, bundles[2], floor=1)
    world.told.point(1, 4)
    assert number(world.poll(agent)) == 4


def test_an_operator_may_ask_for_another_try(world: World, agent: Agent, bundles: dict[int, Bundle]) -> None:
    world.memory.plans[bundles[2].digest] = Plan(unfit=True)
    world.told.point(1, 2)
    assert bad(world.poll(agent)) == [2]
    world.memory.plans.clear()
    agent.request(Request("1", "again", "the driver is new", "ada", number=3))
    assert number(world.live(agent)) == 1
    agent.request(Request("2", "again", "the driver is new", "ada", number=2))
    assert number(world.live(agent)) == 2
    assert "ada asked (the driver is new); may be tried again: 2." in why(agent.state, "again")


def test_an_operator_goes_back_and_the_release_is_not_tried_again(world: World, agent: Agent) -> None:
    world.told.point(1, 2)
    world.poll(agent)
    agent.request(Request("1", "revert", "the night shift sees ghosts", "ben"))
    state = world.live(agent)
    assert (number(state), state.phase, bad(state)) == (1, Phase.REVERTED, [2])
    assert agent.running == state.active
    assert state.bad[0].why == "ben asked: the night shift sees ghosts"
    agent.request(Request("1", "revert", "the night shift sees ghosts", "ben"))
    assert world.poll(agent).active == state.active
    agent.request(Request("2", "revert", "once more", "ben"))
    state = world.live(agent)
    assert number(state) == 1
    assert "The other slot holds no release" in why(state, "revert refused")


def test_a_way_back_below_the_floor_is_refused(world: World, agent: Agent) -> None:
    world.told.point(2)
    world.poll(agent)
    world.told.point(2, 3, wave=Wave(share=0))
    world.poll(agent)
    assert agent.state.floor == 2
    agent.request(Request("1", "revert", "please", "ben"))
    state = world.live(agent)
    assert number(state) == 2
    assert "The release 1 is below the floor 2" in why(state, "revert refused")


def test_a_first_release_that_fails_in_the_field_goes_on_as_there_is_nothing_else(
    world: World, bundles: dict[int, Bundle]
) -> None:
    world.memory.plans[bundles[1].digest] = Plan(errors=0.5)
    agent = world.boot()
    state = world.live(agent)
    assert (number(state), state.phase, bad(state)) == (1, Phase.SETTLED, [1])
    assert "nothing to go back to" in why(state, "failing")
    assert agent.running == state.active
    world.told.point(2)
    assert number(world.poll(agent)) == 2


def test_a_device_far_behind_goes_to_the_base_first_so_that_the_target_has_a_way_back(
    world: World, agent: Agent, bundles: dict[int, Bundle]
) -> None:
    world.memory.plans[bundles[3].digest] = Plan(errors=0.5)
    world.told.point(2, 3)
    state = world.poll(agent)
    assert world.memory.answered == [1, 2, 3, 2]
    assert (number(state), bad(state), state.floor) == (2, [3], 2)


def test_a_target_that_failed_here_leaves_the_device_on_the_base(
    world: World, agent: Agent, bundles: dict[int, Bundle]
) -> None:
    world.memory.plans[bundles[3].digest] = Plan(unfit=True)
    world.told.point(2, 3)
    assert number(world.poll(agent)) == 2
    world.told.point(3)
    assert number(world.poll(agent)) == 2


def test_nothing_below_the_floor_is_begun_also_by_whoever_signs_pointers(world: World, agent: Agent) -> None:
    world.told.point(2, 3)
    assert number(world.poll(agent)) == 3
    world.told.point(1)
    state = world.poll(agent)
    assert number(state) == 3
    assert "Release 1: It is below the floor: devices that have seen the floor 2" in why(state, "refused")
    assert agent.running == state.active


def test_the_floor_is_remembered_before_anything_is_done_about_it(world: World, agent: Agent) -> None:
    world.told.point(2, 3)
    agent.ask()
    agent.step()
    agent = world.boot()
    world.told.offline = True
    assert (agent.state.floor, agent.state.sequence) == (2, 2)


def test_an_old_pointer_is_refused(world: World, agent: Agent) -> None:
    old = world.told.pointer
    world.told.point(1, 2)
    world.poll(agent)
    world.told.pointer = old
    state = world.poll(agent)
    assert number(state) == 2
    assert "has the sequence 1, and 2 was seen" in why(state, "channel refused")


def test_a_device_that_does_other_things_as_well_lets_a_model_take_so_much_longer_and_no_more(
    world: World, bundles: dict[int, Bundle]
) -> None:
    world.device = replace(DEVICE, latency_times=3)
    agent = world.boot()
    world.live(agent)
    world.memory.plans[bundles[2].digest] = Plan(proof=Proof((), "cpu", p95_ms=59), p95_ms=59)
    world.told.point(1, 2)
    assert number(world.poll(agent)) == 2
    world.memory.plans[bundles[3].digest] = Plan(proof=Proof((), "cpu", p95_ms=61))
    world.told.point(2, 3)
    assert "61.00 ms (p95); 60 ms are allowed" in why(world.poll(agent), "refused")


def test_an_agent_that_is_too_old_for_a_release_stays_and_is_not_at_fault(
    world: World, agent: Agent, bundles: dict[int, Bundle]
) -> None:
    world.told.release(2, bundles[2], floor=1, minimum_agent="0.2.0")
    world.told.point(1, 2)
    state = world.poll(agent)
    assert (number(state), bad(state)) == (1, [])
    assert "The release 2 asks for an agent of 0.2.0 or newer; this is 0.1.0." in why(state, "refused")
    world.device = Device(id="bay-7", device_class="edge-cpu", enrolled=NOW, agent="0.10.0.dev1")
    assert number(world.poll(world.boot())) == 2


def test_a_channel_that_asks_for_a_newer_agent_is_heard(world: World, agent: Agent) -> None:
    world.told.point(1, 2, minimum_agent="1.0.0")
    assert "The channel asks for an agent of 1.0.0" in why(world.poll(agent), "refused")


def test_a_bundle_for_other_classes_is_refused_before_a_file_of_it_is_fetched(world: World) -> None:
    world.device = Device(id="bay-7", device_class="jetson", enrolled=NOW, agent="0.1.0")
    agent = world.boot()
    state = world.live(agent)
    assert (number(state), bad(state)) == (None, [1])
    assert "not made for the device class jetson; it is for edge-cpu, edge-gpu" in state.bad[0].why
    assert not world.told.read_bytes


def test_a_device_outside_the_wave_or_of_a_paused_one_stays(world: World, agent: Agent) -> None:
    world.told.point(1, 2, wave=Wave(share=0))
    assert number(world.poll(agent)) == 1
    world.told.point(1, 2, paused=True)
    assert number(world.poll(agent)) == 1
    world.told.point(1, 2)
    assert number(world.poll(agent)) == 2
    world.told.point(1, 2, paused=True)
    assert number(world.poll(agent)) == 2


@pytest.mark.parametrize("phase", [Phase.FETCH, Phase.VERIFY, Phase.BUILD, Phase.PROVE, Phase.ACTIVATE])
def test_what_is_not_wanted_any_more_is_left_at_any_phase(world: World, agent: Agent, phase: Phase) -> None:
    world.told.point(1, 2)
    agent.ask()
    until(agent, phase)
    world.told.point(1)
    state = world.poll(agent)
    assert (number(state), state.coming, state.phase, bad(state)) == (1, None, Phase.SETTLED, [])
    world.told.read_bytes.clear()
    world.told.point(1, 2)
    assert number(world.poll(agent)) == 2


def test_an_undo_does_not_wait_for_the_end_of_probation(world: World, agent: Agent) -> None:
    world.told.point(1, 2)
    agent.ask()
    until(agent, Phase.PROBATION)
    world.told.point(1)
    agent.ask()
    agent.run()
    assert number(agent.state) == 1
    assert agent.running == agent.state.active
    assert bad(agent.state) == []


def test_the_release_after_waits_for_the_end_of_probation(world: World, agent: Agent) -> None:
    world.told.point(1, 2)
    agent.ask()
    until(agent, Phase.PROBATION)
    world.told.point(2, 3)
    agent.ask()
    agent.run()
    assert (number(agent.state), agent.state.phase) == (2, Phase.PROBATION)
    assert number(world.live(agent)) == 3


def test_a_release_that_was_undone_may_come_again_on_probation_and_without_fetching(world: World, agent: Agent) -> None:
    world.told.point(1, 2)
    world.poll(agent)
    world.told.point(1)
    world.poll(agent)
    world.told.offline = False
    world.told.read_bytes.clear()
    world.told.point(1, 2)
    agent.ask()
    until(agent, Phase.PROBATION)
    assert not world.told.read_bytes
    assert world.live(agent).phase is Phase.SETTLED


def test_a_base_in_the_other_slot_that_does_not_load_is_fetched_and_built_anew(
    world: World, agent: Agent, bundles: dict[int, Bundle]
) -> None:
    world.told.point(1, 2)
    world.poll(agent)
    world.told.point(1)
    plan = world.memory.plans[bundles[1].digest] = Plan(fails_to_activate=ModelUnfit("Its engine is gone."))
    agent.ask()
    while "Its engine is gone." not in why(agent.state, "activate put off"):
        agent.step()
    plan.fails_to_activate = None
    state = world.live(agent)
    assert (number(state), bad(state)) == (1, [])


def test_a_device_that_was_busy_is_given_some_tries_to_be_quick(
    world: World, agent: Agent, bundles: dict[int, Bundle]
) -> None:
    plan = world.memory.plans[bundles[2].digest] = Plan(proof=Proof((), "cpu", p95_ms=30))
    world.told.point(1, 2)
    agent.ask()
    while not agent.state.tries:
        agent.step()
    plan.proof = Proof((), "cpu", p95_ms=3)
    begun = world.clock.monotonic()
    until(agent, Phase.PROVE)
    rest, _ = agent.step()
    assert isinstance(rest, Rest)
    assert number(world.live(agent)) == 2
    assert world.clock.monotonic() - begun > 30
    assert world.memory.proofs == 3


def test_a_slot_that_is_damaged_each_time_is_fetched_ever_more_seldom(
    world: World, agent: Agent, bundles: dict[int, Bundle]
) -> None:
    world.memory.plans[bundles[2].digest] = Plan(fails_to_activate=BadBundle("Its disk loses bits."))
    world.told.point(1, 2)
    agent.ask()
    state = world.live(agent, seconds=86_400)
    assert (number(state), bad(state)) == (1, [])
    assert 5 < world.memory.builds < 40
    assert agent.running == state.active


def test_an_accelerator_that_was_lost_reverts_at_once(world: World, bundles: dict[int, Bundle]) -> None:
    world.device = Device(id="bay-7", device_class="edge-gpu", enrolled=NOW, agent="0.1.0")
    for digest in (bundles[1].digest, bundles[2].digest):
        world.memory.plans[digest] = Plan(proof=Proof((), "cuda"), provider="cuda")
    agent = world.boot()
    world.live(agent)
    world.memory.plans[bundles[2].digest] = Plan(proof=Proof((), "cuda"), provider="cpu", per_second=0.01)
    world.told.point(1, 2)
    state = world.poll(agent)
    assert number(state) == 1
    assert "fell to the processor" in state.bad[0].why
    world.memory.plans[bundles[3].digest] = Plan(proof=Proof((), "cpu"), provider="cpu")
    world.told.point(1, 3)
    assert "ran on the processor" in world.poll(agent).bad[1].why


def test_too_few_requests_settle_in_the_end(world: World, agent: Agent, bundles: dict[int, Bundle]) -> None:
    world.memory.plans[bundles[2].digest] = Plan(per_second=0.001)
    world.told.point(1, 2)
    state = world.poll(agent)
    assert (number(state), state.phase) == (2, Phase.SETTLED)
    assert "are few" in why(state, "settled")


def test_what_is_wanted_stands_in_one_function_with_the_base_behind_the_target(world: World, agent: Agent) -> None:
    world.told.point(1, 2)
    agent.ask()
    agent.step()
    assert [one.number for one in wanted(agent.state, DEVICE, NOW)] == [2, 1]
    assert wanted(State(model="small-bays"), DEVICE, NOW) == ()


def test_the_same_reason_is_not_written_again_and_again(world: World, agent: Agent) -> None:
    world.told.offline = True
    size = (world.folder / "models/small-bays/journal").stat().st_size
    agent.ask()
    agent.run()
    once = (world.folder / "models/small-bays/journal").stat().st_size
    assert once > size
    for _ in range(20):
        agent.ask()
        agent.run()
    assert (world.folder / "models/small-bays/journal").stat().st_size == once
