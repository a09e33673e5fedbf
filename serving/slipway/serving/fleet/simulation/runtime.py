"""The runtime of a simulated device: what a bundle does there is planned, and what becomes active is written down."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import DeviceClass
from slipway.serving.edge.agent.ports import Built, Clock, Observed
from slipway.serving.fleet.simulation.truth import Truth, figures_counts
from slipway.serving.runtime.figures import Figures
from slipway.serving.runtime.live import Answering
from slipway.serving.runtime.proven import Proof

CLASS: Final = "edge-cpu"
"""Of all devices."""
SIZE_MB: Final = 4.0
USUAL, SPREAD = 0.7, 0.1
"""Of a run, as a share of what 95 in 100 take at most."""


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
    hidden: bool = False
    """Only the fleet as a whole shows that it is bad."""
    device_class: str = CLASS
    """That it is made for."""
    size_mb: float = SIZE_MB
    """That a device of the class has room for."""
    minimum_agent: str = "0.0.0"

    @property
    def is_bad(self) -> bool:
        """Whether no device should stay with it."""
        return self != Plan() and not self.hidden


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
    truth: Truth = field(default_factory=Truth)
    """What it decided."""

    @property
    def switches(self) -> int:
        """How often another release answered than before."""
        order = [(one.number, one.bundle) for one in self.became]
        return sum(one != before for before, one in pairwise(order))


class PlannedEngines:
    """`Engines` and `telemetry.collecting.Working` of one process; all it does is counted as it is done."""

    def __init__(
        self,
        model: str,
        plans: Mapping[str, Plan],
        lived: Lived,
        clock: Clock,
        chance: Callable[[], float] | None,
    ) -> None:
        """Without a chance nobody measures how long answers take."""
        self._model, self._plans, self._lived, self._clock, self._chance = model, plans, lived, clock, chance
        self._active: tuple[int, str] | None = None
        self._since = 0.0
        self._requests = self._failed = 0
        """Of what answers now, since it does."""
        self._done: dict[Answering, Figures] = {}

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
        self._work()
        if self._plan(bundle.digest).kills:
            self._lived.ends[bundle.digest] += 1
            raise Ended
        self._active, self._since = (release, bundle.digest), self._clock.monotonic()
        self._requests = self._failed = 0
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
        self._work()
        seconds, plan = self._clock.monotonic() - self._since, self._plan(self._active[1])
        return Observed(seconds, self._requests - self._failed, self._failed, plan.p95_ms, "cpu", {}, {})

    def each(self) -> Mapping[Answering, Figures]:
        self._work()
        self._lived.truth.asked = True
        return {who: figures.copy() for who, figures in self._done.items()}

    def end(self) -> None:
        """The process does; what it has done until now it has done."""
        self._work()

    def _work(self) -> None:
        """What was asked of the active release until now, and failed as planned."""
        if self._active is None:
            return
        plan, (number, bundle) = self._plan(self._active[1]), self._active
        requests = int((self._clock.monotonic() - self._since) * plan.per_second)
        failed = int(requests * plan.errors)
        more, bad = requests - self._requests, failed - self._failed
        if not more:
            return
        self._requests, self._failed = requests, failed
        did = Figures(admitted=more, answered=more - bad, failed=bad, batches=more, rows=more - bad)
        if self._chance is not None:
            did.running.add(plan.p95_ms * (USUAL + SPREAD * self._chance()), more - bad)
            did.latency.add(plan.p95_ms, more - bad)
        who = Answering(self._model, number, bundle)
        self._done.setdefault(who, Figures()).merge(did)
        self._lived.truth.decided.update(figures_counts(who, did))

    def _plan(self, digest: str) -> Plan:
        return self._plans.get(digest, Plan())


def _whole(bundle: Bundle) -> bool:
    """The files as they lie there, held against what the manifest says of those that are there."""
    return all(
        hashlib.sha256((bundle.folder / name).read_bytes()).hexdigest() == file.sha256
        for name, file in bundle.manifest.files.items()
        if (bundle.folder / name).exists()
    )
