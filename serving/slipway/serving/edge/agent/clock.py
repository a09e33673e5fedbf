"""The machine's own clock, and waiting that a request to stop ends."""

import threading
import time
from datetime import datetime, timezone


class SystemClock:
    """The real clock; `stop` may be called from a signal handler or another thread."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def now(self) -> datetime:
        return datetime.now(timezone.utc)

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> bool:
        return self._stopped.wait(max(0.0, min(seconds, threading.TIMEOUT_MAX)))

    def stop(self) -> None:
        """Ask everybody who waits to end."""
        self._stopped.set()
