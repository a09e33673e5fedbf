"""Each guard of the agent, switched off: an invariant of the simulator has to fail, and says which guard is gone."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from unittest import mock

import pytest

from slipway.serving.channel.pointer import Wave
from slipway.serving.edge.agent import doing, machine, settling
from slipway.serving.edge.agent.health import Judged, Judgement
from slipway.serving.fleet.simulation.cutting import CuttingDisk
from slipway.serving.fleet.simulation.own_channel import OwnChannel
from slipway.serving.fleet.simulation.simulating import simulate

Off = Callable[[], AbstractContextManager[object]]


def nothing(where: object, name: str) -> Off:
    return lambda: mock.patch.object(where, name, return_value=None)


GUARDS: dict[str, tuple[Off, str, str]] = {
    "proof": (nothing(settling, "proof_refused"), "fails-golden", "never proved itself"),
    "memory": (nothing(settling, "proof_refused"), "too-large", "never proved itself"),
    "health": (
        lambda: mock.patch.object(settling, "judge", return_value=Judged(Judgement.SETTLE, "")),
        "bad-in-field",
        "that no device should keep",
    ),
    "ends": (nothing(machine, "too_many_ends"), "crash-loop", "has ended its process"),
    "damage": (nothing(doing, "damaged"), "corrupt-slot", "not those of its bundle"),
    "wave": (lambda: mock.patch.object(Wave, "includes", return_value=True), "calm", "has another for it"),
    "floor": (
        lambda: mock.patch("slipway.serving.edge.agent.refusing.below_floor", return_value=False),
        "stolen-rollout",
        "below the floor",
    ),
    "sync": (lambda: mock.patch.object(CuttingDisk, "_synced"), "power", ""),
}


@pytest.mark.parametrize("guard", GUARDS)
def test_a_guard_that_is_gone_is_seen(tmp_path: Path, guard: str) -> None:
    off, scenario, says = GUARDS[guard]
    signers = OwnChannel(tmp_path)
    with off():
        outcome = simulate(signers, tmp_path / "fleet", begin=signers.begin, devices=6, scenarios=[scenario], seed=0)
    print(f"{guard}: {outcome.broken}")  # noqa: T201 - which invariant sees it is what one wants to know
    assert outcome.broken is not None
    assert says in outcome.broken
