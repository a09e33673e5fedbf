"""What a device did in the last day, for its page: sums by release, and a bar for each hour."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from slipway.serving.fleet.facts import Work
from slipway.serving.runtime.quantiles import Quantiles

SHOWN: Final = timedelta(hours=24)
HOURS: Final = 24
HIGH: Final = 40.0
"""Of the tallest bar."""


@dataclass(frozen=True)
class Summed:
    """What was done with a release."""

    model: str
    release: int
    answered: int
    failed: int
    dropped: int
    latency: Quantiles

    @property
    def milliseconds(self) -> str:
        """Half, 95 and 99 of a hundred answers took no longer."""
        if not self.latency.count:
            return "-"
        return " / ".join(_short(self.latency.quantile(share)) for share in (0.5, 0.95, 0.99))


@dataclass(frozen=True)
class Bar:
    """An hour."""

    at: datetime
    answered: int
    failed: int
    high: float
    """0 where nothing was answered."""
    bad: float
    """Of the height, what failed."""


def by_release(worked: Iterable[Work]) -> list[Summed]:
    """The newest release first."""
    found: dict[tuple[str, int], Summed] = {}
    for one in worked:
        before = found.get((one.model, one.release)) or Summed(one.model, one.release, 0, 0, 0, Quantiles())
        before.latency.merge(one.latency)
        found[one.model, one.release] = Summed(
            one.model,
            one.release,
            before.answered + one.counts.get("answered", 0),
            before.failed + one.counts.get("failed", 0),
            before.dropped + one.counts.get("dropped", 0),
            before.latency,
        )
    return sorted(found.values(), key=lambda one: (one.model, -one.release))


def bars(worked: Sequence[Work], now: datetime) -> list[Bar]:
    """One for each of the last 24 hours, the oldest first; none where nothing was done."""
    newest = now.replace(minute=0, second=0, microsecond=0)
    told = [
        (newest - timedelta(hours=back), *_counted(worked, newest - timedelta(hours=back))) for back in range(HOURS)
    ]
    most = max((answered + failed for _, answered, failed in told), default=0)
    return (
        [
            Bar(at, answered, failed, HIGH * (answered + failed) / most, HIGH * failed / most)
            for at, answered, failed in reversed(told)
        ]
        if most
        else []
    )


def _counted(worked: Iterable[Work], hour: datetime) -> tuple[int, int]:
    its = [one.counts for one in worked if one.begin == hour]
    return sum(one.get("answered", 0) for one in its), sum(one.get("failed", 0) for one in its)


def _short(milliseconds: float) -> str:
    return f"{milliseconds:.1f}" if milliseconds < 10 else f"{milliseconds:,.0f}"  # noqa: PLR2004 - three digits
