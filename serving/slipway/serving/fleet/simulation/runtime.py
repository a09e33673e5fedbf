"""The runtime of a simulated device: what a bundle does there is planned, and what becomes active is written down."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import DeviceClass
from slipway.serving.edge.agent.ports import Built, Clock, Observed
from slipway.serving.runtime.proven import Proof


@dataclass(frozen=True)
class Plan:
    """How a bundle does in the field."""

    fails_golden: bool = False
    errors: float = 0.0
    """Share of requests that fail."""
    per_second: float = 1.0


@dataclass
class Lived:
    """What happened on a device, across starts of its process."""

    proven: set[str] = field(default_factory=set)
    """Bundles whose golden answers were right here."""
    activated: list[tuple[int, str]] = field(default_factory=list)
    """Release and bundle of each activation, in their order."""


class PlannedEngines:
    """`Engines` of one process."""

    def __init__(self, plans: Mapping[str, Plan], lived: Lived, clock: Clock) -> None:
        self._plans, self._lived, self._clock = plans, lived, clock
        self._active: tuple[int, str] | None = None
        self._since = 0.0

    def build(self, bundle: Bundle, device: DeviceClass) -> Built:
        del bundle
        return Built(device.variants[0], "cpu")

    def prove(self, bundle: Bundle, device: DeviceClass, built: Built) -> Proof:
        del device, built
        fails = self._plan(bundle.digest).fails_golden
        if not fails:
            self._lived.proven.add(bundle.digest)
        problems = ("The golden answers are other ones.",) if fails else ()
        return Proof(problems=problems, provider="cpu", p95_ms=2.0, memory_mb=50.0, load_ms=5.0)

    def activate(self, bundle: Bundle, device: DeviceClass, built: Built, release: int) -> None:
        del device, built
        if self._active != (release, bundle.digest):
            self._active, self._since = (release, bundle.digest), self._clock.monotonic()
            self._lived.activated.append(self._active)

    def shadow(self, bundle: Bundle, device: DeviceClass, built: Built, release: int, frames: float) -> str | None:
        del bundle, device, built, release, frames
        return "A simulated device runs one model at a time."

    def unshadow(self) -> None:
        """Nothing runs beside."""

    def observed(self) -> Observed | None:
        if self._active is None:
            return None
        seconds, plan = self._clock.monotonic() - self._since, self._plan(self._active[1])
        requests = int(seconds * plan.per_second)
        failed = int(requests * plan.errors)
        return Observed(seconds, requests - failed, failed, 2.0, "cpu", {})

    def _plan(self, digest: str) -> Plan:
        return self._plans.get(digest, Plan())
