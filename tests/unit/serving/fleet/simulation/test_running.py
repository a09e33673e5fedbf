"""Devices that are simulated run the agent's real decisions over a real channel."""

from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from guards import GUARDS
from slipway.platform.ledger.entry import Action
from slipway.serving.errors import WrongUse
from slipway.serving.fleet.simulation.own_channel import OwnChannel
from slipway.serving.fleet.simulation.place import place
from slipway.serving.fleet.simulation.record import Record
from slipway.serving.fleet.simulation.scenarios import SCENARIOS
from slipway.serving.fleet.simulation.simulating import Outcome, simulate

NAMED = (
    "offline clock disk-full power link mirror-old mirror-mixed mirror-truncated mirror-endless mirror-slow "
    "stolen-rollout stolen-timestamp corrupt-slot fails-golden bad-in-field crash-loop duplicate-id fleet-down "
    "two-controllers airflow-down"
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where a disk is not waited for."""
    with place() as found:
        yield found


def lived(folder: Path, *scenarios: str, devices: int = 3, seed: int = 0) -> Outcome:
    folder.mkdir(exist_ok=True)
    signers = OwnChannel(folder)
    return simulate(signers, folder / "fleet", begin=signers.begin, devices=devices, scenarios=scenarios, seed=seed)


def test_all_scenarios_mixed_hold_every_invariant(folder: Path) -> None:
    outcome = lived(folder, "all", devices=len(SCENARIOS))
    assert outcome.broken is None
    assert {one.scenario for one in outcome.lots} == set(SCENARIOS)
    assert all(one.decided for one in outcome.lots)


@pytest.mark.parametrize("scenario", NAMED.split())
def test_each_bad_day_has_its_name(scenario: str) -> None:
    assert SCENARIOS[scenario].about


def test_two_controllers_undo_what_no_device_sees_in_its_first_wave(folder: Path) -> None:
    outcome = lived(folder, "two-controllers", devices=20)
    assert outcome.broken is None
    assert {(one.what, one.release) for one in outcome.acts if one.release == 3} <= {
        (Action.ROLLBACK.value, 3), (Action.PAUSE.value, 3)
    }  # fmt: skip
    assert any(one.what == Action.ADVANCE.value for one in outcome.acts)


def test_a_service_that_is_down_lets_nobody_go_on(folder: Path) -> None:
    outcome = lived(folder, "fleet-down", devices=14)
    assert outcome.broken is None
    assert not [one for one in outcome.acts if one.what == Action.ADVANCE.value and 1.8 < one.day < 2.75]


def test_the_same_seed_gives_the_same_events(folder: Path) -> None:
    one, other = (lived(folder / name, "link", "power", devices=2) for name in ("one", "other"))
    assert one.trace == other.trace


def test_a_seed_that_fails_fails_again_at_the_same_step(folder: Path) -> None:
    guard = GUARDS["the floor"]
    with guard.off():
        one, other = (lived(folder / name, guard.scenario, seed=7) for name in ("one", "other"))
    assert one.broken is not None
    assert (one.broken, one.trace) == (other.broken, other.trace)


def test_a_release_that_nobody_signed_breaks_the_invariant(folder: Path) -> None:
    with mock.patch.object(Record, "is_signed", return_value=False):
        assert "nobody signed it" in str(lived(folder, "calm", devices=1).broken)


def test_a_scenario_that_is_unknown_is_refused(folder: Path) -> None:
    with pytest.raises(WrongUse, match="no scenario 'storm'"):
        lived(folder, "storm")


@pytest.mark.soak
@pytest.mark.parametrize("devices", [200, 1_000])
def test_many_devices_hold_every_invariant(folder: Path, seed: int, devices: int) -> None:
    outcome = lived(folder, "all", devices=devices, seed=seed)
    print(f"{outcome.devices / outcome.seconds:.1f} devices a second of processor time")  # noqa: T201 - a measurement
    assert outcome.broken is None
