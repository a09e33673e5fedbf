"""The machine's own clock, waiting that a request to stop ends, what time it is at least, and since which boot."""

import re
import threading
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from slipway.serving.edge.agent.state import State

BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_BOOT: Final = re.compile(r"[0-9a-f-]{32,36}")


def boot_id(path: Path = BOOT) -> str:
    """What Linux has drawn for this start of the machine; empty where there is no such thing."""
    try:
        found = path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
    return found if _BOOT.fullmatch(found) else ""


def device_time(clock: datetime, enrolled: datetime, state: State) -> datetime:
    """No earlier than the enrolment and the newest date that was seen signed for this model, whatever a clock says."""
    return max([clock, enrolled, *([state.seen.signed_at] if state.seen else [])])


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
