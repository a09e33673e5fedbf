"""From other threads to the server's: a call that is made there soon, with one waking for all that wait."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

logger = logging.getLogger(__name__)


class Mailbox:
    """Calls for the thread of a loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._calls: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._woken = False

    def post(self, call: Callable[..., None], *arguments: Any) -> None:  # noqa: ANN401 - they are the call's
        """From any thread."""
        self._calls.append((call, arguments))
        if not self._woken:
            self._woken = True
            with suppress(RuntimeError):  # the loop has ended, and nobody waits
                self._loop.call_soon_threadsafe(self._open)

    def _open(self) -> None:
        self._woken = False  # first, so that whatever is posted from now on wakes again
        while self._calls:
            call, arguments = self._calls.popleft()
            try:
                call(*arguments)
            except Exception:
                logger.exception("A call that was posted failed.")
