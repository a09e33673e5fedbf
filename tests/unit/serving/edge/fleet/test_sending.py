"""Reports reach the service once, whatever becomes of answers; and nothing is forgotten before it is there."""

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner

from fleet_stand_in import Misbehaviour, StandIn, standing_in
from slipway.serving.channel.http_transport import Pace
from slipway.serving.edge.agent.clock import SystemClock
from slipway.serving.edge.agent.disk import RealDisk
from slipway.serving.edge.agent.effects import Done, Rest
from slipway.serving.edge.agent.metering import UNLIMITED, NetworkMeter
from slipway.serving.edge.agent.ports import Meter
from slipway.serving.edge.agent.state import Phase, State
from slipway.serving.edge.configuration import Enrolment, Home
from slipway.serving.edge.fleet.book import FILE, Book, last_reached, read_page
from slipway.serving.edge.fleet.calling import Service
from slipway.serving.edge.fleet.joining import public_of, signing_with
from slipway.serving.edge.fleet.sending import AGAIN_S, LONGEST_S, SELDOM_S, Sender
from slipway.serving.edge.fleet.telling import Standings
from slipway.serving.edge.following import Step
from slipway.serving.edge.telemetry.collecting import Collector
from slipway.serving.edge.telemetry.spool import Spool
from slipway.serving.edge.telemetry.telling import DeviceTelemetry

DEVICE = "gate-1"
MODEL = "small-bays"
QUICK = Pace(connect_seconds=2, silent_seconds=0.4, patience_seconds=0.4)


class Desk:
    """A device that is enrolled with a service, without a channel."""

    def __init__(self, folder: Path, service: StandIn, meter: Meter = UNLIMITED, limit: int = 64 * 1024 * 1024) -> None:
        self.home, self.service, self.clock = Home(folder), service, SystemClock()
        self.home.make()
        signer = CryptoSigner.generate_ed25519()
        service.keys[DEVICE] = public_of(signer)
        service.sequences.setdefault(DEVICE, 0)
        self.collector = Collector(lambda: Spool(folder / "spool.db", limit=limit), now=self.clock.now)
        self.telemetry = DeviceTelemetry(self.collector, self.clock)
        enrolment = Enrolment(
            id=DEVICE, device_class="edge-cpu", channel="/c", models=(MODEL,), enrolled_at=self.clock.now(),
            public_key=public_of(signer), root="0" * 64,
        )  # fmt: skip
        self.standings = Standings(enrolment, self.clock, {MODEL: State(model=MODEL)}, self.telemetry)
        self.sender = Sender(
            Service(service.address, pace=QUICK), Book(self.home), self.standings, self.collector,
            device=DEVICE, sign=signing_with(signer), clock=self.clock, meter=meter, draw=lambda: 0.5,
        )  # fmt: skip

    def count(self, times: int, each: int = 1) -> None:
        """So many windows."""
        for _ in range(times):
            self.collector.count("frames", each)
            self.collector.flush()

    def kept(self) -> dict[str, int]:
        """Counts that nobody has yet."""
        spool = Spool(self.home.folder / "spool.db")
        try:
            return spool.counted()
        finally:
            spool.close()

    def becomes(self, phase: Phase) -> None:
        """The agent did something."""
        before = State(model=MODEL)
        self.standings.step(Step(MODEL, Rest(), Done(), before, before.model_copy(update={"phase": phase})))


@pytest.fixture
def service() -> Iterator[StandIn]:
    """A service that knows nobody yet."""
    with standing_in(b"root", "/c") as service:
        yield service


@pytest.fixture
def desk(tmp_path: Path, service: StandIn) -> Iterator[Desk]:
    """A device."""
    desk = Desk(tmp_path / "device", service)
    yield desk
    desk.collector.close()


def test_a_report_says_how_the_device_stands_and_what_it_counted(desk: Desk, service: StandIn) -> None:
    desk.count(3, each=7)
    assert desk.sender.send() == service.again_s
    (report,) = service.reports
    assert [(one.model, one.phase) for one in report.standings] == [(MODEL, "idle")]
    assert "never seen" in report.standings[0].why
    assert service.counted(DEVICE) == {"frames": 21}
    assert desk.collector.batch(1) is None
    assert last_reached(desk.home) is not None


def test_what_of_the_site_is_not_followed_is_said_until_it_is(desk: Desk, service: StandIn) -> None:
    desk.telemetry.camera("entry", "failed")
    desk.telemetry.trouble("stream entry", "no file is there. " + "x" * 500)
    desk.sender.send()
    desk.telemetry.trouble("stream entry", None)
    desk.telemetry.camera("entry", None)
    desk.sender.send()
    first, second = service.reports
    assert "stream entry: no file is there." in first.standings[0].why
    assert dict(first.streams) == {"entry": "failed"}
    assert "entry" not in second.standings[0].why
    assert dict(second.streams) == {}


def test_records_whose_answer_was_lost_go_again_and_count_once(desk: Desk, service: StandIn) -> None:
    desk.count(4)
    service.misbehave = "lose"
    desk.sender.send()
    desk.sender.send()
    assert desk.kept() == {"frames": 4}
    desk.count(2)
    service.misbehave = ""
    while desk.collector.batch(1) is not None:
        desk.sender.send()
    assert service.counted(DEVICE) == {"frames": 6}
    assert len(service.records[DEVICE]) == 6


@pytest.mark.parametrize("misbehave", ["garbage", "endless", "slow", "redirect", "unavailable", "lose"])
def test_a_bad_answer_confirms_nothing_and_the_waits_grow(
    desk: Desk, service: StandIn, misbehave: Misbehaviour
) -> None:
    desk.count(1)
    service.misbehave = misbehave
    first, second = desk.sender.send(), desk.sender.send()
    assert AGAIN_S / 2 <= first < second <= LONGEST_S
    assert desk.kept() == {"frames": 1}
    trouble = read_page(desk.home).trouble
    assert trouble is not None
    assert trouble.kind in {"unreached", "refused"}


def test_nobody_there_for_long_bounds_the_spool_and_keeps_the_counts(tmp_path: Path, service: StandIn) -> None:
    desk = Desk(tmp_path / "device", service, limit=20_000)
    service.misbehave = "unavailable"
    for _ in range(10):
        desk.count(40)
        desk.sender.send()
    assert desk.collector.waiting() <= 40_000
    service.misbehave = ""
    while desk.collector.batch(1) is not None:
        desk.sender.send()
    assert service.counted(DEVICE) == {"frames": 400}
    assert read_page(desk.home).trouble is None
    desk.collector.close()


def test_a_number_that_was_used_is_never_used_again(desk: Desk, service: StandIn) -> None:
    desk.sender.send()
    used = service.sequences[DEVICE]
    assert read_page(desk.home).taken > used
    (desk.home.folder / FILE).write_bytes(b"{")
    service.sequences[DEVICE] = 5_000
    other = Book(desk.home)
    assert other.highest() == 0
    desk.sender._book = other
    assert desk.sender.send() == service.again_s
    assert service.sequences[DEVICE] == 5_001
    assert len(service.reports) == 2


def test_a_revoked_device_asks_seldom_and_says_why(desk: Desk, service: StandIn) -> None:
    desk.count(1)
    service.revoked.add(DEVICE)
    assert desk.sender.step() >= SELDOM_S / 2
    desk.becomes(Phase.FETCH)
    asked = service.asked
    assert desk.sender.step() > 60
    assert service.asked == asked
    trouble = read_page(desk.home).trouble
    assert trouble is not None
    assert (trouble.kind, "was revoked" in trouble.why) == ("revoked", True)
    assert desk.kept() == {"frames": 1}


def test_refused_records_wait_and_heartbeats_go_on(desk: Desk, service: StandIn) -> None:
    desk.count(1)
    service.misbehave = "unfit"
    assert desk.sender.send() < 10
    assert desk.sender.send() == service.again_s
    assert [len(one.records) for one in service.reports] == [0]
    assert desk.kept() == {"frames": 1}


def test_a_change_is_told_before_it_is_time(desk: Desk, service: StandIn) -> None:
    service.again_s = 3600
    desk.sender.begin()
    with service.heard:
        assert service.heard.wait_for(lambda: service.reports, 10)
    desk.becomes(Phase.FETCH)
    with service.heard:
        assert service.heard.wait_for(lambda: service.reports[-1].standings[0].phase == "fetch", 10)
    desk.sender.end()


def test_an_end_does_not_wait_for_a_service_that_hangs(desk: Desk, service: StandIn) -> None:
    service.misbehave = "slow"
    desk.sender.begin()
    began = desk.clock.monotonic()
    desk.sender.end()
    assert desk.clock.monotonic() - began < 10


def test_more_than_a_report_takes_goes_in_several(desk: Desk, service: StandIn) -> None:
    for _ in range(30):
        desk.collector.state(MODEL, {"why": "x" * 10_000})
    assert desk.sender.send() < service.again_s
    assert 0 < len(service.reports[0].records) < 30
    assert service.reports[0].left > 0


def test_a_day_whose_bytes_are_spent_costs_no_more(tmp_path: Path, service: StandIn) -> None:
    clock = SystemClock()
    meter = NetworkMeter(clock, RealDisk(tmp_path), bytes_per_day=1_000_000)
    desk = Desk(tmp_path / "device", service, meter)
    desk.sender.send()
    left = meter.left()
    assert left is not None
    assert left < 1_000_000
    meter.take(left - 5_000)
    desk.collector.state(MODEL, {"why": "x" * 10_000})
    desk.sender.send()
    assert [len(one.records) for one in service.reports] == [0, 0], "a heartbeat still goes"
    meter.take(1_000_000)
    desk.sender.send()
    assert len(service.reports) == 2
    assert json.loads((tmp_path / "spent.json").read_bytes())["day"] == datetime.now(UTC).date().isoformat()
    desk.collector.close()


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process grows, which is the nearest to a full disk that needs no rights."""
    soft, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, most))


def test_a_full_disk_while_sending_stops_no_heartbeat_and_loses_and_doubles_nothing(
    desk: Desk, service: StandIn
) -> None:
    desk.count(2)
    service.misbehave = "lose"
    desk.sender.send()
    service.misbehave = ""
    taken = read_page(desk.home).taken
    with full_disk():
        desk.count(3, each=5)
        for _ in range(taken + 2):
            desk.sender.send()
        assert len(service.reports) == taken + 3
        assert service.sequences[DEVICE] > taken, "numbers go on, whether or not they can be noted"
        assert service.counted(DEVICE) == {"frames": 2}
        service.misbehave = "unavailable"
        desk.sender.send()
        service.misbehave = ""
        trouble = desk.sender._book.trouble
        assert trouble is not None
        assert "Not now" in trouble.why, "it is known here, though not on the disk"
    desk.sender._book = Book(desk.home)
    assert desk.sender._book.highest() == taken, "as after a start"
    desk.collector.flush()
    while desk.collector.batch(1) is not None:
        desk.sender.send()
    assert service.counted(DEVICE) == {"frames": 17}
    assert desk.kept() == {}
    assert read_page(desk.home).taken > taken
    assert read_page(desk.home).trouble is None
