"""The runtime of a simulated device: what a bundle does there is planned, and what becomes active is written down."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import DeviceClass
from slipway.serving.edge.agent.ports import Built, Clock, Observed
from slipway.serving.runtime.proven import Proof


class Ended(BaseException):
    """The process ended by itself."""


@dataclass(frozen=True)
class Plan:
    """How a bundle does in the field."""

    fails_golden: bool = False
    errors: float = 0.0
    """Share of requests that fail."""
    kills: bool = False
    """Answering ends the process."""
    memory_mb: float = 50.0
    p95_ms: float = 2.0
    per_second: float = 1.0

    @property
    def is_bad(self) -> bool:
        """Whether no device should stay with it."""
        return self != Plan()


@dataclass(frozen=True)
class Became:
    """A release that answers from now on."""

    number: int
    bundle: str
    whole: bool
    """Its files were those of the bundle."""
    first: bool
    """It had not answered here before."""


@dataclass
class Lived:
    """What happened on a device, across starts of its process."""

    proven: set[str] = field(default_factory=set)
    """Bundles whose golden answers were right here, within their budget."""
    became: list[Became] = field(default_factory=list)
    """In their order."""
    ends: Counter[str] = field(default_factory=Counter)
    """By bundle, how often it ended the process."""

    @property
    def switches(self) -> int:
        """How often another release answered than before."""
        order = [(one.number, one.bundle) for one in self.became]
        return sum(one != before for before, one in pairwise(order))


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
        del built
        plan = self._plan(bundle.digest)
        if not plan.fails_golden and plan.memory_mb <= device.memory_mb and plan.p95_ms <= device.latency_ms:
            self._lived.proven.add(bundle.digest)
        problems = ("The golden answers are other ones.",) if plan.fails_golden else ()
        return Proof(problems=problems, provider="cpu", p95_ms=plan.p95_ms, memory_mb=plan.memory_mb, load_ms=5.0)

    def activate(self, bundle: Bundle, device: DeviceClass, built: Built, release: int) -> None:
        del device, built
        if self._active == (release, bundle.digest):
            return
        if self._plan(bundle.digest).kills:
            self._lived.ends[bundle.digest] += 1
            raise Ended
        self._active, self._since = (release, bundle.digest), self._clock.monotonic()
        first = all((one.number, one.bundle) != self._active for one in self._lived.became)
        self._lived.became.append(Became(*self._active, whole=_whole(bundle), first=first))

    def shadow(self, bundle: Bundle, device: DeviceClass, built: Built, release: int, frames: float) -> str | None:
        """It runs beside, and says nothing."""
        del bundle, device, built, release, frames
        return None

    def unshadow(self) -> None:
        """What ran beside says nothing when it ends."""

    def observed(self) -> Observed | None:
        if self._active is None:
            return None
        seconds, plan = self._clock.monotonic() - self._since, self._plan(self._active[1])
        requests = int(seconds * plan.per_second)
        failed = int(requests * plan.errors)
        return Observed(seconds, requests - failed, failed, plan.p95_ms, "cpu", {})

    def _plan(self, digest: str) -> Plan:
        return self._plans.get(digest, Plan())


def _whole(bundle: Bundle) -> bool:
    """The files as they lie there, held against what the manifest says of those that are there."""
    return all(
        hashlib.sha256((bundle.folder / name).read_bytes()).hexdigest() == file.sha256
        for name, file in bundle.manifest.files.items()
        if (bundle.folder / name).exists()
    )
