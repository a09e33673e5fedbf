"""What the controller concludes, with the numbers that led to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from slipway.serving.fleet.notices.telling import told_devices


class What(Enum):
    """What should happen to a wave."""

    ADVANCE = "advance"
    HOLD = "hold"
    PAUSE = "pause"
    UNDO = "undo"


class Finding(Enum):
    """What a comparison says by now."""

    HARM = "harm"
    """More than the limit is shown."""
    CLEAR = "clear"
    """More than the limit is excluded."""
    OPEN = "open"
    """Neither yet."""
    THIN = "thin"
    """Too few devices to exclude anything; nothing speaks against it."""
    AGAINST = "against"
    """Too few devices to exclude anything, and beyond the limit as far as it goes."""


@dataclass(frozen=True)
class Compared:
    """One comparison."""

    measure: str
    slice: str
    """Such as `class orin-nano` or `night`; empty for everything."""
    finding: Finding
    estimate: float
    """How much worse than the rest; of durations a factor less one."""
    low: float
    high: float
    limit: float
    e: float
    """Natural logarithm of the e-value for harm beyond the limit."""
    devices: int
    rest: int

    @property
    def told(self) -> str:
        """In a line."""
        where = f" ({self.slice})" if self.slice else ""
        than = f", {self.rest} others" if self.rest else ""
        return (
            f"{self.measure}{where}: {self.figure(self.estimate)}, between {self.figure(self.low)} and "
            f"{self.figure(self.high)}, limit {self.figure(self.limit)}; {told_devices(self.devices)}{than}: "
            f"{self.finding.value}"
        )

    def figure(self, value: float) -> str:
        """As people read it."""
        return f"{value:+.3f}" if self.measure == "divergence" else f"{value:+.2%}"


@dataclass(frozen=True)
class Numbers:
    """How much was seen."""

    wave_devices: int
    running: int
    """Devices of the wave that did work with the release."""
    soaked: int
    """Those that have done so for the soak."""
    decisions: int
    exposure_hours: float
    """Device time with the release."""
    silent: int
    reverted: int
    compared: Sequence[Compared] = ()
    behind: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """By device class of which most do not run it: how many do, and how many should and are heard."""

    def as_data(self) -> dict[str, Any]:
        """For scripts and the ledger."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "compared"}
        plain["exposure_hours"] = round(self.exposure_hours, 2)
        plain["behind"] = {name: list(counts) for name, counts in self.behind.items()}
        return plain | {"compared": [_data(one) for one in self.compared]}


@dataclass(frozen=True)
class Judgement:
    """What should happen, and why."""

    what: What
    why: str
    numbers: Numbers

    def as_data(self) -> dict[str, Any]:
        """For scripts and the ledger."""
        return {"what": self.what.value, "why": self.why, "numbers": self.numbers.as_data()}

    @classmethod
    def of_data(cls, told: Mapping[str, Any]) -> "Judgement":
        """What `as_data` gave."""
        numbers = dict(told["numbers"])
        compared = [Compared(**{**one, "finding": Finding(one["finding"])}) for one in numbers.pop("compared")]
        return cls(What(told["what"]), told["why"], Numbers(**numbers, compared=compared))


def _data(one: Compared) -> dict[str, Any]:
    figures = {name: round(getattr(one, name), 5) for name in ("estimate", "low", "high", "limit", "e")}
    counts = {"devices": one.devices, "rest": one.rest}
    return {"measure": one.measure, "slice": one.slice, "finding": one.finding.value, **figures, **counts}
