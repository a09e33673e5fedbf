"""The console's pages on a real ledger, channel and store: what they show and escape, and what a form changes."""

import re
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3
import uvicorn
from sqlalchemy import event, insert

from fleet_service import send
from rolling_out import MODEL, Site
from slipway.platform.ledger.entry import Action
from slipway.platform.settings import schema
from slipway.serving.channel.pointer import Wave
from slipway.serving.fleet.console.pages import console
from slipway.serving.fleet.operators.acting import KnownPeople
from slipway.serving.fleet.service.app import create_app
from slipway.serving.fleet.service.context import Service
from slipway.serving.fleet.service.listening import listen
from slipway.serving.fleet.store.store import FleetStore
from slipway.serving.fleet.store.tables import DEVICES, STANDINGS

SCRIPT = "<script>alert(1)</script>"


@dataclass
class Browser:
    """With the cookie of a session, or none."""

    url: str
    cookie: str = ""

    def get(self, path: str) -> "Answer":
        return self._ask("GET", path, None, {})

    def post(self, path: str, form: Mapping[str, str], origin: str = "") -> "Answer":
        return self._ask("POST", path, urllib.parse.urlencode(form), {"Origin": origin} if origin else {})

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> "Answer":
        with urllib3.PoolManager() as pool:
            answer = pool.request(
                method, self.url + path, body=body, headers={**headers, "Cookie": self.cookie}, redirect=False
            )
        return Answer(answer.status, answer.data.decode(), answer.headers.get("content-security-policy", ""))


@dataclass(frozen=True)
class Answer:
    """What came back."""

    code: int
    text: str
    policy: str


class World:
    """A project and its service; release 2 is on its way."""

    def __init__(self, site: Site, store: FleetStore, url: str) -> None:
        self.site, self.store, self.url = site, store, url

    def browser(self, person: str | None = None) -> Browser:
        if person is None:
            return Browser(self.url)
        code, opening = send(self.url, self.site.signer(person), "POST", "/v1/sessions")
        assert code == 200, opening
        with urllib3.PoolManager() as pool:
            opened = pool.request("GET", opening["address"], redirect=False)
        return Browser(self.url, opened.headers["set-cookie"].partition(";")[0])

    def devices(self, count: int, release: int, why: str = "") -> None:
        """Devices that run a release."""
        rows = [
            {"id": f"gate-{number:05}", "public_key": f"{number:064x}", "device_class": "edge-cpu", "site": "harbour",
             "cohorts": "[]", "models": "[]", "token": "", "enrolled_at": 0}
            for number in range(count)
        ]  # fmt: skip
        runs = [
            {"device": one["id"], "model": MODEL, "phase": "serving", "release": release, "provider": "cpu",
             "since": 0, "bad": "[]", "sequence": 1, "why": why}
            for one in rows
        ]  # fmt: skip

        def add(connection: Any) -> None:
            connection.execute(insert(DEVICES), rows)
            connection.execute(insert(STANDINGS), runs)

        self.store.writer.do(add)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    site = Site(tmp_path / "project").open()
    site.release("a")
    site.promote("b")
    site.start(wave=Wave(share=10.0))
    people = KnownPeople(site.root / ".slipway" / "people.toml")
    with FleetStore("sqlite:///fleet.db", tmp_path) as store, listen("127.0.0.1", 0) as sockets:
        url = f"http://127.0.0.1:{sockets.getsockname()[1]}"
        service = Service(store, people, "", schema.Fleet(url=url), loaded=site.desk("rollouts").loaded)
        server = uvicorn.Server(uvicorn.Config(create_app(service, console), log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, args=([sockets],), name="fleet-service")
        thread.start()
        try:
            yield World(site, store, url)
        finally:
            server.should_exit = True
            thread.join()


def test_who_has_no_session_learns_how_to_get_one(world: World) -> None:
    for path in ("/", "/fleet", "/ledger", f"/models/{MODEL}", f"/models/{MODEL}/pause"):
        answer = world.browser().get(path)
        assert answer.code == 401
        assert "slipway fleet console" in answer.text
        assert MODEL not in answer.text


def test_pages_show_models_devices_and_decisions_and_ask_nobody_else(world: World) -> None:
    world.devices(3, 2, why=SCRIPT)
    browser = world.browser("ben")
    overview = browser.get("/")
    assert overview.code == 200, overview.text
    assert "3 of 3" not in overview.text
    assert re.search(r"release 2 \(version 2\) to 10 % of all devices", overview.text)
    model, fleet, device = (browser.get(one) for one in (f"/models/{MODEL}", "/fleet", "/devices/gate-00001"))
    assert "3 devices run it" in model.text
    assert all(f"/devices/gate-{number:05}" in fleet.text for number in range(3))
    assert SCRIPT not in device.text
    assert "&lt;script&gt;alert(1)" in device.text
    ledger = browser.get("/ledger")
    assert f"<td>{MODEL}</td>" in ledger.text
    for answer in (overview, model, fleet, device, ledger):
        assert answer.code == 200
        assert "default-src 'none'" in answer.policy
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", answer.text)


def test_a_form_pauses_for_a_person_with_the_role_and_the_ledger_says_who(world: World) -> None:
    path, origin = f"/models/{MODEL}/pause", world.url
    form = {"release": "2", "reason": f"wrong {SCRIPT}", "request": "r" * 32}
    assert world.browser("ben").get(path).code == 403
    assert world.browser("ben").post(path, form, origin=origin).code == 403
    assert world.browser().post(path, form, origin=origin).code == 401
    browser = world.browser("cleo")
    assert "No other device begins with release 2" in browser.get(path).text
    assert browser.post(path, form).code == 403
    assert browser.post(path, {**form, "reason": " "}, origin=origin).code == 422
    assert browser.post(path, {**form, "release": "1"}, origin=origin).code == 422
    assert world.site.rollout.paused is None
    for _ in range(2):
        assert browser.post(path, form, origin=origin).code == 303
    (entry,) = world.site.entries(Action.PAUSE)
    assert (entry.signer, entry.entry.decision.details["asked_by"]) == ("rollouts", "cleo")
    assert "vnd.slipway.fleet-request" in entry.entry.decision.details["grant"]
    shown = browser.get(f"/models/{MODEL}").text
    assert SCRIPT not in shown
    assert "asked by cleo" in shown


def test_a_form_undoes_what_is_on_its_way(world: World) -> None:
    path = f"/models/{MODEL}/undo"
    browser = world.browser("cleo")
    assert "go back to release 1" in browser.get(path).text
    form = {"release": "2", "reason": "wrong at night", "request": "u" * 32}
    assert browser.post(path, form, origin=world.url).code == 303
    assert world.site.told() == (1, None)


def test_ten_thousand_devices_cost_as_few_questions_as_ten(world: World) -> None:
    asked: list[str] = []
    world.devices(10_000, 2)
    browser = world.browser("ben")

    def count(*told: Any) -> None:
        if told[2] != "begin":
            asked.append(told[2])

    event.listen(world.store._reads, "before_cursor_execute", count)
    for path, questions, size in (("/", 6, 4_000), ("/fleet", 5, 40_000), ("/devices/gate-00001", 5, 4_000)):
        asked.clear()
        answer = browser.get(path)
        assert answer.code == 200
        assert len(asked) <= questions, asked
        assert len(answer.text) <= size, len(answer.text)
    following = browser.get("/fleet").text.partition("/fleet?")[2].partition('"')[0].replace("&amp;", "&")
    assert "gate-00100" in browser.get(f"/fleet?{following}").text
