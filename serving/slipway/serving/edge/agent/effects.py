"""What the machine may ask for, what can come of it, and what it sees while it decides: data, all of it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Literal

from slipway.serving.bundle.manifest import DeviceClass
from slipway.serving.channel.looking import Look
from slipway.serving.channel.release import Release
from slipway.serving.edge.agent.health import Rules
from slipway.serving.edge.agent.ports import Built, Observed, Proof
from slipway.serving.edge.agent.state import Installed, State


@dataclass(frozen=True)
class Device:
    """Who this device is, as its enrolment says."""

    id: str
    device_class: str
    """Such as `edge-cpu`: a key of the manifest's `devices`."""
    enrolled: datetime
    """It cannot be earlier than that."""
    agent: str
    """The version of this agent."""
    cohorts: frozenset[str] = frozenset()
    site: str | None = None
    latency_times: float = 1.0
    """So many times as long as its class may a model take here."""


@dataclass(frozen=True)
class Request:
    """What an operator asks of one model; each is carried out once."""

    id: str
    what: Literal["revert", "again"]
    why: str
    by: str = "an operator"
    number: int | None = None
    """Of `again`: this release alone."""


@dataclass(frozen=True)
class Beside:
    """A release that a shadow wave has for this device."""

    release: Release
    frames: float
    """The share that it sees by now; 0 while the rollout is paused."""
    begins: bool
    """Whether it may be begun with now; once it is proven here it stays, paused or frozen."""


@dataclass(frozen=True)
class View:
    """What the machine sees beside the state."""

    device: Device
    now: datetime
    """The device's time, which is not before what it knows to be past."""
    wanted: tuple[Release, ...] = ()
    """What this device should run, the first that is not refused; see `wanting`."""
    beside: Beside | None = None
    """What should run beside what answers."""
    running: Installed | None = None
    """What answers in this process."""
    shadowing: "Shadow | None" = None
    """What runs beside it in this process, or was refused that."""
    look_due: bool = False
    wait: float = 0.0
    """Seconds until an effect that has failed may be tried again."""
    journal_wait: float = 0.0
    """Seconds until a journal that could not be written is tried again."""
    swap_in: float = 0.0
    """Seconds until models may be exchanged here, as the site's windows say."""
    observe_in: float = 0.0
    """Seconds until the active release is looked at again."""
    request: Request | None = None
    rules: Rules = field(default_factory=Rules)


@dataclass(frozen=True)
class Rest:
    """Nothing to do, for so long; None until the next look or request."""

    seconds: float | None = None


@dataclass(frozen=True)
class Become:
    """Another state, for which nothing has to happen in the world."""

    state: State


@dataclass(frozen=True)
class LookAtChannel:
    """Ask what the channel says."""


@dataclass(frozen=True)
class Fetch:
    """Get the next file of what comes that is not there, or a part of it."""

    coming: Installed


@dataclass(frozen=True)
class Verify:
    """Hold what comes against its manifest."""

    coming: Installed


@dataclass(frozen=True)
class Build:
    """Choose a variant of what comes and build its engine."""

    coming: Installed


@dataclass(frozen=True)
class Prove:
    """Have what comes show that it works here."""

    coming: Installed


@dataclass(frozen=True)
class Shadow:
    """Let this one see a share of what is answered, and compare."""

    coming: Installed
    frames: float
    active: Installed
    """With which it shares the device's memory."""


@dataclass(frozen=True)
class Unshadow:
    """Let nothing run beside what answers."""


@dataclass(frozen=True)
class Activate:
    """Let this one answer."""

    installed: Installed


@dataclass(frozen=True)
class Observe:
    """See how the active release does."""

    active: Installed


Effect = Rest | Become | LookAtChannel | Fetch | Verify | Build | Prove | Shadow | Unshadow | Activate | Observe


class Failing(Enum):
    """What a failure says of the release."""

    LATER = "later"
    """Nothing: the network, the disk, a timeout. Another try may mend it."""
    DAMAGED = "damaged"
    """Nothing, but what lies in its slot is not what was put there."""
    WRONG = "wrong"
    """It is no good here."""


@dataclass(frozen=True)
class Failed:
    """An effect that did not happen."""

    failing: Failing
    why: str
    seconds: float | None = None
    """Not before so long, where that is known."""


@dataclass(frozen=True)
class Done:
    """An effect with nothing to tell."""


@dataclass(frozen=True)
class Looked:
    """What the channel said, verified."""

    look: Look


@dataclass(frozen=True)
class Fetched:
    """A file has come, or a part of a large one."""

    left: int
    """Files that are still missing; 0 when the whole is there."""


@dataclass(frozen=True)
class Proved:
    """How a release did, and what it may cost."""

    proof: Proof
    budget: DeviceClass


@dataclass(frozen=True)
class NotShadowed:
    """A release for which there is no room beside what answers, which says nothing of it."""

    why: str


@dataclass(frozen=True)
class Watching:
    """How the active release does: since the last time, and altogether in this process."""

    seconds: float
    answered: int
    failed: int
    observed: Observed
    budget: DeviceClass


@dataclass(frozen=True)
class Activated:
    """It answers."""

    before: Observed | None
    """How what answered before did, in this process."""


Outcome = Done | Failed | Looked | Fetched | Built | Proved | NotShadowed | Watching | Activated
