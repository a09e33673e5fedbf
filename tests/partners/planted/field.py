"""What cameras see, with everything in it that makes two days of one camera alike, and drift planted where it is asked.

A value of a frame is normal around its hour, an hour around its day; days follow each other, devices stand at different
places, and those of one fleet share their weather. A reference is drawn from all of that, as validation rows are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slipway.pipelines.watching.drift import Day
from slipway.serving.edge.telemetry.distributions import Expected

LEVELS = np.array((0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0))
ROWS = 512
NAMES = (
    *(f"inputs.images.{name}" for name in ("red", "green", "blue", "contrast")),
    *(f"outputs.logits.{name}" for name in ("mean", "greatest", "length")),
)
FRAMES = 20
"""Of an hour."""


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A fleet, and what happens to it."""

    devices: int = 3
    days: int = 20
    by: float = 0.0
    """How far the first two measures move, in standard deviations of the reference's frames."""
    since: int = 10
    """On this day."""
    only: int | None = None
    """On so many devices; on all unless given."""
    apart: float = 0.6
    """How far devices are from each other."""
    weather: float = 0.5
    """How far days are from each other."""
    lasting: float = 0.5
    """How much of a day is like the one before."""

    def draw(self, seed: int) -> tuple[dict[str, Expected], list[Day]]:
        """The reference, and what each device saw on each day."""
        random = np.random.default_rng(seed)
        wide = np.sqrt(1 + self.apart**2 + self.weather**2)
        expected = {}
        for name in NAMES:
            one = Expected.of(np.quantile(random.normal(0, wide, ROWS), LEVELS), LEVELS)
            assert one is not None
            expected[name] = one
        places = random.normal(0, self.apart, (self.devices, len(NAMES)))
        weather = self._weather(random)
        return expected, [self._day(random, expected, places + weather[day], day) for day in range(self.days)]

    def _weather(self, random: np.random.Generator) -> NDArray[np.float64]:
        """By day, device and measure: half of it is the fleet's, half of it a device's own."""
        shape = (self.days, self.devices, len(NAMES))
        drawn = np.sqrt(0.5) * (random.normal(size=shape) + random.normal(size=(self.days, 1, len(NAMES))))
        found = np.empty(shape)
        found[0] = drawn[0]
        for day in range(1, self.days):
            found[day] = self.lasting * found[day - 1] + np.sqrt(1 - self.lasting**2) * drawn[day]
        return self.weather * found

    def _day(
        self, random: np.random.Generator, expected: dict[str, Expected], middle: NDArray[np.float64], day: int
    ) -> Day:
        found = {}
        for device in range(self.devices):
            moved = self.by if day >= self.since and (self.only is None or device < self.only) else 0.0
            its = {}
            for place, name in enumerate(NAMES):
                hours = random.normal(middle[device, place] + moved * (place < 2), 0.4, 24)
                frames = random.normal(np.repeat(hours, FRAMES), 0.9)
                its[name] = expected[name].parts(frames).tolist()
            found[f"cam-{device}"] = its
        return found
