"""What happens in a simulation to a model whose releases controllers lead: four releases, the third of which is bad.

It is bad in a way that no device sees: slower, and failing a little more often, within what a device bears. Controllers
have to keep it to its first wave. What they leave open, as devices are few or silent, a person ends later.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from slipway.platform.ledger.entry import Action
from slipway.serving.channel.pointer import Pointer
from slipway.serving.fleet.simulation.controllers import Controllers
from slipway.serving.fleet.simulation.project import FIRST, PLAN, Project
from slipway.serving.fleet.simulation.record import Record
from slipway.serving.fleet.simulation.running import Broken, Fleet, Happening
from slipway.serving.fleet.simulation.runtime import Plan
from slipway.serving.release.moving import finishing, resuming

HARMFUL: Final = Plan(p95_ms=3.0, errors=0.015, hidden=True)
"""On each device it does well enough."""
EVERY: Final = 4 / 24
"""Days between two looks of a controller."""
GOOD, BAD, JUDGED = 0.4, 1.7, 3.2
"""The days on which the second and third release begin, and on which a person cleans up after the third."""
LAST: Final = 4
DAY: Final = 86_400.0


@dataclass
class LedStory:
    """Of one project."""

    project: Project
    fleet: Fleet
    controllers: Controllers
    happenings: list[Happening] = field(default_factory=list)

    def tell(self, mended: float, renewals: list[float]) -> None:
        """Put it into its time; the fourth release begins when nothing is wrong any more."""
        self._at(0.0, self._first)
        self._at(GOOD, lambda: self._begin(Plan()))
        self._at(BAD - 0.1, self._finish)
        self._at(BAD, lambda: self._begin(HARMFUL))
        self._at(JUDGED, self._clean_up)
        self._at(mended + 0.5, lambda: self._begin(Plan()))
        self._at(mended + 1.8, self._finish)
        for day in renewals:
            self._at(day, self.project.renew)
        for begin, end in ((GOOD, BAD - 0.1), (BAD, JUDGED), (mended + 0.5, mended + 1.8)):
            for count in range(1, int((end - begin) / EVERY) + 1):
                self._at(begin + count * EVERY, self._look)

    @property
    def record(self) -> Record:
        """What was signed."""
        return self.fleet.record

    def _at(self, day: float, does: Callable[[], None]) -> None:
        def done() -> None:
            does()
            self._note()

        self.happenings.append((day * DAY, done))

    def _first(self) -> None:
        self._begin(Plan(), led=False)
        self.project.move(finishing())

    def _begin(self, plan: Plan, *, led: bool = True) -> None:
        self.project.promote(plan)
        self.record.sign(self.project.start(PLAN if led else None).signed, plan)

    def _finish(self) -> None:
        """A person makes it everybody's, where controllers have not."""
        rollout = self.project.rollout
        if rollout.target is None:
            return
        if rollout.paused:
            self.project.move(resuming())
        self.project.move(finishing())

    def _clean_up(self) -> None:
        """A person undoes what is bad, where controllers have only paused it."""
        rollout = self.project.rollout
        if rollout.target is None:
            return
        if not rollout.paused:
            raise Broken(f"The controllers neither undid nor paused release {rollout.target.number}, which is bad.")
        self.project.undo()

    def _look(self) -> None:
        self.controllers.look()
        if (doubled := self.controllers.doubled()) is not None:
            raise Broken(f"The controllers doubled something: {doubled}.")
        for written in self.controllers.decided():
            decision = written.entry.decision
            number = int(decision.subjects["release"])
            if decision.action is Action.ROLLBACK and not self._harmful(self.record.releases[number].bundle):
                raise Broken(f"The controllers undid release {number}, which is good: {decision.reason}")

    def _note(self) -> None:
        """What devices are told now, and whether it leads a bad release further than its first wave."""
        pointer = self.project.pointer
        if pointer is None or pointer in self.record.pointers:
            return
        self.record.pointers.append(pointer)
        if self._too_far(pointer):
            raise Broken(f"Release {pointer.target and pointer.target.number} is bad, and went beyond its first wave.")

    def _harmful(self, bundle: str) -> bool:
        return self.record.plans[bundle].hidden

    def _too_far(self, pointer: Pointer) -> bool:
        base, target = pointer.base, pointer.target
        if base is not None and self._harmful(base.bundle):
            return True
        return target is not None and self._harmful(target.bundle) and pointer.wave.share > FIRST.share


def led_story(fleet: Fleet, project: Project, *, two: bool, seed: int) -> LedStory:
    """The project's model on this fleet."""
    chance = random.Random(f"controllers {seed}")  # noqa: S311 - a failing seed has to replay
    return LedStory(project, fleet, Controllers(project, lambda: fleet.service.store, two, chance))
