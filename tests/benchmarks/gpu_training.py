"""A training as it is, with a watch on it: some of its steps are counted, and how long it waits for its batches."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gpu_device import Stopwatch
from slipway.training.fitting.feed import Fed, Feed
from slipway.training.fitting.learner import Done
from slipway.training.fitting.run import Run, Surroundings
from slipway.training.fitting.telling import Telling
from slipway.training.reading.philox import Integers
from slipway.training.reading.plans import Plan
from slipway.training.task import Task


@dataclass(frozen=True)
class Long:
    """A plan whose epoch has as many steps as are wanted."""

    plan: Plan
    count: int
    batch: int
    group: int
    epoch_steps: int

    @classmethod
    def of(cls, plan: Plan, steps: int) -> "Long":
        """The same rows at every step."""
        return cls(plan, plan.count, plan.batch, plan.group, steps)

    def at(self, steps: Integers) -> Integers:
        """Those of the plan."""
        return self.plan.at(steps)


class Timed(Run):
    """A training of which some steps are counted, up to the last; what comes after that is left out."""

    def __init__(self, task: Task[Any], given: Surroundings, watch: Stopwatch, counted: range) -> None:
        super().__init__(task, given)
        self.feed = Watched.of(self.feed, watch)
        marks = {counted.start: watch.start, counted.stop: watch.stop}
        self.telling = Marked.of(self.telling, marks)

    def validate(self) -> None:
        """Steps alone are measured."""


class Watched(Feed):
    """Counts how long the loop waits for its batches."""

    watch: Stopwatch

    @classmethod
    def of(cls, feed: Feed, watch: Stopwatch) -> "Watched":
        """The same feed, watched."""
        watched = cls.__new__(cls)
        vars(watched).update(vars(feed), watch=watch)
        return watched

    def __iter__(self) -> Iterator[Fed]:
        return self._watched(super().__iter__())

    def _watched(self, batches: Iterator[Fed]) -> Iterator[Fed]:
        while True:
            with self.watch.waiting():
                fed = next(batches, None)
            if fed is None:
                return
            yield fed


class Marked(Telling):
    """Does something once so many steps are done."""

    marks: Mapping[int, Callable[[], None]]

    @classmethod
    def of(cls, telling: Telling, marks: Mapping[int, Callable[[], None]]) -> "Marked":
        """The same, with something to do."""
        marked = cls.__new__(cls)
        vars(marked).update(vars(telling), marks=marks)
        return marked

    def put_aside(self, done: Done) -> None:
        super().put_aside(done)
        if done.step + 1 in self.marks:
            self.marks[done.step + 1]()
