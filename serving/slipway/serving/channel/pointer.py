"""The pointer of a model, `channels/<model>.json`: what devices should run, and which of them by now.

It is signed by the rollout key, so it says only which of the releases that the release key signed, and to whom. The
base is what everybody may run; the target goes to the devices that the wave includes.
"""

import hashlib
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from slipway.serving.bundle.contract import Part
from slipway.serving.bundle.manifest import Digest, ModelName
from slipway.serving.channel.limits import MOST, near

SHARES: Final = 10_000
"""Into how many parts devices are divided."""
LARGEST_POINTER: Final = 64 * 1024
MOST_PINS: Final = 128
MOST_OF_ONE: Final = 4
"""Of the pins of one device, or of its site, so many are looked at."""

AgentVersion = Annotated[str, Field(pattern=r"^\d{1,4}\.\d{1,4}\.\d{1,4}$")]
Moment = Annotated[AwareDatetime, AfterValidator(near)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9._-]{0,62})$")]
"""Of a cohort or a site."""


class Named(Part):
    """A release: its number in this model's channel, and its bundle."""

    number: int = Field(ge=1, le=MOST)
    bundle: Digest


class Wave(Part):
    """Which devices get the target."""

    kind: Literal["serve", "shadow"] = "serve"
    """In a shadow wave the target runs beside what answers; its output is compared, counted and discarded."""
    frames: float = Field(default=0.05, gt=0, le=1)
    """In a shadow wave, the share of frames that the target sees, too."""
    share: float = Field(default=100.0, ge=0, le=100)
    """Per cent of all devices; which ones is decided by the seed."""
    cohort: Name | None = None
    """Only devices of this cohort, and of them the share."""
    seed: str = Field(default="", max_length=64)

    def includes(self, device: str, cohorts: frozenset[str]) -> bool:
        """Whether a device is among them; one that is in a smaller share stays in a larger one."""
        if self.cohort is not None and self.cohort not in cohorts:
            return False
        drawn = int.from_bytes(hashlib.sha256((self.seed + device).encode()).digest(), "big") % SHARES
        return drawn < self.share * (SHARES / 100)


class Pin(Part):
    """A device, or the devices of a site, that stay with one release until a moment."""

    device: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$")] | None = None
    site: Name | None = None
    release: Named
    until: Moment

    @model_validator(mode="after")
    def _of_one(self) -> "Pin":
        if (self.device is None) == (self.site is None):
            raise ValueError("A pin is a device's or a site's")
        return self


class Sampling(Part):
    """Which frames a device keeps for labelling, and how many of them."""

    share: float = Field(default=0.0, ge=0, le=1)
    """Of all decisions, whatever they are."""
    confidence_below: float | None = Field(default=None, ge=0, le=1)
    novelty_above: float | None = Field(default=None, ge=0)
    """Distance from what `reference.json` holds, in its own spread."""
    per_day: int = Field(default=0, ge=0, le=100_000)


class Pointer(Part):
    """What devices should run."""

    format: Literal[1] = 1
    model: ModelName
    sequence: int = Field(ge=1, le=MOST)
    """Rises with every change; a device refuses one below the highest that it has seen."""
    signed_at: Moment
    base: Named | None = None
    """None before the first release has reached everybody."""
    target: Named | None = None
    wave: Wave = Wave()
    paused: bool = False
    """While it is, nobody begins with the target; who has it keeps it."""
    frozen_until: Moment | None = None
    """Until then nobody begins with the target; the base, and so an undo, stays open."""
    pins: Annotated[tuple[Pin, ...], Field(max_length=MOST_PINS)] = ()
    """A device's own comes before its site's."""
    minimum_agent: AgentVersion = "0.0.0"
    sampling: Sampling = Sampling()

    def wanted(
        self, device: str, cohorts: frozenset[str], *, has: int | None, now: datetime | None = None
    ) -> Named | None:
        """What this device should run, apart from pins; `has` is the number of the release that it runs.

        `now` is the device's time; without it no freeze is looked at.
        """
        if self.target is None:
            return self.base
        held = self.wave.kind == "shadow" or self.paused or (now is not None and self.frozen(now))
        begins = not held and self.wave.includes(device, cohorts)
        return self.target if has == self.target.number or begins else self.base

    def pinned(self, device: str, site: str | None) -> tuple[Pin, ...]:
        """The pins of this device, the most telling first, whether or not they have ended; a bounded number."""
        own = [one for one in self.pins if one.device == device]
        of_site = [one for one in self.pins if site is not None and one.site == site]
        return (*own[:MOST_OF_ONE], *of_site[:MOST_OF_ONE])

    def frozen(self, now: datetime) -> bool:
        """Whether nobody begins with the target for now."""
        return self.frozen_until is not None and now < self.frozen_until
