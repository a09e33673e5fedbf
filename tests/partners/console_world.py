"""A project with people, ledger and channel, its fleet service with the console in a thread, and browsers of people."""

import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
import uvicorn
from sqlalchemy import insert

from fleet_service import send
from rolling_out import MODEL, Site
from slipway.platform.settings import schema
from slipway.serving.channel.pointer import Wave
from slipway.serving.fleet.console.pages import console
from slipway.serving.fleet.operators.acting import KnownPeople
from slipway.serving.fleet.service.app import create_app
from slipway.serving.fleet.service.context import Service
from slipway.serving.fleet.service.listening import listen
from slipway.serving.fleet.store.store import FleetStore
from slipway.serving.fleet.store.tables import DEVICES, STANDINGS


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


@contextmanager
def console_world(folder: Path) -> Iterator[World]:
    """A project of which release 2 is on its way."""
    site = Site(folder / "project").open()
    site.release("a")
    site.promote("b")
    site.start(wave=Wave(share=10.0))
    people = KnownPeople(site.root / ".slipway" / "people.toml")
    with FleetStore("sqlite:///fleet.db", folder) as store, listen("127.0.0.1", 0) as sockets:
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
