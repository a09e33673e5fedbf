"""Devices in a process of their own: signs requests beforehand, then sends them over many connections at once.

Arguments are the service's address, how many devices, and what they run: model, release, bundle. It reads a number
from standard input, answers `ready` when so many reports are signed, waits for a line, sends them, and answers with
the seconds that took. Every fifth report of a device brings a window, as devices tell one in five minutes.
"""

import asyncio
import base64
import json
import sys
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from slipway.serving.edge.fleet.signing import header
from slipway.serving.edge.fleet.wire import reports_path

CONNECTIONS = 32
WINDOW_EVERY = 5
COUNTS = json.dumps({"admitted": 1200, "answered": 1199, "failed": 1, "rows": 1200, "batches": 900}).encode()
BUCKETS = {"total": 9000.0, "counts": {str(index): 60 for index in range(90, 110)}}
SKETCH = json.dumps({"latency_ms": BUCKETS, "running_ms": BUCKETS}).encode()


def key_of(number: int) -> Ed25519PrivateKey:
    """Of a device."""
    return Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big"))


class Fleet:
    """All devices, each with its sequence; all run the same."""

    def __init__(self, devices: int, model: str, release: str, bundle: str) -> None:
        self.standing = {
            "model": model,
            "phase": "settled",
            "release": int(release),
            "bundle": bundle,
            "variant": "cpu",
        }
        self.subject = f"{model}/{release}/{bundle}"
        self.keys = [key_of(number) for number in range(1, devices + 1)]
        self.told = 0

    def reports(self, count: int) -> list[bytes]:
        """So many requests."""
        return [self._report() for _ in range(count)]

    def _report(self) -> bytes:
        turn, number = divmod(self.told, len(self.keys))
        self.told += 1
        device, now = f"gate-{number:05d}", datetime.now(UTC).isoformat()
        windows = self.told % WINDOW_EVERY == 0
        told = {"at": now, "time": now, "agent": "0.1.0", "standings": [self.standing], "streams": {"gate": "live"}}
        body = json.dumps({**told, "records": self._window(turn, now) if windows else []}).encode()
        path = reports_path(device)
        signed = header("POST", path, device, turn + 1, body, self.keys[number].sign)
        head = f"POST {path} HTTP/1.1\r\nHost: fleet\r\nAuthorization: {signed}\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body

    def _window(self, turn: int, now: str) -> list[dict[str, str]]:
        return [
            {
                "name": f"{1:016x}-{2 * turn + place}",
                "kind": kind,
                "subject": self.subject,
                "at": now,
                "body": base64.b64encode(body).decode(),
            }
            for place, (kind, body) in enumerate((("counts", COUNTS), ("sketch", SKETCH)), start=1)
        ]


async def send(url: str, requests: list[bytes]) -> float:
    """Send all; the seconds until the last was answered."""
    waiting = iter(requests)
    place = urlsplit(url)
    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(_connection(place.hostname or "", place.port or 0, waiting))
    return time.perf_counter() - begun


async def _connection(host: str, port: int, waiting: "object") -> None:
    reader, writer = await asyncio.open_connection(host, port)
    for request in waiting:  # type: ignore[attr-defined]
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        answer = await reader.readexactly(int(length.partition(b":")[2]))
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"Refused: {head!r} {answer!r}")
    writer.close()
    await writer.wait_closed()


def main() -> None:
    """Until nothing more is asked."""
    url, fleet = sys.argv[1], Fleet(int(sys.argv[2]), *sys.argv[3:])
    for line in sys.stdin:
        requests = fleet.reports(int(line))
        print("ready", flush=True)
        sys.stdin.readline()
        print(asyncio.run(send(url, requests)), flush=True)


if __name__ == "__main__":
    main()
