"""What the fleet store says, as values, and the interface of whoever can be asked.

The controller, the console, notices and the simulator know only this; `store` answers from a database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from slipway.serving.runtime.quantiles import Quantiles


@dataclass(frozen=True)
class Running:
    """What a device said of one model."""

    model: str
    phase: str
    release: int | None
    bundle: str | None
    variant: str | None
    provider: str
    since: datetime
    """When the service first heard of this release here."""
    shadow: int | None = None
    coming: int | None = None
    bad: Sequence[int] = ()
    sequence: int = 0
    """Of the newest pointer that it believed."""
    why: str = ""


@dataclass(frozen=True)
class DeviceFacts:
    """A device, as the service knows it."""

    id: str
    device_class: str
    site: str | None
    cohorts: frozenset[str]
    models: Sequence[str]
    enrolled_at: datetime
    revoked_at: datetime | None = None
    agent: str = ""
    heard_at: datetime | None = None
    """When it last reported, by the service's clock."""
    clock_s: float = 0.0
    """How far its clock is ahead of the service's."""
    left: int = 0
    """Bytes that it had still to tell."""
    site_sequence: int = 0
    running: Mapping[str, Running] = field(default_factory=dict)
    """By model."""
    streams: Mapping[str, str] = field(default_factory=dict)

    def silent(self, now: datetime, minutes: float) -> bool:
        """Whether it has said nothing for so long."""
        return self.heard_at is None or (now - self.heard_at).total_seconds() > minutes * 60


@dataclass(frozen=True, slots=True)
class Work:
    """What one device did with one release in a span of time: counts, latencies, sketches, added up."""

    device: str
    model: str
    release: int
    begin: datetime
    """Of the first window, by the service's clock at its arrival where the device's was off."""
    end: datetime
    counts: Mapping[str, int] = field(default_factory=dict)
    """As `telemetry.collecting` names them: answered, failed, dropped, rows…; of a shadow `shadow.…`."""
    latency: Quantiles = field(default_factory=Quantiles)
    """Milliseconds from admission to answer."""
    running: Quantiles = field(default_factory=Quantiles)
    """Milliseconds of each run of the session."""
    divergence: Mapping[str, float] = field(default_factory=dict)
    """By measure, how far from `reference.json`, weighed by what was seen."""


@dataclass(frozen=True, slots=True)
class Seen:
    """How what one device saw and answered with one release was distributed in a span of time."""

    device: str
    release: int
    parts: Mapping[str, Sequence[int]]
    """By measure: counts between the quantiles of the bundle's `reference.json`."""


@dataclass(frozen=True)
class Outcome:
    """What a decision should have been, told later."""

    decision: str
    device: str
    site: str | None
    model: str
    release: int | None
    bundle: str
    """The first digits of its digest, as the decision's name has them."""
    right: bool
    truth: str
    source: str
    at: datetime
    """When the decision was taken."""
    told_at: datetime


class Fleet(Protocol):
    """The fleet store, as whoever leads rollouts reads it. Times are the service's."""

    def devices(self) -> Sequence[DeviceFacts]:
        """Those that are not revoked, by id."""

    def work(self, model: str, *, since: datetime, until: datetime) -> Sequence[Work]:
        """What each device did with each release, added up over the whole span."""
