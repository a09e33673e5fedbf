"""What happens between steps: telling, validating, checkpoints, stopping. Lightning's callback.

A checkpoint is taken at the end of a step, but never between the last step of an epoch and the end of its validation:
so a state always says by its number of steps alone what has been done, and going on from it repeats nothing and leaves
nothing out. All ranks decide the same at the same step.
"""

import time
from typing import TYPE_CHECKING, Any, Protocol

from pytorch_lightning import Callback, LightningModule, Trainer
from torch import distributed

from slipway.training.config.schema import RuntimeConfig
from slipway.training.fitting.course import Course
from slipway.training.fitting.feed import Fed, Feed
from slipway.training.fitting.processes import Agreement
from slipway.training.fitting.state import State
from slipway.training.fitting.stopping import Request, Stopped
from slipway.training.fitting.telling import Telling

if TYPE_CHECKING:
    from slipway.training.fitting.learner import Learner


class Work(Protocol):
    """The training that a callback accompanies."""

    state: State
    course: Course
    feed: Feed
    telling: Telling

    def validate(self) -> None:
        """Judge the network on the validation split."""

    def checkpoint(self) -> None:
        """Keep all that the last step left behind."""


class Boundaries(Callback):
    """Counts steps and does what is due after them."""

    on_train_batch_start = None  # type: ignore[assignment]  # Lightning passes over what cannot be called

    def __init__(self, work: Work, runtime: RuntimeConfig, agreement: Agreement, request: Request) -> None:
        self._work, self._runtime, self._agreement, self._request = work, runtime, agreement, request
        self._mark = self._kept_at = time.monotonic()
        self._keep = self._stop = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002 - Lightning's
        self._mark = self._kept_at = time.monotonic()
        self._work.telling.begin()

    def on_train_batch_end(
        self,
        trainer: Trainer,  # noqa: ARG002 - the arguments are Lightning's
        pl_module: LightningModule,
        outputs: Any,  # noqa: ANN401, ARG002
        batch: Fed,  # noqa: ARG002
        batch_idx: int,  # noqa: ARG002
    ) -> None:
        learner: Learner = pl_module  # type: ignore[assignment]
        if learner.done is None:
            raise RuntimeError("a step ended that was never done")
        self._work.telling.put_aside(learner.done)
        self._work.state.step = learner.done.step + 1
        read = self._ask()
        self._keep |= self._is_kept(self._work.state.step)
        if self._work.course.ends_epoch(self._work.state.step):
            return
        if read:
            self._work.telling.read()
        self._boundary()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002 - Lightning's
        self._work.telling.read()
        if self._work.course.validates(self._work.state.step):
            self._work.validate()
        self._work.telling.begin()
        self._work.feed.step = self._work.state.step
        self._ask()
        self._keep |= self._work.state.step == self._work.course.total
        self._boundary()

    def _ask(self) -> bool:
        """Agree with the other ranks on what is due; whether it is time to read."""
        read, keep, stop = self._agreement.settle((self._work.telling.due, self._keeping_is_due, self._request.asked))
        self._keep |= keep
        self._stop |= stop
        return read

    @property
    def _keeping_is_due(self) -> bool:
        """By the clock, where no number of steps is asked for."""
        if self._runtime.checkpoint_steps:
            return False
        return time.monotonic() - self._kept_at >= self._runtime.checkpoint_seconds

    def _is_kept(self, step: int) -> bool:
        every = self._runtime.checkpoint_steps
        return bool(every) and step % every == 0

    def _boundary(self) -> None:
        """A checkpoint if one is due; after it the training may stop."""
        if not self._keep and not self._stop:
            return
        self._work.telling.read()
        now = time.monotonic()
        self._work.state.seconds += now - self._mark
        self._mark = self._kept_at = now
        self._work.checkpoint()
        self._keep = False
        if self._stop and self._work.state.step < self._work.course.total:
            self._agreement.end()
            if distributed.is_initialized():
                distributed.barrier()  # nobody ends before rank 0 has written
            raise Stopped
