"""How much may come over the network: bytes a second as a bucket of tokens, and bytes a day that outlive a restart.

One meter is shared by all models of a device, and by who sends its reports. It waits for nobody; it says how long to
wait.
"""

import json
import threading
from datetime import datetime, timedelta, timezone
from typing import Final

from slipway.serving.edge.agent.ports import Clock, Disk

SPENT: Final = "spent.json"
KEPT_EVERY: Final = 1024 * 1024
"""Bytes that a power cut may leave uncounted."""
_LARGEST: Final = 1024


class Unlimited:
    """The network costs nothing."""

    def left(self) -> int | None:
        return None

    def take(self, size: int) -> float:
        return 0.0 * size

    def renewed_in(self) -> float:
        return 0.0


UNLIMITED: Final = Unlimited()


class NetworkMeter:
    """Counts what has come; None is without limit.

    The day is that of the device's clock, in UTC. A clock that jumps begins another day: it can give a day too much and
    never takes the network away.
    """

    def __init__(
        self, clock: Clock, disk: Disk, *, bytes_per_second: int | None = None, bytes_per_day: int | None = None
    ) -> None:
        self._clock, self._disk = clock, disk
        self._per_second, self._per_day = bytes_per_second, bytes_per_day
        self._tokens = float(bytes_per_second or 0)
        self._filled = clock.monotonic()
        self._day, self._spent = self._kept()
        self._unkept = 0
        self._lock = threading.Lock()

    def left(self) -> int | None:
        with self._lock:
            self._turn()
            return None if self._per_day is None else max(0, self._per_day - self._spent)

    def take(self, size: int) -> float:
        with self._lock:
            return self._taken(size)

    def _taken(self, size: int) -> float:
        self._turn()
        self._spent += size
        self._unkept += size
        if self._per_day is not None and (self._unkept >= KEPT_EVERY or self._spent >= self._per_day):
            self._keep()
        if self._per_second is None:
            return 0.0
        now = self._clock.monotonic()
        self._tokens = min(float(self._per_second), self._tokens + (now - self._filled) * self._per_second) - size
        self._filled = now
        return max(0.0, -self._tokens / self._per_second)

    def renewed_in(self) -> float:
        now = self._clock.now()
        midnight = datetime(now.year, now.month, now.day, tzinfo=timezone.utc)
        try:
            return (midnight + timedelta(days=1) - now).total_seconds()
        except OverflowError:  # a clock at the end of time
            return 3600.0

    def _turn(self) -> None:
        today = self._today()
        if today != self._day:
            self._day, self._spent, self._unkept = today, 0, 0

    def _today(self) -> str:
        return self._clock.now().date().isoformat()

    def _keep(self) -> None:
        self._disk.replace(SPENT, json.dumps({"day": self._day, "bytes": self._spent}).encode())
        self._unkept = 0

    def _kept(self) -> tuple[str, int]:
        """What was spent, as far as somebody wrote it down; what cannot be read counts for nothing."""
        try:
            found = json.loads(self._disk.read(SPENT, _LARGEST) or b"{}")
            return str(found["day"]), max(0, int(found["bytes"]))
        except (KeyError, TypeError, ValueError, OSError, RecursionError):
            return self._today(), 0
