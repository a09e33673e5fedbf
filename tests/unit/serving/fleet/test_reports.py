"""Devices speak only for themselves, each thing once, and what they say is found again."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import urllib3

from fleet_service import FieldDevice, Running
from fleet_service.device import counts, record, standing
from slipway.serving.edge.fleet import wire
from slipway.serving.edge.fleet.signing import header
from slipway.serving.fleet.store import times

NOW = datetime.now(UTC).replace(microsecond=0)
SUBJECT = f"parcel/3/{3:064x}"
SPOOL = "0123456789abcdef"


def _work(fleet: Running, release: int = 3) -> dict[str, int]:
    found = fleet.store.work("parcel", since=NOW - timedelta(days=400), until=NOW + timedelta(hours=2))
    return {name: one.counts[name] for one in found if one.release == release for name in one.counts}


def test_a_report_is_found_again(fleet: Running) -> None:
    gate = fleet.device("gate-1", site="harbour", cohorts=["canary"])
    body = {"latency_ms": {"total": 7.5, "counts": {"40": 3}}, "running_ms": {"total": 3.0, "counts": {"30": 3}}}
    records = [
        counts(f"{SPOOL}-1", SUBJECT, NOW, answered=5, failed=1),
        record(f"{SPOOL}-2", "sketch", SUBJECT, NOW, json.dumps(body).encode()),
    ]
    code, answer = gate.report(standings=[standing("parcel", 3, bad=[2])], records=records, left=12)
    assert (code, answer) == (200, {"stored": 2, "again_s": 60.0})
    (found,) = fleet.store.devices()
    assert (found.id, found.site, found.cohorts, found.left) == ("gate-1", "harbour", frozenset({"canary"}), 12)
    assert (found.running["parcel"].release, found.running["parcel"].bad) == (3, (2,))
    (work,) = fleet.store.work("parcel", since=NOW - timedelta(hours=3), until=NOW + timedelta(hours=3))
    assert (work.device, work.release, work.counts) == ("gate-1", 3, {"answered": 5, "failed": 1})
    assert (work.latency.count, work.latency.total, work.running.count) == (3, 7.5, 3)


def test_a_record_sent_twice_is_stored_once(fleet: Running) -> None:
    gate = fleet.device("gate-1")
    first = [counts(f"{SPOOL}-{n}", SUBJECT, NOW, answered=1) for n in (1, 2, 5)]
    assert gate.report(records=first)[1]["stored"] == 3
    again = [*first, counts(f"{SPOOL}-3", SUBJECT, NOW, answered=1), counts(f"{SPOOL}-9", SUBJECT, NOW, answered=1)]
    assert gate.report(records=again)[1]["stored"] == 2
    assert gate.report(records=again)[1]["stored"] == 0
    assert _work(fleet) == {"answered": 5}


def test_a_record_that_says_nothing_is_let_go(fleet: Running) -> None:
    gate = fleet.device("gate-1")
    bodies = [
        b"",
        b"[" * 100_000,
        b'{"answered": -1}',
        b'{"answered": 1e400}',
        b'{"answered": "1"}',
        b'{"a\\u0000": 1}',
    ]
    records = [record(f"{SPOOL}-{n}", "counts", SUBJECT, NOW, one or b" ") for n, one in enumerate(bodies, start=1)]
    records += [record(f"{SPOOL}-{n}", "sample", SUBJECT, NOW, b"x\ny") for n in (20,)]
    records += [record(f"{SPOOL}-{n}", "sketch", SUBJECT, NOW, b'{"latency_ms": 3}') for n in (21,)]
    records.append(counts(f"{SPOOL}-30", SUBJECT, NOW, answered=2))
    assert gate.report(records=records) == (200, {"stored": 9, "again_s": 60.0})
    assert _work(fleet) == {"answered": 2}


def test_the_same_report_once_more_is_refused_with_the_sequence(fleet: Running) -> None:
    gate = fleet.device("gate-1")
    path, body = wire.reports_path("gate-1"), json.dumps({"at": "2026-01-01T00:00:00Z"}).encode()
    assert gate.report()[0] == 200
    at = NOW.isoformat()
    body = json.dumps({"at": at, "time": at, "agent": "0.1.0"}).encode()
    signed = header("POST", path, "gate-1", 40, body, gate.key.sign)
    assert gate.send(path, body, signed)[0] == 200
    code, answer = gate.send(path, body, signed)
    assert (code, answer["sequence"]) == (409, 40)


@pytest.mark.parametrize("change", ["body", "path", "id", "sequence", "none"])
def test_what_is_forged_is_refused(fleet: Running, change: str) -> None:
    gate, other = fleet.device("gate-1"), fleet.device("gate-2")
    at = NOW.isoformat()
    body = json.dumps({"at": at, "time": at, "agent": "0.1.0"}).encode()
    path = wire.reports_path("gate-1")
    signed = header("POST", path, "gate-1", 9, body, gate.key.sign)
    match change:
        case "body":
            found = gate.send(path, body.replace(b"0.1.0", b"0.2.0"), signed)
        case "path":
            found = gate.send(wire.reports_path("gate-2"), body, signed)
        case "id":
            found = gate.send(wire.reports_path("gate-2"), body, signed.replace("gate-1", "gate-2"))
        case "sequence":
            found = gate.send(path, body, signed.replace('"9"', '"10"'))
        case _:
            found = gate.send(path, body, "")
    assert found[0] == (403 if change == "path" else 401)
    assert other.report()[0] == 200
    assert gate.report()[0] == 200


def test_another_devices_key_is_refused_and_counted(fleet: Running) -> None:
    fleet.device("gate-1")
    other = fleet.device("gate-2")
    thief = FieldDevice(fleet.url, "gate-1", key=other.key, sequence=100)
    assert thief.report()[0] == 401
    (strange,) = fleet.store.strange(NOW - timedelta(days=1))
    assert (strange.device, strange.what, strange.count) == ("gate-1", "other-key", 1)


def test_a_second_machine_cannot_take_an_id(fleet: Running) -> None:
    gate = fleet.device("gate-1")
    code, answer = FieldDevice(fleet.url, "gate-1").enrol(fleet.token())
    assert code == 403
    assert "another key" in answer["error"]
    assert [one.what for one in fleet.store.strange(NOW - timedelta(days=1))] == ["other-key"]
    assert gate.report()[0] == 200


def test_a_revoked_device_is_refused_and_comes_back_by_a_token_for_its_id(fleet: Running) -> None:
    gate = fleet.device("gate-1")
    assert gate.report(standings=[standing("parcel", 3)])[0] == 200
    asked = {"reason": "stolen"}
    assert fleet.send(fleet.operator, "POST", "/v1/devices/gate-1/revoke", asked) == (200, {"changed": True})
    assert fleet.send(fleet.operator, "POST", "/v1/devices/gate-1/revoke", asked) == (200, {"changed": False})
    assert gate.report()[0] == 403
    assert fleet.store.devices() == []
    revoked = fleet.store.device("gate-1")
    assert revoked is not None
    assert revoked.revoked_at is not None
    newer = FieldDevice(fleet.url, "gate-1")
    assert newer.enrol(fleet.token())[0] == 403
    assert newer.enrol(fleet.token(device="gate-1"))[0] == 200
    assert newer.report()[0] == 200
    assert gate.report()[0] == 401
    kinds = [(one.what, one.person) for one in fleet.store.audit("gate-1")]
    assert kinds == [("enrol", "ada"), ("token", "ada"), ("revoke", "ada"), ("enrol", "ada")]


def test_a_token_counts_once_and_an_answer_that_was_lost_comes_again(fleet: Running) -> None:
    token = fleet.token(device_class="edge-cpu", site="harbour")
    gate = FieldDevice(fleet.url, "gate-1")
    assert gate.enrol(token, device_class="edge-gpu")[0] == 403
    first = gate.enrol(token)
    assert (first[0], first[1]["site"], first[1]["models"]) == (200, "harbour", ["parcel"])
    assert gate.enrol(token) == first
    assert FieldDevice(fleet.url, "gate-2").enrol(token)[0] == 403
    assert FieldDevice(fleet.url, "gate-3").enrol(token[:-1] + ("0" if token[-1] != "0" else "1"))[0] == 403


def test_what_ran_when_is_remembered(fleet: Running) -> None:
    gate = fleet.device("gate-1", site="harbour")
    gate.report(standings=[standing("parcel", 3)])
    between = datetime.now(UTC)
    while times.stamp(datetime.now(UTC)) == times.stamp(between):
        """The store's times are whole milliseconds."""
    gate.report(standings=[standing("parcel", 4)])
    gate.report(standings=[standing("parcel", 4, why="all is well")])
    assert [(one.device, one.model, one.release) for one in fleet.store.spans(at=between)] == [("gate-1", "parcel", 3)]
    assert [one.release for one in fleet.store.spans(at=datetime.now(UTC))] == [4]
    assert fleet.store.spans(at=between - timedelta(hours=1)) == []
    spans = fleet.store.spans("gate-1")
    assert [(one.release, one.end is None) for one in spans] == [(4, True), (3, False)]
    assert spans[0].begin == spans[1].end
    gate.report()
    assert fleet.store.spans(at=datetime.now(UTC)) == []


def test_a_clock_that_is_years_off_moves_no_work_to_another_time(fleet: Running) -> None:
    gate = fleet.device("gate-1")
    for number, year in ((1, 1999), (2, 2199)):
        at = datetime(year, 1, 1, tzinfo=UTC)
        assert gate.report(at=at, records=[counts(f"{SPOOL}-{number}", SUBJECT, at, answered=1)])[0] == 200
    (work,) = fleet.store.work("parcel", since=NOW - timedelta(hours=1), until=NOW + timedelta(hours=3))
    assert work.counts == {"answered": 2}
    found = fleet.store.device("gate-1")
    assert found is not None
    assert found.clock_s > 100 * 365 * 86_400


def test_prometheus_reads_how_the_fleet_stands_and_what_was_done(fleet: Running) -> None:
    gates = [fleet.device(f"gate-{number}") for number in range(3)]
    gates[0].report(standings=[standing("parcel", 3)], records=[counts(f"{SPOOL}-1", SUBJECT, NOW, answered=1)])
    gates[1].report(standings=[standing("parcel", 3), {"model": "letter", "phase": 'odd "\\ x'}])
    fleet.send(fleet.operator, "POST", "/v1/devices/gate-2/revoke", {"reason": "stolen"})
    assert gates[2].report()[0] == 403
    lines = urllib3.request("GET", f"{fleet.url}/metrics").data.decode().splitlines()
    reports = "/v1/devices/{device}/reports"
    for line in (
        "slipway_fleet_devices 2",
        "slipway_fleet_silent_devices 0",
        'slipway_fleet_running{model="parcel",release="3",phase="settled"} 2',
        'slipway_fleet_running{model="letter",release="",phase="odd \\"\\\\ x"} 1',
        "slipway_fleet_records_total 1",
        f'slipway_fleet_requests_total{{route="{reports}",code="200"}} 2',
        f'slipway_fleet_requests_total{{route="{reports}",code="403"}} 1',
    ):
        assert line in lines
    (count,) = (line.split()[1] for line in lines if line.startswith("slipway_fleet_request_seconds_count"))
    assert f'slipway_fleet_request_seconds_bucket{{le="+Inf"}} {count}' in lines
