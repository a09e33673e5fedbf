"""The server's life: it listens, answers, and ends by answering what it has begun.

The first SIGTERM or SIGINT ends it in order: no new connections, idle ones are closed, and every request that has begun
is answered. The second ends it at once. SIGHUP looks for newer models.
"""

import asyncio
import os
import signal
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from slipway.serving.edge.serve.connection import Connection
from slipway.serving.edge.serve.head import Head
from slipway.serving.edge.serve.house import House, Limits
from slipway.serving.edge.serve.inference import Means
from slipway.serving.edge.serve.lines import Lines
from slipway.serving.edge.serve.mailbox import Mailbox
from slipway.serving.edge.serve.memory import settle
from slipway.serving.edge.serve.metrics import Metrics
from slipway.serving.edge.serve.models import Models
from slipway.serving.edge.serve.response import Response
from slipway.serving.edge.serve.site import Site
from slipway.serving.errors import SlipwayError

BACKLOG: Final = 512
HELPERS: Final = 4
Listening = Sequence[asyncio.Server]


@dataclass(frozen=True, kw_only=True)
class Options:
    """How the server serves."""

    limits: Limits = field(default_factory=Limits)
    deadline_s: float = 30.0
    """Of a request that names none."""
    drain_s: float = 30.0
    """For which the end waits for answers."""
    access_log: bool = False


class Server:
    """One server, in the thread that calls `run`."""

    def __init__(self, models: Models, options: Options, lines: Lines, sockets: Sequence[socket.socket]) -> None:
        self._models, self._options, self._lines, self._bound = models, options, lines, sockets
        self._stop: asyncio.Event
        self._house: House
        self._site: Site

    def run(self) -> int:
        """Serve until a signal comes; 0 when everything that was begun was answered, else 1."""
        return asyncio.run(self._serve())

    async def _serve(self) -> int:
        loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        with ThreadPoolExecutor(HELPERS, "helper") as helpers:
            metrics = Metrics(
                self._models, lambda: len(self._house.connections), self._log if self._options.access_log else None
            )
            means = Means(loop, Mailbox(loop), helpers, self._options.deadline_s)
            self._site = Site(self._models, means, metrics)
            self._house = House(self._site, self._options.limits, metrics, loop.time)
            listening = await self._listen(loop)
            self._heed(loop)
            settle()
            self._greet(listening)
            checking = loop.create_task(self._check())
            await self._stop.wait()
            left = await self._drain(listening)
            checking.cancel()
            helpers.shutdown(wait=not left, cancel_futures=True)
        return 1 if left else 0

    async def _listen(self, loop: asyncio.AbstractEventLoop) -> Listening:
        def meet() -> Connection:
            return Connection(self._house)

        try:
            return [await loop.create_server(meet, sock=one, backlog=BACKLOG) for one in self._bound]
        except OSError as error:  # somebody else was bound there as well, and listened first
            raise SlipwayError(
                f"It cannot be listened: {os.strerror(error.errno) if error.errno else error}.",
                mend="Name another port with --port; --port 0 takes a free one.",
            ) from None

    def _heed(self, loop: asyncio.AbstractEventLoop) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end, number)
        loop.add_signal_handler(signal.SIGHUP, self._models.reload)

    def _end(self, number: int) -> None:
        if self._stop.is_set():
            os._exit(128 + number)
        self._lines.tell("ending: what was begun is answered; a second signal ends at once", "ending")
        self._stop.set()

    def _greet(self, listening: Listening) -> None:
        urls = [address(*one.getsockname()[:2]) for server in listening for one in server.sockets]
        names = sorted(self._models.lives())
        text = f"serving {', '.join(names) or 'whatever the channel brings'} on {', '.join(urls)}"
        self._lines.tell(text, "ready", urls=urls, models=names)

    async def _check(self) -> None:
        limits = self._options.limits
        pause = min(1.0, limits.idle_s / 4, limits.request_s / 4, limits.leaving_s / 4)
        while True:
            await asyncio.sleep(pause)
            self._house.check()

    async def _drain(self, listening: Listening) -> int:
        """Answer what was begun; how many connections had to be cut off."""
        for server in listening:
            server.close()
        self._site.ending = True
        for connection in list(self._house.connections):
            connection.dismiss()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._house.empty.wait(), self._options.drain_s)
        left = len(self._house.connections)
        if left:
            self._lines.tell(
                f"{left} connections were cut off after {self._options.drain_s:g} s", "cut off", count=left
            )
            for connection in list(self._house.connections):
                connection.cut_off()
            await asyncio.sleep(0)
        return left

    def _log(self, head: Head | None, response: Response, seconds: float) -> None:
        method, path = (head.method, head.path) if head else ("-", "-")
        text = f"{method} {path[:200]!r} {response.status} {seconds * 1000:.1f} ms"
        about = {"method": method, "path": path[:200], "status": response.status, "ms": round(seconds * 1000, 3)}
        received = head.length if head else 0
        self._lines.tell(text, "request", **about, received=received, sent=len(response.body))


def address(host: str, port: int) -> str:
    """As people write it."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
