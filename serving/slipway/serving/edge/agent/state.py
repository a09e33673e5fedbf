"""What the agent remembers of one model, across any power cut: the state that its journal holds.

Everything here is data. `machine` decides what comes next from it; nothing else does.
"""

from datetime import datetime
from enum import Enum
from typing import Final, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from slipway.serving.bundle.contract import Part
from slipway.serving.bundle.manifest import Variant
from slipway.serving.channel.pointer import Pointer
from slipway.serving.channel.release import Release

Slot = Literal["a", "b"]
KEPT: Final = 50
"""Reasons that are remembered."""
SAME_AGAIN: Final = 3600.0
LONGEST_WHY: Final = 1000


def plain(text: str) -> str:
    """A reason that can be written down: not too long, and without what no file takes."""
    return text.encode(errors="replace").decode()[:LONGEST_WHY]


class Phase(str, Enum):
    """Where a model is on its way from one release to the next."""

    IDLE = "idle"
    FETCH = "fetch"
    VERIFY = "verify"
    BUILD = "build"
    PROVE = "prove"
    SHADOW = "shadow"
    """Proven, and runs beside what answers; its output is compared and discarded."""
    READY = "ready"
    """Proven, and waits for a moment at which models may be exchanged."""
    ACTIVATE = "activate"
    PROBATION = "probation"
    SETTLED = "settled"
    REVERTED = "reverted"


class Remembered(Part):
    """A part of what is remembered; what a later agent has added to it is passed over by an earlier one."""

    model_config = ConfigDict(extra="ignore")


class Installed(Remembered):
    """A release in a slot; what was built and proven is empty until it was."""

    slot: Slot
    release: Release
    variant: Variant | None = None
    provider: str = ""
    engine: str | None = None
    detail: str = ""
    proven: bool = False
    activated: bool = False
    """It has answered here."""
    p95_ms: float = 0.0
    memory_mb: float = 0.0


class Bad(Remembered):
    """A release that this device does not try again until an operator asks."""

    number: int
    bundle: str
    phase: Phase
    why: str
    at: AwareDatetime
    asked: bool = False
    """An operator left it, which is no failure."""


class Told(Remembered):
    """Why the agent last did, refused or left something: what `slipway-edge why` shows."""

    at: AwareDatetime
    what: str
    why: str


class Seen(Remembered):
    """The last look at the channel that was believed."""

    pointer: Pointer
    base: Release | None = None
    target: Release | None = None
    pinned: tuple[Release, ...] = ()
    """What the pins of this device lead to, as far as it is known."""
    signed_at: AwareDatetime
    good_until: AwareDatetime


class Watched(Remembered):
    """How long and with how much work the active release has been on probation, over all starts of the process."""

    seconds: float = Field(default=0.0, ge=0)
    """Of a clock that runs with the machine, never of the calendar."""
    answered: int = Field(default=0, ge=0)
    failed: int = Field(default=0, ge=0)


class State(Remembered):
    """One model on this device."""

    model: str
    phase: Phase = Phase.IDLE
    active: Installed | None = None
    """What answers; proven on this device."""
    before: Installed | None = None
    """What answered before, still whole in the other slot until that is needed for the next release."""
    coming: Installed | None = None
    """What is being fetched, verified, built, proven or activated, in the slot that is not active."""
    recovering: bool = False
    """What comes was active here already, so neither the channel nor an expiry is asked."""
    seen: Seen | None = None
    floor: int = Field(default=0, ge=0)
    """The highest that was seen."""
    sequence: int = Field(default=0, ge=0)
    """The highest pointer that was seen."""
    vouchers: tuple[str, ...] = ()
    """The keys that signed that one."""
    bad: tuple[Bad, ...] = ()
    told: tuple[Told, ...] = ()
    """The latest ones, the newest last."""
    watched: Watched = Watched()
    usual: tuple[tuple[str, float], ...] = ()
    """By measure, how far from its reference the release was lately that answered before, or the one that settled."""
    started: bool = False
    """A process works with this, or ended without being asked to."""
    boot: str = ""
    """The start of the machine that the process began in; empty where that is not known."""
    crashes: int = Field(default=0, ge=0)
    """Starts of the process that ended without being asked to while a release was built, proven, activated, watched."""
    reboots: int = Field(default=0, ge=0)
    """Of such ends, those that the whole machine had: the power was cut, or the machine brought down."""
    tries: int = Field(default=0, ge=0)
    """Failures of what comes that another try may mend, in this phase."""
    answered: str = ""
    """The operator's last request that was carried out."""

    @property
    def shadow(self) -> int | None:
        """The number of the release that runs beside what answers, or waits for that."""
        return self.coming.release.number if self.coming and self.phase is Phase.SHADOW else None

    def is_bad(self, release: Release) -> Bad | None:
        """What was found wrong with a release, by number and bundle."""
        return next((one for one in self.bad if (one.number, one.bundle) == (release.number, release.bundle)), None)

    def tell(self, at: datetime, what: str, why: str, *, kept: int = KEPT) -> "State":
        """Remember a reason; the same one again is remembered once an hour, so that little is written for it."""
        why = plain(why)
        same = [one for one in self.told if (one.what, one.why) == (what, why)]
        if same and abs((at - same[-1].at).total_seconds()) < SAME_AGAIN:
            return self
        others = [one for one in self.told if one not in same]
        return self.model_copy(update={"told": (*others, Told(at=at, what=what, why=why))[-kept:]})
