"""Cut power is told from a crash, and a release that brings the machine down is left all the same."""

import json
from pathlib import Path

import pytest

from agent_world.world import DEVICE, NOW, RULES, World
from slipway.serving.bundle.canonical import canonical
from slipway.serving.channel.release import Release
from slipway.serving.edge.agent.clock import BOOT, boot_id
from slipway.serving.edge.agent.driver import Agent
from slipway.serving.edge.agent.effects import Become, View
from slipway.serving.edge.agent.health import Rules
from slipway.serving.edge.agent.journal import _checked
from slipway.serving.edge.agent.machine import decide
from slipway.serving.edge.agent.starting import started
from slipway.serving.edge.agent.state import Installed, Phase, State


def installed(number: int, slot: str) -> Installed:
    release = Release(model="small-bays", number=number, bundle=f"{number:064x}", floor=0, signed_at=NOW)
    return Installed.model_validate({"slot": slot, "release": release, "proven": True, "activated": True})


def watched(phase: Phase = Phase.PROBATION, **parts: object) -> State:
    """A release on probation whose process was not asked to end."""
    made = State(model="small-bays", phase=phase, active=installed(2, "b"), before=installed(1, "a"), started=True)
    return made.model_copy(update={"boot": "one", **parts})


@pytest.mark.parametrize(
    ("before", "now", "crashes", "reboots"),
    [("one", "one", 1, 0), ("one", "two", 0, 1), ("", "two", 1, 0), ("one", "", 1, 0), ("", "", 1, 0)],
)
def test_another_boot_is_no_crash_and_one_that_is_not_known_is(
    before: str, now: str, crashes: int, reboots: int
) -> None:
    after = started(watched(boot=before), now)
    assert (after.crashes, after.reboots, after.boot, after.started) == (crashes, reboots, now, True)


@pytest.mark.parametrize("now", ["one", "two", ""])
def test_an_end_that_was_asked_for_or_blames_no_release_counts_for_nothing(now: str) -> None:
    for state in (watched(started=False), watched(Phase.SETTLED), watched(Phase.FETCH)):
        after = started(state, now)
        assert (after.crashes, after.reboots, after.boot) == (0, 0, now)


@pytest.mark.parametrize(("ends", "bound"), [("crashes", RULES.crashes), ("reboots", RULES.reboots)])
def test_each_kind_of_end_has_its_bound_and_neither_is_kept_for_the_release_after(ends: str, bound: int) -> None:
    view = View(device=DEVICE, now=NOW, rules=RULES)
    other = {"crashes": "reboots", "reboots": "crashes"}[ends]
    almost = watched().model_copy(update={other: getattr(RULES, other) - 1, ends: bound - 1})
    assert not isinstance(decide(almost, view), Become)
    effect = decide(almost.model_copy(update={ends: bound}), view)
    assert isinstance(effect, Become)
    after = effect.state
    assert after.active is not None
    assert (after.phase, after.active.release.number, [one.number for one in after.bad]) == (Phase.REVERTED, 1, [2])
    assert (after.crashes, after.reboots) == (0, 0)


def test_a_machine_may_end_clearly_more_often_than_a_process() -> None:
    assert Rules().reboots >= 3 * Rules().crashes


@pytest.fixture
def on_probation(world: World) -> Agent:
    """A device that has just begun with the second release."""
    agent = world.boot()
    world.live(agent)
    world.told.point(1, 2)
    agent.ask()
    agent.run()
    assert agent.state.phase is Phase.PROBATION
    return agent


def number(state: State) -> int | None:
    return state.active.release.number if state.active else None


def test_power_that_is_cut_again_and_again_on_probation_leaves_no_good_release(
    world: World, on_probation: Agent
) -> None:
    agent = on_probation
    for _ in range(world.rules.reboots - 1):
        agent = world.reboot()  # without a close
        agent.run()
    assert agent.state.crashes == 0
    state = world.live(agent)
    assert (number(state), state.phase, state.bad, state.reboots) == (2, Phase.SETTLED, (), 0)


def test_cut_power_forgives_no_crash(world: World, on_probation: Agent) -> None:
    agent = on_probation
    for begins in (world.boot, world.reboot, world.boot, world.reboot, world.boot):
        assert number(agent.state) == 2
        agent = begins()
        agent.run()
    assert (number(agent.state), agent.state.phase) == (1, Phase.REVERTED)
    assert "ended 3 times without being asked to, in probation" in agent.state.bad[0].why


@pytest.mark.parametrize("phase", [Phase.BUILD, Phase.PROVE, Phase.ACTIVATE, Phase.PROBATION])
def test_a_release_that_brings_the_machine_down_is_left_in_the_end(world: World, phase: Phase) -> None:
    agent = world.boot()
    world.live(agent)
    world.told.point(1, 2)
    agent.ask()
    for start in range(world.rules.reboots):
        while agent.state.phase is not phase:
            agent.step()
        assert agent.state.reboots == start
        agent = world.reboot()  # without a close
    state = world.live(agent)
    assert (number(state), [one.number for one in state.bad]) == (1, [2])
    assert f"The machine ended 10 times, in {phase.value}" in state.bad[0].why
    assert world.memory.answered[-1] == 1
    assert number(world.poll(world.reboot())) == 1


def test_where_the_boot_is_not_known_cut_power_looks_like_crashes(world: World, on_probation: Agent) -> None:
    world.knows_boot = False
    agent = on_probation
    for _ in range(world.rules.crashes):
        assert number(agent.state) == 2
        agent = world.reboot()
        agent.run()
    assert (number(agent.state), agent.state.reboots) == (1, 0)


def test_a_journal_from_before_boots_were_written_is_gone_on_with(world: World, on_probation: Agent) -> None:
    """Its one end of which nothing is known counts as a crash; from then on the boots are known."""
    path = world.folder / "models/small-bays/journal"
    line = json.loads(path.read_bytes().splitlines()[-1])
    del line["state"]["boot"], line["state"]["reboots"]
    line["length"], line["sha256"] = _checked(line["number"], line["state"])
    path.write_bytes(canonical(line) + b"\n")
    agent = world.reboot()
    assert (agent.state.crashes, agent.state.reboots, agent.state.told) == (1, 0, on_probation.state.told)
    agent = world.reboot()
    assert (agent.state.crashes, agent.state.reboots) == (1, 1)
    assert number(world.live(agent)) == 2


def test_the_boot_of_this_machine_is_read_and_what_is_none_is_not_known(tmp_path: Path) -> None:
    assert boot_id() == BOOT.read_text().strip() != ""
    (tmp_path / "odd").write_bytes(b"\xff once upon a time")
    (tmp_path / "empty").write_bytes(b"")
    for name in ("odd", "empty", "missing", "."):
        assert boot_id(tmp_path / name) == ""
