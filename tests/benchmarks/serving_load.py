"""Callers of an inference server, as simple as they can be: raw sockets, one process, one thread.

    python serving_load.py < questions

Each line of standard input is a JSON question (`Load`), each line of standard output tells what happened (`Told`).
Every connection sends its next request when it has the answer to the one before.
"""

import json
import selectors
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

END = b"\r\n\r\n"
MILLISECONDS = 1000
LOOKING = 20
"""Requests after which callers look whether they are to stop."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What is asked, and how often."""

    port: int
    path: str
    body: str
    """Path of a file."""
    connections: int
    requests: int
    """Of all connections together."""
    until: str | None = None
    """Path of a file: once it is there, no more is asked."""


@dataclass(kw_only=True)
class Told:
    """What happened."""

    seconds: float = 0.0
    p50_ms: float = 0.0
    codes: dict[str, int] = field(default_factory=dict)
    bundles: dict[str, int] = field(default_factory=dict)
    """By the header that names it, where there is one."""


class Caller:
    """One connection."""

    def __init__(self, port: int, request: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = request
        self._begun = 0.0

    def ask(self) -> None:
        """Send a request."""
        self._begun = time.perf_counter()
        self.socket.sendall(self._request)

    def answer(self) -> tuple[float, bytes]:
        """Wait for the whole answer: its seconds and its head."""
        data = self.socket.recv(65_536)
        while (end := data.find(END)) < 0:
            data += self._more()
        head = data[:end].lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        while len(data) < end + len(END) + length:
            data += self._more()
        return time.perf_counter() - self._begun, data[:end]

    def _more(self) -> bytes:
        data = self.socket.recv(65_536)
        if not data:
            raise ConnectionError("the server hung up in the middle of an answer")
        return data


def call(load: Load) -> Told:
    """Ask, as often as was said."""
    body = Path(load.body).read_bytes()
    head = (
        f"POST {load.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/octet-stream\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    callers = [Caller(load.port, head.encode() + body) for _ in range(load.connections)]
    seconds, heads = [], Counter[bytes]()
    begun = time.perf_counter()
    for took, said in answers(callers, load.requests, load.until):
        seconds.append(took)
        heads[said] += 1
    told = Told(seconds=time.perf_counter() - begun, p50_ms=statistics.median(seconds) * MILLISECONDS)
    for caller in callers:
        caller.socket.close()
    for said, count in heads.items():
        lines = said.decode().split("\r\n")
        code = lines[0].split()[1]
        told.codes[code] = told.codes.get(code, 0) + count
        for line in lines:
            if line.startswith("X-Slipway-Bundle: "):
                bundle = line.partition(": ")[2]
                told.bundles[bundle] = told.bundles.get(bundle, 0) + count
    return told


def answers(callers: list[Caller], requests: int, until: str | None = None) -> Iterator[tuple[float, bytes]]:
    """Each answer as it comes, until there were so many; a caller that was answered asks again."""
    if len(callers) == 1:
        for _ in range(requests):
            callers[0].ask()
            yield callers[0].answer()
        return
    with selectors.DefaultSelector() as waiting:
        for caller in callers:
            waiting.register(caller.socket, selectors.EVENT_READ, caller)
            caller.ask()
        asked, answered = len(callers), 0
        while answered < requests:
            for key, _ in waiting.select():
                yield key.data.answer()
                answered += 1
                if asked % LOOKING == 0 and until is not None and Path(until).exists():
                    requests = asked
                if asked < requests:
                    key.data.ask()
                    asked += 1


class Callers:
    """A process of them."""

    def __init__(self, child: "subprocess.Popen[str]") -> None:
        self._child = child

    def begin(self, load: Load) -> None:
        """Have them begin."""
        assert self._child.stdin is not None
        print(json.dumps(asdict(load)), file=self._child.stdin, flush=True)

    def end(self) -> Told:
        """Wait for them to be done."""
        assert self._child.stdout is not None
        return Told(**json.loads(self._child.stdout.readline()))

    def __call__(self, load: Load) -> Told:
        """Both."""
        self.begin(load)
        return self.end()


@contextmanager
def callers() -> Iterator[Callers]:
    """A process of callers."""
    child = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with child:
        yield Callers(child)
        assert child.stdin is not None
        child.stdin.close()


def main() -> None:
    """Answer questions until there are no more."""
    for line in sys.stdin:
        print(json.dumps(asdict(call(Load(**json.loads(line))))), flush=True)


if __name__ == "__main__":
    main()
