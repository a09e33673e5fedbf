"""The real controllers in a simulation: one or two of them, which are killed or overtaken at their writes.

Who is killed before a write comes back and looks again, and is killed before its second one, and so on, until all is
done. Who is overtaken finds that the other has looked, and done what there was to do, in the middle of a look of its
own.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, cast

from slipway.platform.ledger.entry import Action, Written
from slipway.platform.store import Store
from slipway.serving.fleet.controller.gathering import Gatherer
from slipway.serving.fleet.controller.leading import control
from slipway.serving.fleet.facts import Fleet
from slipway.serving.fleet.simulation.project import Project

WRITES: Final = frozenset({"put", "put_if_absent", "put_file", "delete"})
MOST_WRITES: Final = 12
"""Of one look, among which the moment is chosen."""
SERVICE: Final = "rollouts"


class Killed(BaseException):
    """The controller's process ended before a write."""


@dataclass
class Tripped:
    """A store before one of whose writes something happens."""

    inner: Store
    trip: "Trip"

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the store has
        found = getattr(self.inner, name)
        return self.trip.before(found) if name in WRITES else found


@dataclass
class Trip:
    """What happens, and before which write of a look; counted over all stores of that look."""

    at: int
    does: Callable[[], None]
    count: int = 0

    def before(self, write: Callable[..., Any]) -> Callable[..., Any]:
        """The same write, with that before it."""

        def written(*args: Any, **named: Any) -> Any:  # noqa: ANN401 - as the store has it
            self.count += 1
            if self.count == self.at:
                self.does()
            return write(*args, **named)

        return written

    def wrapped(self, store: Store) -> Store:
        """A store in which it happens."""
        return cast("Store", Tripped(store, self))


@dataclass
class Controllers:
    """All that lead the project's model."""

    project: Project
    fleet: Callable[[], Fleet]
    """The fleet store as it is now."""
    two: bool
    chance: random.Random
    looks: int = field(default=0, init=False)
    _gatherers: dict[str, Gatherer] = field(default_factory=dict, init=False)
    """Of each process that lives."""

    def look(self) -> None:
        """They come by."""
        self.looks += 1
        if not self.two:
            self._look("one", Trip(0, _nothing))
        elif self.looks % 2:
            other = Trip(0, _nothing)
            self._look("one", Trip(self.chance.randrange(1, MOST_WRITES), lambda: self._look("other", other)))
            self._look("other", other)
        else:
            at = 1
            while self._killed(at):
                at += 1

    def _killed(self, at: int) -> bool:
        """Whether it came so far as to be killed."""
        try:
            self._look("one", Trip(at, _end))
        except Killed:
            del self._gatherers["one"]
            return True
        return False

    def _look(self, who: str, trip: Trip) -> None:
        """As `slipway fleet control --once`."""
        project, fleet = self.project, self.fleet()
        gatherer = self._gatherers.get(who)
        if gatherer is None or gatherer.fleet is not fleet:
            gatherer = self._gatherers[who] = Gatherer(fleet)
        desk = project.desk(SERVICE, trip.wrapped)
        for _ in control(desk, lambda: project.repository(desk, trip.wrapped), gatherer):
            pass

    def decided(self) -> list[Written]:
        """All that they wrote into the ledger."""
        entries = self.project.entries()
        return [one for one in entries if one.signer == SERVICE and one.entry.decision.action in LED]

    def doubled(self) -> str | None:
        """What they decided more than once, or in vain."""
        rollout = self.project.rollout
        seen: set[tuple[str, ...]] = set()
        for written in self.decided():
            decision, number = written.entry.decision, written.entry.number
            if (why := rollout.why_void(number)) is not None:
                return f"entry {number} ({decision.action.value}) changes nothing, because {why}"
            key = (decision.action.value, decision.subjects.get("release", ""), str(decision.details.get("wave")))
            if decision.action in ONCE and key in seen:
                return f"{key[0]} of release {key[1]} was decided twice"
            seen.add(key)
        return None


ONCE: Final = frozenset({Action.ADVANCE, Action.ROLLBACK})
LED: Final = ONCE | {Action.PAUSE}


def _nothing() -> None:
    """Nothing happens."""


def _end() -> None:
    raise Killed
