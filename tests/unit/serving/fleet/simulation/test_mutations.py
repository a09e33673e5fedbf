"""Each guard of a device and of the service, switched off: an invariant of the simulator has to fail."""

from pathlib import Path

import pytest

from guards import GUARDS, Guard
from slipway.serving.fleet.simulation.own_channel import OwnChannel
from slipway.serving.fleet.simulation.simulating import simulate


@pytest.mark.parametrize("guard", GUARDS.values(), ids=GUARDS)
def test_a_guard_that_is_gone_is_seen(tmp_path: Path, guard: Guard) -> None:
    signers = OwnChannel(tmp_path)
    with guard.off():
        outcome = simulate(
            signers,
            tmp_path / "fleet",
            begin=signers.begin,
            devices=guard.devices,
            scenarios=guard.scenario.split(),
            seed=0,
        )
    print(outcome.broken)  # noqa: T201 - which invariant sees it is what one wants to know
    assert outcome.broken is not None
    assert guard.says in outcome.broken
