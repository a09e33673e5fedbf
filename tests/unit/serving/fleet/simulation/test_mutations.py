"""Each guard of a device and of the service, switched off: an invariant of the simulator has to fail."""

import pytest

from guards import GUARDS, Guard
from slipway.serving.fleet.simulation.own_channel import OwnChannel
from slipway.serving.fleet.simulation.place import place
from slipway.serving.fleet.simulation.simulating import simulate


@pytest.mark.parametrize("guard", GUARDS.values(), ids=GUARDS)
def test_a_guard_that_is_gone_is_seen(guard: Guard) -> None:
    with place() as folder, guard.off():
        signers = OwnChannel(folder)
        scenarios = guard.scenario.split()
        outcome = simulate(
            signers, folder / "fleet", begin=signers.begin, devices=guard.devices, scenarios=scenarios, seed=0
        )
    print(outcome.broken)  # noqa: T201 - which invariant sees it is what one wants to know
    assert outcome.broken is not None
    assert guard.says in outcome.broken
