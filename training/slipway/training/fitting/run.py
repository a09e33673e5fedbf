"""One attempt's objects, put together: task, data, learner, feed, state.

It trains, validates and keeps checkpoints; concluding is `fit`'s.
"""

import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import torch

from slipway.platform.machine import cores
from slipway.platform.runs.journal import Journal
from slipway.platform.runs.workplace import Order, Workplace
from slipway.training.config.schema import START
from slipway.training.evaluation.assess import assess
from slipway.training.evaluation.judged import Evaluation, Judged
from slipway.training.fitting import checkpoints, lightning, pixels, start
from slipway.training.fitting.boundaries import Boundaries
from slipway.training.fitting.course import Course
from slipway.training.fitting.feed import Feed
from slipway.training.fitting.judging import Heads, Judge
from slipway.training.fitting.learner import Learner
from slipway.training.fitting.processes import Agreement, Place
from slipway.training.fitting.state import State
from slipway.training.fitting.stopping import Request
from slipway.training.fitting.telling import Telling
from slipway.training.fitting.trail import Trail
from slipway.training.reading.reader import Reader
from slipway.training.reading.trusted import Trusted, trusted_examples
from slipway.training.task import Examples, Task

PREFETCH: Final = 3
PAUSE: Final = 0.5


@dataclass(frozen=True)
class Surroundings:
    """What a run is given besides its task."""

    order: Order
    workplace: Workplace
    place: Place
    device: torch.device
    group: Any
    """The process group for words, or None."""
    request: Request


class Run:
    """A context: on leaving it, threads and files are given back."""

    def __init__(self, task: Task[Any], given: Surroundings) -> None:
        config, place = task.config, given.place
        self.task, self.given, self.config = task, given, config
        self.journal = Journal(given.workplace.journal) if place.rank == 0 else None
        self.snapshot = Trusted(given.order.snapshot)
        trusted_examples(task, self.snapshot, "test")  # what cannot be judged at the end is told now
        self._threads = config.runtime.reader_threads or max(1, cores().threads // place.locals)
        self.training = self.examples("train")
        self._validation = self.examples("validation")
        self.plan = task.plan(self.training)
        self.course = Course.of(config.trainer, self.plan.epoch_steps)
        self.state = State()
        self.learner = Learner.build(task, self.training, self.course, place.share)
        self.trail = Trail(self.learner.names)
        self._reader = Reader(
            self.training.source, self.plan, share=place.share, threads=self._threads, prefetch=PREFETCH
        )
        self.feed = Feed(
            task, self.training, self._reader, self.plan, place.share, self.course, makers=max(1, self._threads // 2)
        )
        self.telling = Telling(
            self.journal, self.state, self.trail, self.course, place, self.plan, config.runtime.log_steps
        )
        self._judge = Judge(config.trainer, place, given.group, given.device, config.batch)
        self.working = False
        """Whether a step is what is being done."""

    def examples(self, split: str) -> Examples:
        """The rows of a split, with their pixels where they are fast to have."""
        found = trusted_examples(self.task, self.snapshot, split)
        if not self.config.runtime.cached:
            return found
        return pixels.kept(found, self.given.order.cache, split, self._threads, self.journal)

    def resume(self) -> None:
        """Take over what the ordered checkpoint holds; at the very beginning the weights that were asked for."""
        path = self.given.order.resume
        if path is None:
            if (weights := self.given.order.references.get(START)) is not None:
                self.note(start.load(weights, self.learner.network))
            return
        kept = checkpoints.read(path, self.given.order.key)
        self.learner.restore(kept)
        self.trail.restore(kept["trail"])
        vars(self.state).update(vars(State.of_plain(kept["state"])))
        self.feed.step = self.state.step
        self.note(f"resumed at step {self.state.step}")

    def train(self) -> None:
        """The steps that are left."""
        left = self.course.epochs - self.course.epoch(self.state.step)
        if self.state.step >= self.course.total or left <= 0:
            self.learner.to(self.given.device)
            self.learner.configure_optimizers()
            return
        config, given = self.config, self.given
        agreement = Agreement(given.group, given.place.world)
        boundaries = Boundaries(self, config.runtime, agreement, given.request)
        trainer = lightning.trainer(config.trainer, given.place, given.device, boundaries, left)
        self.working = True
        trainer.fit(self.learner, self.feed)
        agreement.end()
        self.working = False

    def validate(self) -> None:
        """Judge the network on the validation split; rank 0 tells."""
        self.working = False
        heads = self.heads(self._validation, "validation")
        if heads is not None and self.journal is not None:
            found = assess(self.judged(heads, self._validation), draws=0)
            values = {f"validation/{name}": value for name, value in overall(found).items()}
            self.journal.metrics(self.state.step, values)
            headline = overall(found).get(found.headline)
            self.state.validated(values, headline, falling=found.headline in found.falling)
            self.working = True

    def checkpoint(self) -> None:
        """Rank 0 keeps everything that a step leaves behind."""
        if self.journal is None:
            return
        content = {
            **self.learner.to_plain(),
            "trail": self.trail.to_tensors(),
            "state": self.state.to_plain(),
        }
        order, workplace = self.given.order, self.given.workplace
        path = checkpoints.write(workplace, self.state.step, order.key, content, self.config.runtime.keep_checkpoints)
        self.journal.write("checkpoint", step=self.state.step, file=path.name)

    def heads(self, examples: Examples, phase: str) -> Heads | None:
        """What the network that is kept says of all rows; at rank 0."""
        said = time.monotonic()

        def progress(done: int, everything: int) -> None:
            nonlocal said
            if time.monotonic() - said >= PAUSE:
                said = time.monotonic()
                self.telling.progress(phase, done=done, of=everything)

        network = self.learner.best.to(self.given.device)
        return self._judge.heads(network, examples.source, self._threads, progress)

    def judged(self, heads: Heads, examples: Examples) -> Judged:
        """Heads held against the truth."""
        return self.task.judge(self.task.predictions(heads, examples), examples)

    def note(self, text: str) -> None:
        """Say something in the journal."""
        if self.journal is not None:
            self.journal.write("note", text=text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.feed.close()
        self._reader.close()
        if self.journal is not None:
            self.journal.close()


def overall(evaluation: Evaluation) -> dict[str, float]:
    """The values that are defined."""
    return {name: one.value for name, one in evaluation.overall.items() if one.value is not None}
