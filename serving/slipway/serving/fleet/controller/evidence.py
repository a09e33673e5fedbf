"""What is known of a wave at one moment, as plain values: what devices are, and what each did hour by hour.

Work stands in columns, for thousands of devices are judged at once. A row is what one device did in one hour with one
release; `treated` are rows of the release on its way, the others are what devices ran instead, also before the wave.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True)
class Rows:
    """Columns of equal length; a row is a device's hour."""

    device: Ints
    """Its place among `Evidence.devices`."""
    slot: Ints
    """Hours since 1970."""
    night: Bools
    """Whether that hour is one of the night where the device is."""
    after: Bools
    """Whether it lies in the wave's time."""
    treated: Bools
    decisions: Floats
    """Answered or failed."""
    failed: Floats
    duration: Floats
    """Logarithm of the mean milliseconds of a run; not a number where nothing ran."""
    divergence: Floats
    """Of the measure that is furthest from the reference; not a number where none is known."""
    seconds: Floats
    """How much of the hour was reported."""

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.device)


@dataclass(frozen=True)
class Shadowed:
    """Where a device's shadow agreed with what answered."""

    same: int = 0
    differs: int = 0


@dataclass(frozen=True)
class Seen:
    """A device."""

    id: str
    device_class: str = "default"
    site: str = ""
    in_wave: bool = False
    silent: bool = False
    reverted: bool = False
    """Whether it went back from the release by itself."""
    shadow: Mapping[str, Shadowed] = field(default_factory=dict)
    """By slice; all of it under the empty name."""


@dataclass(frozen=True)
class Evidence:
    """What is known."""

    devices: Sequence[Seen]
    rows: Rows
    began: datetime
    """When the wave did."""
    shadow: bool = False
    """Whether the release only runs beside what answers."""
