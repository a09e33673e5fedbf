"""A device with a real key that enrols and reports over HTTP; what it says is the test's to choose."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import urllib3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from slipway.serving.edge.fleet import wire
from slipway.serving.edge.fleet.signing import header

AGENT = "0.1.0"


@dataclass
class FieldDevice:
    """A device and its key."""

    url: str
    id: str
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    sequence: int = 0
    pool: urllib3.PoolManager = field(default_factory=urllib3.PoolManager)

    @property
    def public_key(self) -> str:
        return self.key.public_key().public_bytes_raw().hex()

    def enrol(self, token: str, device_class: str = "edge-cpu") -> tuple[int, Any]:
        body = {"token": token, "id": self.id, "device_class": device_class, "public_key": self.public_key}
        return self.post(wire.ENROL, {**body, "agent": AGENT})

    def report(
        self,
        *,
        standings: Sequence[Mapping[str, Any]] = (),
        records: Sequence[Mapping[str, Any]] = (),
        at: datetime | None = None,
        **more: Any,
    ) -> tuple[int, Any]:
        now = (at or datetime.now(UTC)).isoformat()
        body = {"at": now, "time": now, "agent": AGENT, "standings": standings, "records": records, **more}
        return self.post(wire.reports_path(self.id), body)

    def post(self, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        self.sequence += 1
        data = json.dumps(body).encode()
        return self.send(path, data, header("POST", path, self.id, self.sequence, data, self.key.sign))

    def send(self, path: str, data: bytes, authorization: str) -> tuple[int, Any]:
        headers = {"Authorization": authorization}
        answer = self.pool.request("POST", self.url + path, body=data, headers=headers, retries=False)
        return answer.status, json.loads(answer.data)


def standing(model: str, release: int, **more: Any) -> dict[str, Any]:
    """A model that has settled on a release."""
    return {"model": model, "phase": "settled", "release": release, "bundle": f"{release:064x}", **more}


def record(name: str, kind: str, subject: str, at: datetime, body: bytes) -> dict[str, Any]:
    """A record of the spool, as JSON."""
    return {
        "name": name,
        "kind": kind,
        "subject": subject,
        "at": at.isoformat(),
        "body": base64.b64encode(body).decode(),
    }


def counts(name: str, subject: str, at: datetime, **told: int) -> dict[str, Any]:
    """A record of counts."""
    return record(name, "counts", subject, at, json.dumps(told).encode())
