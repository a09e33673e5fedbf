"""The clock of the service leaps ahead or goes back: nothing is forgotten too early, used twice or in the future."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import urllib3

from fleet_service import Running, person, running
from fleet_service.device import counts, standing
from slipway.platform.identity import Role
from slipway.platform.settings import schema
from slipway.serving.fleet.operators import signing

SUBJECT = f"parcel/3/{3:064x}"


class Clock:
    """The service's."""

    def __init__(self) -> None:
        self.begin = self.now = datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fleet(tmp_path: Path, clock: Clock) -> Iterator[Running]:
    with running(tmp_path, now=clock) as found:
        yield found


def _windows(fleet: Running, clock: Clock) -> int:
    minute = timedelta(minutes=30)
    found = fleet.store.work("parcel", since=clock.begin - minute, until=clock.begin + minute)
    return sum(one.counts["answered"] for one in found)


def test_a_leap_ahead_forgets_nothing_for_a_day(fleet: Running, clock: Clock) -> None:
    gate = fleet.device("gate-1")
    gate.report(records=[counts(f"{1:016x}-1", SUBJECT, clock.begin, answered=5)])
    keep = schema.Retention(windows_days=30, hours_days=30)
    assert fleet.store.forget(keep).windows == 0
    clock.now = clock.begin + timedelta(days=800)
    for _ in range(3):
        assert fleet.store.forget(keep).windows == 0
        clock.now += timedelta(hours=1)
    clock.now = clock.begin + timedelta(hours=3)
    assert fleet.store.forget(keep).windows == 0
    gate.report(records=[counts(f"{1:016x}-2", SUBJECT, clock.begin, answered=2)])
    assert _windows(fleet, clock) == 7
    clock.now = clock.begin + timedelta(days=800)
    gone = 0
    for _ in range(30):
        gone += fleet.store.forget(keep).windows
        clock.now += timedelta(hours=1)
    assert gone == 1, "the clock is right after all"


def test_what_ran_has_no_future_after_the_clock_went_back(fleet: Running, clock: Clock) -> None:
    gate = fleet.device("gate-1")
    told: list[timedelta] = [timedelta(hours=step) for step in (0, 2, 4, 1, 3)]
    for release, moment in enumerate(told, start=1):
        clock.now = clock.begin + moment
        assert gate.report(standings=[standing("parcel", release)])[0] == 200
    spans = fleet.store.spans("gate-1")
    assert [(one.release, one.begin - clock.begin) for one in spans] == [
        (5, timedelta(hours=3)),
        (4, timedelta(hours=1)),
        (1, timedelta()),
    ]
    assert [one.end for one in spans] == [None, spans[0].begin, spans[1].begin]
    for hours, release in ((0.5, 1), (1, 4), (2.5, 4), (9, 5)):
        assert [one.release for one in fleet.store.spans(at=clock.begin + timedelta(hours=hours))] == [release]


def test_work_counts_at_its_time_though_the_service_has_lost_its_own(fleet: Running, clock: Clock) -> None:
    gate = fleet.device("gate-1")
    clock.now = datetime(1971, 1, 1, tzinfo=UTC)
    for number, at in enumerate((clock.begin, clock.begin + timedelta(days=9000)), start=1):
        assert gate.report(records=[counts(f"{1:016x}-{number}", SUBJECT, at, answered=1)])[0] == 200
    assert _windows(fleet, clock) == 2


def test_a_request_is_not_made_twice_by_turning_the_clock(fleet: Running, clock: Clock) -> None:
    path = "/v1/devices"
    proof = signing.header(signing.Request(fleet.url, "GET", path, b""), fleet.reader, clock.begin)

    def ask() -> int:
        return urllib3.request("GET", fleet.url + path, headers={"Authorization": proof}, retries=False).status

    assert ask() == 200
    for leap in (timedelta(hours=30), timedelta(days=400)):
        clock.now = clock.begin + leap
        assert ask() == 401
        fleet.store.forget(schema.Retention())
        clock.now = clock.begin
        assert ask() == 409


def test_sessions_end_by_the_clock_and_last_no_longer_when_it_goes_back(fleet: Running, clock: Clock) -> None:
    clock.now = clock.begin + timedelta(hours=20)
    signed = signing.header(signing.Request(fleet.url, "POST", "/v1/sessions", b""), fleet.operator, clock.now)
    told = urllib3.request("POST", f"{fleet.url}/v1/sessions", headers={"Authorization": signed}).json()
    cookie = urllib3.request("GET", told["address"], redirect=False).headers["set-cookie"].partition(";")[0]

    def ask() -> int:
        return urllib3.request("GET", f"{fleet.url}/v1/devices", headers={"Cookie": cookie}, retries=False).status

    assert ask() == 200
    clock.now = clock.begin
    assert ask() == 401, "it would last a day"
    clock.now = clock.begin + timedelta(hours=27)
    assert ask() == 200
    clock.now = clock.begin + timedelta(hours=29)
    assert ask() == 401


def test_a_request_is_not_made_twice_by_a_restart(tmp_path: Path) -> None:
    everybody = (person("ada", Role.OPERATOR), person("ben"))
    path, body = "/v1/devices/gate-1/revoke", b'{"reason": "stolen"}'
    with running(tmp_path, everybody=everybody) as fleet:
        port = urlsplit(fleet.url).port or 0
        fleet.device("gate-1").pool.clear()
        headers = {"Authorization": signing.header(signing.Request(fleet.url, "POST", path, body), fleet.operator)}
        assert urllib3.request("POST", fleet.url + path, body=body, headers=headers, retries=False).status == 200
    with running(tmp_path, port=port, everybody=everybody) as again:
        assert again.url == fleet.url
        assert urllib3.request("POST", fleet.url + path, body=body, headers=headers, retries=False).status == 409
