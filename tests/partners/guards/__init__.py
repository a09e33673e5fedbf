"""All guards of a device and of the fleet service that a simulation can miss, each with how it is switched off.

Whoever adds a guard to `edge/agent`, to the channel's client or to telemetry adds a line here: a guard whose absence no
invariant sees is either not needed or not watched.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final
from unittest import mock

from tuf.api._payload import Signed, _DelegatorMixin

from slipway.platform.registry.desk import fresh_nonce
from slipway.serving.channel import updater
from slipway.serving.channel.marks import Marks
from slipway.serving.channel.pointer import Pointer, Wave
from slipway.serving.edge.agent import doing, driver, fetching, machine, refusing, settling, verifying, wanting
from slipway.serving.edge.agent.health import Judged, Judgement
from slipway.serving.edge.agent.state import State
from slipway.serving.edge.fleet import sending
from slipway.serving.edge.fleet.sending import Sender
from slipway.serving.edge.telemetry import spool
from slipway.serving.edge.telemetry.collecting import Collector
from slipway.serving.edge.telemetry.spool import SpoolFailed
from slipway.serving.fleet.controller import leading
from slipway.serving.fleet.controller.judgement import What
from slipway.serving.fleet.controller.leading import Stage
from slipway.serving.fleet.service import devices
from slipway.serving.fleet.simulation.cutting import CuttingDisk
from slipway.serving.fleet.store import reporting
from slipway.serving.fleet.store.names import Ranges

Off = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True)
class Guard:
    """One of them."""

    off: Off
    scenario: str
    says: str
    """What the invariant says that sees it."""
    devices: int = 4


def gives(where: object, name: str, value: Any) -> Off:
    """It is asked, and always says this."""
    return lambda: mock.patch.object(where, name, return_value=value)


def becomes(where: object, name: str, other: object) -> Off:
    """Something else stands in its place."""
    return lambda: mock.patch.object(where, name, other)


def both(*each: Off) -> Off:
    @contextmanager
    def off() -> Any:
        with ExitStack() as stack:
            for one in each:
                stack.enter_context(one())
            yield

    return off


def keeps(self: Pointer, device: str, cohorts: frozenset[str], *, has: int | None, now: object = None) -> object:
    """What is wanted, whatever holds it."""
    del has, now
    return self.target if self.target and self.wave.includes(device, cohorts) else self.base


def forgets(self: Sender, kind: str, why: str) -> float:
    """What was not taken is forgotten."""
    del kind, why
    batch = self._keeping.batch(sending.LARGEST_BATCH)
    if batch is not None:
        self._keeping.confirm(batch)
    return 60.0


def loses(self: Collector, kind: Any, subject: str, body: bytes, at: str | None = None) -> bool:
    """What a full disk does not take is taken for written."""
    try:
        self._opened().add(kind, subject, at or "2026-01-01", body)
    except SpoolFailed:
        return True
    return True


YES, NO = True, False
SETTLES: Final = Judged(Judgement.SETTLE, "")
GUARDS: Final[dict[str, Guard]] = {
    "a look that is older than what was seen": Guard(gives(settling, "look_refused", None), "trust-gone", "after"),
    "the floor": Guard(gives(refusing, "below_floor", NO), "stolen-rollout", "below the floor"),
    "an expiry while a release waits": Guard(gives(machine, "refused", None), "stale", "expired since"),
    "a release that failed here": Guard(gives(State, "is_bad", None), "crash-loop", "has ended its process"),
    "the least agent": Guard(gives(refusing, "_agent_too_old", ()), "old-agent", "that no device should keep"),
    "a manifest": Guard(
        both(gives(verifying, "manifest_refused", None), gives(fetching, "manifest_refused", None)),
        "too-big",
        "that no device should keep",
    ),
    "golden answers": Guard(gives(settling, "proof_refused", None), "fails-golden", "never proved itself"),
    "memory": Guard(gives(settling, "proof_refused", None), "too-large", "never proved itself"),
    "latency": Guard(gives(settling, "too_slow", None), "too-slow", "never proved itself"),
    "health": Guard(gives(settling, "judge", SETTLES), "bad-in-field", "that no device should keep", 6),
    "ends of the process": Guard(gives(machine, "too_many_ends", None), "crash-loop", "has ended its process"),
    "damage": Guard(gives(doing, "damaged", None), "corrupt-slot", "not those of its bundle"),
    "a window": Guard(gives(machine, "_held_back", NO), "stale", "outside of its window"),
    "pins of others": Guard(
        becomes(wanting, "pins", lambda seen, *_: seen.pointer.pins), "pinned calm", "has another for it"
    ),
    "the device's time": Guard(
        becomes(driver, "device_time", lambda now, *_: now), "pin-ended", "has another for it", 6
    ),
    "the wave": Guard(gives(Wave, "includes", YES), "calm", "has another for it"),
    "a pause, a freeze, a shadow": Guard(becomes(Pointer, "wanted", keeps), "held", "has another for it"),
    "a freeze": Guard(gives(Pointer, "frozen", NO), "held", "has another for it"),
    "signatures": Guard(gives(_DelegatorMixin, "verify_delegate", None), "forged", "nobody signed it"),
    "expiry of what is signed": Guard(gives(Signed, "is_expired", NO), "stale", "was good until"),
    "marks": Guard(gives(updater, "read_marks", Marks()), "trust-lost", "after something newer"),
    "syncs": Guard(lambda: mock.patch.object(CuttingDisk, "_synced"), "power", ""),
    "names of records": Guard(gives(Ranges, "add", YES), "report-lost", "written are"),
    "kept until it is taken": Guard(becomes(Sender, "_failed", forgets), "spool-full", "written are"),
    "numbers of requests": Guard(gives(reporting, "check_sequence", None), "report-replayed", "the service says"),
    "a number that is told": Guard(becomes(sending, "CONFLICT", 0), "report-forgotten", "does not come to tell all"),
    "the device's signature": Guard(gives(devices, "_fits", YES), "duplicate-id", "written are"),
    "a full disk": Guard(becomes(Collector, "_keep", loses), "disk-full", "decided are"),
    "the last window": Guard(
        becomes(Collector, "close", lambda self: self._spool and self._spool.close()), "stopped", "decided are"
    ),
    "counts of a day": Guard(gives(spool, "_added", {}), "spool-full", "written are"),
    "the names of what controllers decide": Guard(
        becomes(Stage, "nonce", lambda *_: fresh_nonce()), "two-controllers", "doubled something", 6
    ),
    "the controller's judgement": Guard(
        becomes(leading, "judged", lambda *_: mock.Mock(what=What.ADVANCE, why="all is well")), "led", "beyond", 8
    ),
}
