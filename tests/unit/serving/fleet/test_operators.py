"""People sign what they ask; a session stands for its person until its end; a browser's other pages do nothing."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import pytest
import urllib3
from fastapi import Depends, FastAPI

from fleet_service import Running, book_of, person, running, send
from slipway.platform.identity import Role, verify
from slipway.platform.identity.people_changes import Trust, trusting
from slipway.platform.identity.people_store import PeopleStore
from slipway.serving.bundle.canonical import sha256
from slipway.serving.edge.fleet.signing import header
from slipway.serving.fleet.operators import signing
from slipway.serving.fleet.operators.acting import Acting, KnownPeople
from slipway.serving.fleet.service.people import needs

NOW = datetime.now(UTC)


def test_only_known_people_read_and_only_operators_change(fleet: Running) -> None:
    fleet.device("gate-1")
    assert fleet.send(None, "GET", "/v1/devices")[0] == 401
    assert fleet.send(fleet.stranger, "GET", "/v1/devices")[0] == 401
    code, answer = fleet.send(fleet.reader, "GET", "/v1/devices?search=gate")
    assert (code, [one["id"] for one in answer["devices"]]) == (200, ["gate-1"])
    code, answer = fleet.send(fleet.reader, "POST", "/v1/devices/gate-1/revoke", {"reason": "x"})
    assert code == 403
    assert "operator" in answer["error"]
    assert fleet.send(fleet.operator, "POST", "/v1/devices/none/revoke", {"reason": "x"})[0] == 404
    assert fleet.send(fleet.operator, "POST", "/v1/devices/gate-1/revoke", {})[0] == 422


def test_a_signed_request_counts_once_for_what_it_says_and_for_minutes(fleet: Running) -> None:
    path = "/v1/devices?limit=5"
    value = signing.header(signing.Request(fleet.url, "GET", path, b""), fleet.reader)

    def ask(where: str, method: str = "GET", authorization: str = value) -> int:
        with urllib3.PoolManager() as pool:
            return pool.request(method, fleet.url + where, headers={"Authorization": authorization}).status

    assert ask("/v1/devices?limit=6") == 401
    assert ask(path) == 200
    assert ask(path) == 409
    assert send(fleet.url, fleet.reader, "GET", path, at=datetime.now(UTC) - timedelta(minutes=6))[0] == 401
    assert send(fleet.url, fleet.reader, "GET", path, at=datetime.now(UTC) + timedelta(hours=1))[0] == 401
    other = signing.header(signing.Request("http://elsewhere", "GET", path, b""), fleet.reader)
    assert ask(path, authorization=other) == 401
    assert ask(path, authorization="Slipway-Person %%%") == 401


def test_revocation_is_kept_with_the_request_as_it_was_signed(fleet: Running) -> None:
    fleet.device("gate-1")
    fleet.send(fleet.operator, "POST", "/v1/devices/gate-1/revoke", {"reason": "stolen"})
    done = fleet.store.audit("gate-1")[0]
    body = json.dumps({"reason": "stolen"}).encode()
    statement = signing.Statement.model_validate_json(
        verify(book_of(fleet.operator), done.signed, signing.STATEMENT).payload
    )
    assert (done.person, done.about, statement.path) == ("ada", {"reason": "stolen"}, "/v1/devices/gate-1/revoke")
    assert statement.body == sha256(body)


def _pages(app: FastAPI) -> None:
    @app.post("/pause")
    async def pause(acting: Annotated[Acting, Depends(needs(Role.OPERATOR))]) -> dict[str, str]:
        return {"by": acting.person.name}


def test_a_session_stands_for_its_person(tmp_path: Path) -> None:
    with running(tmp_path, _pages) as fleet, urllib3.PoolManager() as pool:
        code, opening = fleet.send(fleet.operator, "POST", "/v1/sessions")
        assert code == 200
        opened = pool.request("GET", opening["address"], redirect=False)
        cookie = opened.headers["set-cookie"]
        assert (opened.status, opened.headers["location"]) == (303, "/")
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert pool.request("GET", opening["address"], redirect=False).status == 401
        held = {"Cookie": cookie.partition(";")[0]}
        assert pool.request("GET", f"{fleet.url}/v1/devices", headers=held).status == 200

        def pause(**more: str) -> int:
            return pool.request("POST", f"{fleet.url}/pause", headers=held | more).status

        assert pause() == 403
        assert pause(Origin="http://evil.example") == 403
        assert pause(Origin="null") == 403
        assert pause(Origin=fleet.url) == 200
        assert pool.request("POST", f"{fleet.url}/pause", headers={"Origin": fleet.url}).status == 401
        assert pool.request("DELETE", f"{fleet.url}/v1/sessions", headers=held | {"Origin": fleet.url}).status == 200
        assert pool.request("GET", f"{fleet.url}/v1/devices", headers=held).status == 401


def test_people_are_read_again_when_their_file_changes(tmp_path: Path) -> None:
    path, cleo = tmp_path / "people.toml", person("cleo")
    known = KnownPeople(path)
    assert known().persons == ()
    trust = Trust(name="cleo", key=cleo.key.public_key())
    PeopleStore(path).update(lambda people: trusting(people, trust, NOW))
    assert [one.name for one in known().persons] == ["cleo"]
    assert known() is known()


def test_whoever_proves_nothing_is_slowed_down_and_devices_are_not(tmp_path: Path) -> None:
    with running(tmp_path, requests_per_minute=30) as fleet:
        gate = fleet.device("gate-1")
        codes = [fleet.send(None, "GET", "/v1/devices")[0] for _ in range(70)]
        assert codes[0] == 401
        assert codes[-1] == 429
        assert gate.report()[0] == 200
        assert fleet.send(fleet.reader, "GET", "/v1/devices")[0] == 200
        answers = [gate.report()[0] for _ in range(70)]
        assert answers[-1] == 429


@pytest.mark.parametrize("path", ["/v1/enrol", "/v1/devices/gate-1/reports", "/v1/outcomes", "/v1/tokens"])
def test_large_and_deep_bodies_are_refused(fleet: Running, path: str) -> None:
    gate = fleet.device("gate-1")
    for body in (b"[" * 200_000, b"{" * 10, b"\xff\xfe", b'{"at": 1e999}'):
        gate.sequence += 1
        code, answer = gate.send(path, body, header("POST", path, gate.id, gate.sequence, body, gate.key.sign))
        assert 400 <= code < 500
        assert answer["error"]
    large = b"x" * (4 * 1024 * 1024 + 1)
    signed = (
        header("POST", path, gate.id, gate.sequence + 1, large, gate.key.sign)
        if path.endswith(("reports", "enrol"))
        else signing.header(signing.Request(fleet.url, "POST", path, large), fleet.operator)
    )
    assert gate.send(path, large, signed)[0] == 413
