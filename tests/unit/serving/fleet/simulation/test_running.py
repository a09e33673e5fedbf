"""Devices that are simulated run the agent's real decisions over a real channel."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

import small_onnx
from signed_channel import Office
from slipway.serving.edge.agent.effects import Device
from slipway.serving.fleet.simulation.clock import DeviceClock, VirtualTime
from slipway.serving.fleet.simulation.link import Link
from slipway.serving.fleet.simulation.running import Broken, Fleet, Simulated, run
from slipway.serving.fleet.simulation.runtime import Plan

COUNT = 6


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "office").open()


class Field:
    """Some devices that follow an office."""

    def __init__(self, office: Office, folder: Path, count: int = COUNT) -> None:
        self.office, self.plans, self.known = office, dict[str, Plan](), dict[int, str]()
        self.folder = folder
        time = VirtualTime(office.time.now())
        self.fleet = Fleet("small-bays", office.repository().root_bytes(), self.plans, lambda: self.known, time)
        self.devices = [self.device(f"bay-{number}") for number in range(count)]

    def device(self, name: str) -> Simulated:
        who = Device(id=name, device_class="edge-cpu", enrolled=self.fleet.time.now(), agent="0.1.0")
        clock = DeviceClock(self.fleet.time)
        return Simulated(self.fleet, who, self.folder / name, Link(self.office.folder), clock, 0)

    def lead(self, number: int, plan: Plan | None = None) -> None:
        self.office.time.moment = self.fleet.time.now()
        bundle = small_onnx.bundle(self.folder / f"bundle-{number}", number)
        self.plans[bundle.digest] = plan or Plan()
        self.known[number] = bundle.digest
        self.office.lead(bundle, number)

    def live(self, days: float, plan: dict[float, Callable[[], None]] | None = None) -> int:
        return run(self.fleet, self.devices, days=days, plan=plan or {})

    def runs(self) -> list[int | None]:
        states = [one.agent.state for one in self.devices]
        return [state.active.release.number if state.active else None for state in states]


def test_devices_follow_a_release_and_the_next(office: Office, tmp_path: Path) -> None:
    field = Field(office, tmp_path / "field")
    field.lead(1)
    field.live(1)
    assert field.runs() == [1] * COUNT
    field.lead(2)
    field.live(1)
    assert field.runs() == [2] * COUNT


@pytest.mark.parametrize("plan", [Plan(fails_golden=True), Plan(errors=0.5)], ids=["golden", "field"])
def test_a_bad_release_leaves_devices_on_the_one_before(office: Office, tmp_path: Path, plan: Plan) -> None:
    field = Field(office, tmp_path / "field")
    field.lead(1)
    field.live(1)
    field.lead(2, plan)
    field.live(1)
    assert field.runs() == [1] * COUNT


@pytest.mark.parametrize(
    "wrong",
    [{"offline": True}, {"breaks_after": 100}, {"truncates_at": 50}, {"endless": True}, {"turns_bit": True}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_link_that_fails_keeps_the_model_and_heals(office: Office, tmp_path: Path, wrong: dict[str, int]) -> None:
    field = Field(office, tmp_path / "field", 2)
    field.lead(1)
    field.live(1)
    for one in field.devices:
        vars(one.link).update(wrong)
    field.lead(2)
    field.live(1)
    assert field.runs() == [1, 1]
    for one in field.devices:
        one.link = one.link.__class__(office.folder)
        one.boot()
    field.live(1)
    assert field.runs() == [2, 2]


@pytest.mark.parametrize("years", [-20, 20])
def test_a_clock_that_is_years_off_takes_no_model_away(office: Office, tmp_path: Path, years: int) -> None:
    field = Field(office, tmp_path / "field", 2)
    field.lead(1)
    field.live(1)
    for one in field.devices:
        one.clock.off = timedelta(days=365 * years)
    field.lead(2)
    field.live(1)
    assert field.runs() == [2 if years < 0 else 1] * 2


def test_a_release_that_nobody_signed_breaks_the_invariant(office: Office, tmp_path: Path) -> None:
    field = Field(office, tmp_path / "field", 1)
    field.lead(1)
    field.known.clear()
    with pytest.raises(Broken, match="nobody signed it"):
        field.live(1)


def test_the_same_seed_gives_the_same_events(office: Office, tmp_path: Path) -> None:
    one, other = Field(office, tmp_path / "one"), Field(office, tmp_path / "other")
    one.lead(1)
    other.known, other.plans[one.known[1]] = dict(one.known), Plan()
    assert one.live(1) == other.live(1)
