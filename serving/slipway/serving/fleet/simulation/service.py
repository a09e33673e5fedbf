"""The fleet service of a simulation: the real application and the real store, asked without a network.

A request goes through everything that the service does with one: signature, body, store, answer. Time is the
simulation's. The service may be down, and its store may be set back to a copy.
"""

import asyncio
import hashlib
import secrets
import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from sqlalchemy import event
from starlette.requests import ClientDisconnect

from slipway.platform.identity import People
from slipway.platform.settings import schema
from slipway.serving.edge.fleet.calling import Answer
from slipway.serving.fleet.facts import Work
from slipway.serving.fleet.service.app import create_app
from slipway.serving.fleet.service.context import Service
from slipway.serving.fleet.simulation.clock import VirtualTime
from slipway.serving.fleet.store.enrolling import By, Token
from slipway.serving.fleet.store.names import Ranges
from slipway.serving.fleet.store.store import FleetStore

if TYPE_CHECKING:
    from starlette.types import Message, Scope

LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
LONGEST: Final = timedelta(days=1)
PATIENCE: Final = 4
"""A device that is so many reports late counts as silent."""
NOBODY: Final = By("ada", b"")


def settings(report_s: float) -> schema.Fleet:
    """A report now and then; how often somebody asks is not limited, as hours go by in no time."""
    return schema.Fleet(
        report_seconds=report_s, silent_minutes=report_s / 60 * PATIENCE, requests_per_minute=1_000_000_000
    )


class SimulatedService:
    """The service, and its store in a folder."""

    def __init__(self, folder: Path, time: VirtualTime, report_s: float) -> None:
        """Devices report about every so many seconds."""
        folder.mkdir(parents=True)
        self._folder, self._time, self.settings = folder, time, settings(report_s)
        self._loop = asyncio.new_event_loop()
        self.down = False
        self._open()

    @classmethod
    @contextmanager
    def running(cls, folder: Path, time: VirtualTime, report_s: float) -> Iterator[Self]:
        """Until the block ends."""
        service = cls(folder, time, report_s)
        try:
            yield service
        finally:
            service.store.close()
            service._loop.close()

    def post(self, path: str, body: bytes, authorization: str) -> Answer:
        """What it answers to a whole request."""
        return self._loop.run_until_complete(self._ask(path, [body], authorization))

    def cut(self, path: str, body: bytes, authorization: str) -> None:
        """The line breaks after so much of a request."""
        with suppress(ClientDisconnect):
            self._loop.run_until_complete(self._ask(path, [body, None], authorization))

    def tokens(self, root: bytes, names: Sequence[str], models: Sequence[str], device_class: str) -> Mapping[str, str]:
        """A token for each device."""
        found = {name: _token(root) for name in names}
        until = self._time.now() + LONGEST
        told = [
            Token(hashlib.sha256(token.encode()).hexdigest(), until, models, name, device_class)
            for name, token in found.items()
        ]
        if told:
            self.store.make_tokens(root, told, NOBODY)
        return found

    def works(self, model: str) -> Mapping[str, Sequence[Work]]:
        """What each device did with each release of a model, ever."""
        found: defaultdict[str, list[Work]] = defaultdict(list)
        now = self._time.now()
        for one in self.store.work(model, since=self._time.begin - LONGEST, until=now + LONGEST):
            found[one.device].append(one)
        return found

    def said(self, device: str, model: str) -> int | None:
        """The release that a device runs, by what it said last."""
        facts = self.store.device(device)
        running = facts.running.get(model) if facts else None
        return running.release if running else None

    def forget(self) -> None:
        """What is old goes."""
        self.store.forget(self.settings.retention)

    def copy(self) -> None:
        """A copy of the store as it is now."""
        with closing(sqlite3.connect(self._file)) as now, closing(sqlite3.connect(self._kept)) as kept:
            now.backup(kept)

    def set_back(self) -> None:
        """The store is what it was when it was copied, and the service starts anew."""
        self.store.close()
        for path in self._folder.glob(f"{self._file.name}*"):
            path.unlink()
        shutil.copy(self._kept, self._file)
        self._open()

    def names(self, device: str) -> Mapping[str, Ranges]:
        """By generation of its spool, which records of a device are stored."""
        with closing(sqlite3.connect(self._file)) as database:
            rows = database.execute("select generation, ranges from names where device = ?", (device,)).fetchall()
        return {generation: Ranges(text) for generation, text in rows}

    @property
    def _file(self) -> Path:
        return self._folder / "fleet.db"

    @property
    def _kept(self) -> Path:
        return self._folder / "kept.db"

    def _open(self) -> None:
        self.store = FleetStore("sqlite:///fleet.db", self._folder, now=self._time.now)
        event.listen(self.store._writes, "checkout", _unsynced)  # noqa: SLF001 - for the simulation's pace alone
        service = Service(self.store, People, "http://127.0.0.1:1/channel", self.settings, now=self._time.now)
        self._app = create_app(service)

    async def _ask(self, path: str, pieces: Sequence[bytes | None], authorization: str) -> Answer:
        """None is the end of the line."""
        left, status, told = list(pieces), 0, bytearray()

        async def receive() -> "Message":
            piece = left.pop(0) if left else None
            if piece is None:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": piece, "more_body": bool(left)}

        async def send(message: "Message") -> None:
            nonlocal status
            status = message.get("status", status)
            told.extend(message.get("body", b""))

        await self._app(_scope(path, authorization), receive, send)
        return Answer(status, bytes(told))


def _unsynced(connection: Any, *_: object) -> None:  # noqa: ANN401 - as SQLAlchemy gives it
    """No power is cut under the service, and waiting for a platter is most of what it would do."""
    connection.execute("pragma synchronous = off").close()


def _scope(path: str, authorization: str) -> "Scope":
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"authorization", authorization.encode()), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }


def _token(root: bytes) -> str:
    secret = "".join(secrets.choice(LETTERS) for _ in range(32))
    return f"sw1-{hashlib.sha256(root).hexdigest()}-{secret}"
