"""The service in a thread of this process, on a free port of loopback."""

import hashlib
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn

from fleet_service.device import FieldDevice
from fleet_service.people import book_of, person, send
from slipway.platform.identity import PersonSigner, Role
from slipway.platform.settings import schema
from slipway.serving.fleet.operators.acting import Now
from slipway.serving.fleet.service.app import Part, create_app
from slipway.serving.fleet.service.context import Service
from slipway.serving.fleet.service.listening import listen
from slipway.serving.fleet.service.running import configuration
from slipway.serving.fleet.store.store import FleetStore

ROOT = b'{"signed": "the root metadata of a channel"}'
LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


@dataclass(frozen=True)
class Running:
    """A service that answers."""

    service: Service
    operator: PersonSigner
    reader: PersonSigner
    stranger: PersonSigner

    @property
    def url(self) -> str:
        return self.service.url

    @property
    def store(self) -> FleetStore:
        return self.service.store

    def send(self, signer: PersonSigner | None, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        return send(self.url, signer, method, path, body)

    def token(self, **bound: Any) -> str:
        """A token, made by the operator."""
        letters = "".join(secrets.choice(LETTERS) for _ in range(32))
        token = f"sw1-{hashlib.sha256(ROOT).hexdigest()}-{letters}"
        until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        made = {"digest": hashlib.sha256(token.encode()).hexdigest(), "until": until, "models": ["parcel"], **bound}
        code, answer = self.send(self.operator, "POST", "/v1/tokens", {"root": _base64(ROOT), "tokens": [made]})
        assert code == 200, answer
        return token

    def device(self, name: str, **bound: Any) -> FieldDevice:
        """An enrolled device."""
        found = FieldDevice(self.url, name)
        code, answer = found.enrol(self.token(**bound))
        assert code == 200, answer
        return found


def _now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def running(
    folder: Path,
    *parts: Part,
    database: str = "sqlite:///fleet.db",
    port: int = 0,
    everybody: Sequence[PersonSigner] = (),
    now: Now = _now,
    **settings: Any,
) -> Iterator[Running]:
    """A service, until the block ends; `everybody` are ada the operator and whoever else is known."""
    ada, ben, *more = everybody or (person("ada", Role.OPERATOR), person("ben"))
    cleo = person("cleo")
    people = book_of(ada, ben, *more)
    with FleetStore(database, folder, now=now) as store, listen("127.0.0.1", port) as sockets:
        port = sockets.getsockname()[1]
        fleet = schema.Fleet(url=f"http://127.0.0.1:{port}", **settings)
        service = Service(store, lambda: people, "http://127.0.0.1:1/channel", fleet, now)
        server = uvicorn.Server(configuration(create_app(service, *parts)))
        thread = threading.Thread(target=server.run, args=([sockets],), name="fleet-service")
        thread.start()
        try:
            yield Running(service, ada, ben, cleo)
        finally:
            server.should_exit = True
            thread.join()


def _base64(data: bytes) -> str:
    import base64

    return base64.b64encode(data).decode()
