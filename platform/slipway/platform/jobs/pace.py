"""How far a training is, in words, and how long it still takes, from its `progress` events alone."""

from collections.abc import Mapping
from typing import Any

from slipway.platform.telling import duration


class Eta:
    """How long it still takes, by the steps that were reported since it was first asked, and by when they were.

    Reports bear the time of the machine that made them; where nothing new is reported, nothing changes.
    """

    def __init__(self) -> None:
        self._first: tuple[int, float] | None = None
        self._last: tuple[int, float] | None = None

    def of(self, told: Mapping[str, Any]) -> float | None:
        """Seconds, when there is something to go by."""
        step, steps, at = int(told.get("step", 0)), int(told.get("steps", 0)), told.get("time")
        if at is None or not step or not steps:
            return None
        if self._first is None or self._last is None or step < self._first[0]:
            self._first = self._last = (step, float(at))
        if step > self._last[0]:
            self._last = (step, float(at))
        if self._last[0] == self._first[0]:
            return None
        seconds = max(0.0, self._last[1] - self._first[1])
        return seconds / (self._last[0] - self._first[0]) * max(0, steps - step)


def sentence(told: Mapping[str, Any], eta: float | None) -> str:
    """What a progress event says, in words."""
    parts = []
    if "epoch" in told and "epochs" in told:
        parts.append(f"epoch {told['epoch']}/{told['epochs']}")
    if told.get("steps"):
        parts.append(f"step {int(told['step']):,}/{int(told['steps']):,}")
    parts += [f"{name} {float(told[name]):.4g}" for name in ("loss", "metric") if told.get(name) is not None]
    if told.get("rate"):
        parts.append(f"{float(told['rate']):,.0f} images/s")
    if eta is not None:
        parts.append(f"{duration(eta)} left")
    return " ".join(", ".join(parts).split())


class Milestones:
    """Which reports are worth a line of the log: a new epoch or phase, and one every so many seconds."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._eta = Eta()
        self._marked: tuple[Any, ...] = ()
        self._told = 0.0
        self._heard: Mapping[str, Any] = {}

    def line(self, told: Mapping[str, Any], now: float) -> str:
        """The line, or nothing; `now` is any clock."""
        if not told or told == self._heard:
            return ""
        self._heard = told
        eta = self._eta.of(told)
        mark = told.get("epoch"), told.get("phase"), told.get("metric")
        if mark == self._marked and now - self._told < self._every:
            return ""
        self._marked, self._told = mark, now
        return ": ".join(filter(None, (str(told.get("phase", "")), sentence(told, eta))))
