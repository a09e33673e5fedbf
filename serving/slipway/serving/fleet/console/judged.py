"""What the controller concluded at its last look at a model, for its page.

The controller judges; nothing is judged here. Whether its look is of the wave that is on its way now is said.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from slipway.serving.fleet.controller.judgement import Compared, Finding, Judgement
from slipway.serving.fleet.controller.leading import Stage, stage_of
from slipway.serving.fleet.store.looks import Looked
from slipway.serving.release.rollouts import Rollout

OLD: Final = timedelta(minutes=5)
"""A controller that is well looks every minute."""
ORDER: Final = (Finding.HARM, Finding.AGAINST, Finding.OPEN, Finding.THIN, Finding.CLEAR)
LEAST: Final = 1e-6
MOST: Final = 24
"""Comparisons that are shown one by one."""
SITE: Final = "site "


@dataclass(frozen=True)
class Drawn:
    """A comparison, with its places in a picture that goes from twice the limit below to three times above."""

    compared: Compared
    low: float
    high: float
    estimate: float
    zero: float
    limit: float

    @classmethod
    def of(cls, one: Compared) -> "Drawn":
        """In per cent of the width."""
        unit = max(abs(one.limit), LEAST)

        def at(value: float) -> float:
            return round(min(max((value / unit + 2) * 20, 0.0), 100.0), 2)

        return cls(one, at(one.low), at(one.high), at(one.estimate), at(0), at(one.limit))

    @property
    def wide(self) -> float:
        """Of the interval."""
        return max(round(self.high - self.low, 2), 0.5)


@dataclass(frozen=True)
class Judged:
    """For the page."""

    why_not: str = ""
    """Why nobody leads it by a plan."""
    stage: Stage | None = None
    looked_at: datetime | None = None
    judgement: Judgement | None = None
    waits: str = ""
    """What keeps the controller."""
    of_before: bool = False
    """Whether it is about a wave that is over."""
    late: bool = False
    """Whether the controller should have looked since."""

    @property
    def compared(self) -> Sequence[Compared]:
        """What matters first."""
        compared = self.judgement.numbers.compared if self.judgement else ()
        return sorted(compared, key=lambda one: (ORDER.index(one.finding), one.measure, one.slice))

    @property
    def drawn(self) -> Sequence[Drawn]:
        """Those that are shown one by one: all but single sites that say nothing against it."""
        return [Drawn.of(one) for one in self.compared if not _of_quiet_site(one)][:MOST]

    @property
    def folded(self) -> str:
        """The rest, in numbers."""
        left = list(self.compared)
        for one in self.drawn:
            left.remove(one.compared)
        counts = Counter(one.finding.value for one in left)
        return ", ".join(f"{count:,} {finding}" for finding, count in counts.items())

    @property
    def next(self) -> str:
        """The wave that follows."""
        stage = self.stage
        if stage is None:
            return ""
        following = stage.place + 1
        return stage.plan.waves[following].name if following < len(stage.plan.waves) else ""


def judged(rollout: Rollout, looked: Looked | None, now: datetime) -> Judged:
    """What is known."""
    stage = stage_of(rollout)
    if isinstance(stage, str):
        return Judged(why_not=stage)
    if looked is None:
        return Judged(stage=stage)
    told = looked.told
    try:
        judgement = Judgement.of_data(told["judgement"]) if told.get("judgement") else None
        waits = str(told.get("waits") or "")
    except (KeyError, TypeError, ValueError):
        judgement, waits = None, "It looked by another version of Slipway, which tells of it otherwise."
    same = (told.get("release"), told.get("wave")) == (stage.target.number, stage.wave.name)
    return Judged(
        stage=stage,
        looked_at=looked.at,
        judgement=judgement,
        waits=waits,
        of_before=not same or looked.at < stage.began.entry.at,
        late=now - looked.at > OLD,
    )


def _of_quiet_site(one: Compared) -> bool:
    return one.slice.startswith(SITE) and one.finding in {Finding.THIN, Finding.CLEAR}
