"""A fleet service for devices' tests, on loopback: the rules of `edge.fleet.wire`, and what a bad one does.

with standing_in(root, channel=url) as service:
    token = service.token()
    service.misbehave = "lose"           # store, and let the answer be lost; see `Misbehaviour`
    service.records                      # by device and name: each once
"""

import base64
import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from slipway.serving.bundle.canonical import sha256
from slipway.serving.edge.fleet.signing import Signed, parse_header, statement
from slipway.serving.edge.fleet.wire import ENROL, LARGEST_REPORT, Enrolling, Record, Report, reports_path

LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
Misbehaviour = Literal["", "lose", "garbage", "endless", "slow", "redirect", "unavailable", "unfit"]


@dataclass
class StandIn:
    """What such a service knows, and how it behaves."""

    root: bytes
    channel: str
    models: tuple[str, ...] = ("small-bays",)
    address: str = ""
    again_s: float = 60.0
    misbehave: Misbehaviour = ""
    tokens: dict[str, str | None] = field(default_factory=dict)
    """By token, the key that used it."""
    keys: dict[str, str] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    records: dict[str, dict[str, Record]] = field(default_factory=dict)
    reports: list[Report] = field(default_factory=list)
    asked: int = 0
    """Requests that came, good and bad ones."""
    heard: threading.Condition = field(default_factory=threading.Condition)

    def token(self, root: bytes | None = None) -> str:
        """One that was not used."""
        secret = "".join(secrets.choice(LETTERS) for _ in range(32))
        token = f"sw1-{sha256(self.root if root is None else root)}-{secret}"
        self.tokens[token] = None
        return token

    def counted(self, device: str) -> Counter[str]:
        """All counts of a device, added up."""
        found: Counter[str] = Counter()
        for one in self.records.get(device, {}).values():
            if one.kind == "counts":
                found.update(json.loads(one.body))
        return found

    def answer(self, path: str, header: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """What a good service says."""
        signed = parse_header(header)
        if signed is None:
            return 401, {"error": "No signature."}
        return self._enrol(signed, body) if path == ENROL else self._report(path, signed, body)

    def _enrol(self, signed: Signed, body: bytes) -> tuple[int, dict[str, Any]]:
        asked = Enrolling.model_validate_json(body)
        if not _right(asked.public_key, ENROL, signed, body) or signed.device != asked.id:
            return 401, {"error": "The signature is not of this key."}
        if asked.token not in self.tokens:
            return 403, {"error": "This token is not known.", "mend": "Ask for another."}
        if self.tokens[asked.token] not in {None, asked.public_key}:
            return 403, {"error": "This token was used.", "mend": "Ask for another."}
        if (used := self.sequences.get(asked.id, 0)) >= signed.sequence:
            return 409, {"error": "This number was used.", "sequence": used}
        self.tokens[asked.token] = asked.public_key
        self.keys[asked.id], self.sequences[asked.id] = asked.public_key, signed.sequence
        root = base64.b64encode(self.root).decode()
        return 200, {"id": asked.id, "channel": self.channel, "root": root, "models": self.models, "site": "north"}

    def _report(self, path: str, signed: Signed, body: bytes) -> tuple[int, dict[str, Any]]:
        key = self.keys.get(signed.device)
        if key is None or path != reports_path(signed.device) or not _right(key, path, signed, body):
            return 401, {"error": "This is no device of the fleet."}
        if signed.device in self.revoked:
            return 403, {"error": f"The device {signed.device} was revoked."}
        if (used := self.sequences[signed.device]) >= signed.sequence:
            return 409, {"error": "This number was used.", "sequence": used}
        self.sequences[signed.device] = signed.sequence
        report = Report.model_validate_json(body)
        if self.misbehave == "unfit" and report.records:
            return 422, {"error": "The records are of no kind that is known."}
        mine = self.records.setdefault(signed.device, {})
        before = len(mine)
        mine.update({one.name: one for one in report.records})
        with self.heard:
            self.reports.append(report)
            self.heard.notify_all()
        return 200, {"stored": len(mine) - before, "again_s": self.again_s}


def _right(public: str, path: str, signed: Signed, body: bytes) -> bool:
    said = statement("POST", path, signed.device, signed.sequence, body)
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(signed.signature, said)
    except (InvalidSignature, ValueError):
        return False
    return True


class _Handler(BaseHTTPRequestHandler):
    service: StandIn

    def do_POST(self) -> None:
        service = self.service
        service.asked += 1
        size = int(self.headers["Content-Length"])
        if size > LARGEST_REPORT:
            return self._say(413, {"error": "Too large."})
        body = self.rfile.read(size)
        if service.misbehave == "unavailable":
            return self._say(503, {"error": "Not now."})
        if service.misbehave == "redirect":
            return self._raw(302, b"", {"Location": "http://127.0.0.1:1/"})
        if service.misbehave == "garbage":
            return self._raw(200, b"\x00" * 100)
        if service.misbehave in {"endless", "slow"}:
            return self._on_and_on(b"x" * 4096 if service.misbehave == "endless" else b" ")
        status, said = service.answer(self.path, self.headers.get("Authorization", ""), body)
        if service.misbehave == "lose":
            self.close_connection = True
            return None
        return self._say(status, said)

    def _say(self, status: int, said: dict[str, Any]) -> None:
        self._raw(status, json.dumps(said).encode())

    def _raw(self, status: int, body: bytes, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(more or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _on_and_on(self, piece: bytes) -> None:
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):
            for _ in range(400 if len(piece) == 1 else 100_000):
                self.wfile.write(piece)
                self.wfile.flush()
                time.sleep(0.0 if len(piece) > 1 else 0.05)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextmanager
def standing_in(root: bytes, channel: str, **how: Any) -> Iterator[StandIn]:
    """Such a service, until the block ends."""
    service = StandIn(root, channel, **how)
    handler = type("Handler", (_Handler,), {"service": service})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        service.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()
