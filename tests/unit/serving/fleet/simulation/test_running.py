"""Devices that are simulated run the agent's real decisions over a real channel."""

from pathlib import Path
from unittest import mock

import pytest

from slipway.serving.errors import WrongUse
from slipway.serving.fleet.simulation.own_channel import OwnChannel
from slipway.serving.fleet.simulation.record import Record
from slipway.serving.fleet.simulation.scenarios import SCENARIOS
from slipway.serving.fleet.simulation.simulating import Outcome, simulate


def lived(folder: Path, *scenarios: str, devices: int = 3, seed: int = 0) -> Outcome:
    signers = OwnChannel(folder)
    return simulate(signers, folder / "fleet", begin=signers.begin, devices=devices, scenarios=scenarios, seed=seed)


def test_all_scenarios_mixed_hold_every_invariant(tmp_path: Path) -> None:
    outcome = lived(tmp_path, "all", devices=len(SCENARIOS))
    assert outcome.broken is None
    assert {one.scenario for one in outcome.lots} == set(SCENARIOS)


def test_the_same_seed_gives_the_same_events(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "other"]
    one, other = (lived(folder, "link", "power", devices=2) for folder in folders)
    assert one.trace == other.trace


def test_a_release_that_nobody_signed_breaks_the_invariant(tmp_path: Path) -> None:
    with mock.patch.object(Record, "is_signed", return_value=False):
        assert "nobody signed it" in str(lived(tmp_path, "calm", devices=1).broken)


def test_a_scenario_that_is_unknown_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="no scenario 'storm'"):
        lived(tmp_path, "storm")


@pytest.mark.soak
def test_two_hundred_devices_hold_every_invariant(tmp_path: Path, seed: int) -> None:
    outcome = lived(tmp_path, "all", devices=200, seed=seed)
    print(f"{outcome.devices / outcome.seconds:.1f} devices a second of processor time")  # noqa: T201 - a measurement
    assert outcome.broken is None
