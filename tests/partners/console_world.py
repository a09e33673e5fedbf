"""A project with people, ledger and channel, its fleet service with the console in a thread, and browsers of people."""

import threading
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import urllib3
import uvicorn
from sqlalchemy import Connection, Table, insert

from fleet_service import send
from rolling_out import MODEL, Site
from slipway.platform.settings import schema
from slipway.serving.bundle.canonical import sha256
from slipway.serving.channel.pointer import Wave
from slipway.serving.fleet.console.pages import console
from slipway.serving.fleet.operators.acting import KnownPeople
from slipway.serving.fleet.service.app import create_app
from slipway.serving.fleet.service.context import Service
from slipway.serving.fleet.service.listening import listen
from slipway.serving.fleet.store import times
from slipway.serving.fleet.store.store import FleetStore
from slipway.serving.fleet.store.tables import DEVICES, HEARD, STANDINGS


@dataclass
class Browser:
    """With the cookie of a session, or none."""

    url: str
    cookie: str = ""

    def get(self, path: str, **headers: str) -> "Answer":
        return self._ask("GET", path, None, headers)

    def post(self, path: str, form: Mapping[str, str], origin: str = "") -> "Answer":
        return self._ask("POST", path, urllib.parse.urlencode(form), {"Origin": origin} if origin else {})

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> "Answer":
        with urllib3.PoolManager() as pool:
            answer = pool.request(
                method, self.url + path, body=body, headers={**headers, "Cookie": self.cookie}, retries=False
            )
        told = answer.headers
        kind, policy = told.get("content-type", ""), told.get("content-security-policy", "")
        return Answer(answer.status, answer.data.decode(), policy, kind)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    code: int
    text: str
    policy: str
    kind: str


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
        names = [f"gate-{number:05}" for number in range(count)]
        devices = [_device(name) for name in names]
        self.add({DEVICES: devices, STANDINGS: [{**_runs(name, release), "why": why} for name in names]})

    def device(self, name: str, runs: Mapping[str, Any] | None = None, *, silent: bool = False, **more: Any) -> None:
        """One, which has just been heard unless it is silent."""
        at = 0 if silent else times.stamp(datetime.now(UTC))
        heard = {
            "device": name, "sequence": 1, "at": at, "clock_ms": 0, "left": 0, "said": "", "agent": "0.1.0",
            "site_sequence": 0, "streams": '{"entry":"well","exit":"lost"}', "unreadable": 0,
        }  # fmt: skip
        standing = {**_runs(name, 1), **(runs or {})}
        self.add({DEVICES: [{**_device(name), **more}], HEARD: [heard], STANDINGS: [standing]})

    def add(self, rows: Mapping[Table, Sequence[Mapping[str, Any]]]) -> None:
        """Straight into the store."""

        def work(connection: Connection) -> None:
            for table, told in rows.items():
                connection.execute(insert(table), told)

        self.store.writer.do(work)


def _device(name: str) -> dict[str, Any]:
    key = sha256(name.encode())
    return {"id": name, "public_key": key, "device_class": "edge-cpu", "site": "harbour", "cohorts": "[]",
            "models": "[]", "token": "", "enrolled_at": 0}  # fmt: skip


def _runs(name: str, release: int) -> dict[str, Any]:
    return {"device": name, "model": MODEL, "phase": "settled", "release": release, "provider": "cpu", "since": 0,
            "bad": "[]", "coming": None, "sequence": 1, "why": ""}  # fmt: skip


@contextmanager
def console_world(folder: Path) -> Iterator[World]:
    """A project of which release 2 is on its way."""
    site = Site(folder / "project").open()
    site.release("a")
    site.promote("b")
    site.start(wave=Wave(share=10.0))
    people = KnownPeople(site.root / ".slipway" / "people.toml")
    with FleetStore.of(site.loaded()) as store, listen("127.0.0.1", 0) as sockets:
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
