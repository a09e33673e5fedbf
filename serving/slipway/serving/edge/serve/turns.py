"""Quick models run in the server's own thread: waking another one and being woken by it takes longer than they do.

A turn comes after the sockets were looked at once more, so that a batch holds what has come until then; and they are
looked at between any two batches.
"""

import asyncio
from typing import TYPE_CHECKING

from slipway.serving.edge.serve.models import Working
from slipway.serving.runtime.live import Answer
from slipway.serving.runtime.session import Arrays

if TYPE_CHECKING:
    from concurrent.futures import Future


class Turns:
    """Of all models, in the thread of a loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._taking: set[Working] = set()

    def submit(self, live: Working, inputs: Arrays, deadline: float) -> "Future[Answer]":
        """Admit a request; the answer may come in this thread."""
        quick = live.quick
        future = live.submit(inputs, deadline=deadline, call=not quick)
        if quick and live not in self._taking:
            self._taking.add(live)
            self._loop.call_soon(self._take, live)
        return future

    def _take(self, live: Working) -> None:
        if live.take_turn():
            self._loop.call_soon(self._take, live)
        else:
            self._taking.discard(live)
