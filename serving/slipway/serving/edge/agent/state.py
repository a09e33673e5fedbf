"""What the agent remembers of one model, across any power cut: the state that its journal holds.

Everything here is data. `machine` decides what comes next from it; nothing else does.
"""

from datetime import datetime
from enum import Enum
from typing import Literal

from pydantic import Field

from slipway.serving.bundle.contract import Part
from slipway.serving.channel.release import Release

Slot = Literal["a", "b"]


class Phase(str, Enum):
    """Where a model is on its way from one release to the next."""

    IDLE = "idle"
    FETCH = "fetch"
    VERIFY = "verify"
    BUILD = "build"
    PROVE = "prove"
    ACTIVATE = "activate"
    PROBATION = "probation"
    SETTLED = "settled"
    REVERTED = "reverted"


class Installed(Part):
    """A release in a slot."""

    slot: Slot
    release: Release
    variant: str = ""
    provider: str = ""
    engine: str | None = None
    proven: bool = False
    p95_ms: float = 0.0
    memory_mb: float = 0.0


class Bad(Part):
    """A release that this device does not try again."""

    number: int
    bundle: str
    phase: Phase
    why: str
    at: datetime


class Told(Part):
    """Why the agent last did, refused or left something: what `slipway-edge why` shows."""

    at: datetime
    what: str
    why: str


class State(Part):
    """One model on this device."""

    model: str
    phase: Phase = Phase.IDLE
    active: Installed | None = None
    """What answers; proven on this device."""
    before: Installed | None = None
    """What answered before, still whole in the other slot until it is needed for the next release."""
    coming: Installed | None = None
    """What is being fetched, verified, built or proven, in the slot that is not active."""
    floor: int = Field(default=0, ge=0)
    """The highest that was seen."""
    sequence: int = Field(default=0, ge=0)
    """The highest pointer that was seen."""
    bad: tuple[Bad, ...] = ()
    told: tuple[Told, ...] = ()
    """The latest ones, the newest last."""
    probation_until: datetime | None = None
    crashes: int = Field(default=0, ge=0)
    """Starts of this process that ended without being asked to, since the active release became active."""
