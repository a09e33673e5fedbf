"""The batch of any step, ready for the network: pixels, truth, changed at random, with a checksum.

A batch is a function of the step alone. `Feed` begins wherever the training stands and ends with the epoch, so to
Lightning it is an iterable like any other, and one that was never interrupted. Batches are prepared ahead, each by a
thread of its own, because what a model changes at random takes far longer than reading; they are given in order.
"""

from collections import deque
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from slipway.training.fitting.ahead import THREAD_NAME, ahead
from slipway.training.fitting.course import Course
from slipway.training.fitting.trail import images_sum
from slipway.training.reading.augment import sample_seeds
from slipway.training.reading.plans import Plan, Share
from slipway.training.reading.reader import Batch, Reader
from slipway.training.task import Examples, Task

AHEAD: Final = 2
"""Batches that wait to be used."""


@dataclass(frozen=True)
class Fed:
    """What one process computes in one step."""

    step: int
    images: Tensor
    truth: Mapping[str, Tensor]
    checksum: int
    """Of the images of this process; those of all processes are added."""

    def to(self, device: torch.device) -> "Fed":
        """The same where the network is."""
        if device.type == "cpu":
            return self
        truth = {name: column.to(device, non_blocking=True) for name, column in self.truth.items()}
        return Fed(self.step, self.images.to(device, non_blocking=True), truth, self.checksum)


class Feed:
    """Iterating gives the batches from `step` to the end of its epoch."""

    def __init__(
        self, task: Task[Any], examples: Examples, reader: Reader, plan: Plan, share: Share, course: Course,
        makers: int = 1,
    ) -> None:  # fmt: skip
        self._task, self._examples, self._reader, self._plan = task, examples, reader, plan
        self._share, self._course, self._makers = share, course, makers
        self._augments = type(task).augment is not Task.augment
        self._pins = torch.cuda.is_available()
        self._last: Generator[Fed, None, None] | None = None
        self.step = 0
        """Where the next iteration begins."""
        self.failed: tuple[int, BaseException] | None = None
        """The step whose batch could not be had, and why."""

    def __iter__(self) -> Iterator[Fed]:
        self.close()
        self._last = ahead(self._batches(self.step, self._course.end(self.step)), AHEAD)
        return self._last

    def close(self) -> None:
        """End the iteration that is under way, with its thread."""
        if self._last is not None:
            self._last.close()
            self._last = None

    def rows(self, step: int) -> list[int]:
        """The rows of all processes in a step."""
        return [int(row) for row in self._plan.at(np.array([step]))[0]]

    def samples(self, step: int) -> tuple[str, ...]:
        """The samples of all processes in a step."""
        column = self._examples.rows["sample"]
        return tuple(str(column[row].as_py()) for row in self.rows(step))

    def _batches(self, begin: int, end: int) -> Generator[Fed, None, None]:
        batches = self._reader.iter_from(begin, end)
        pool = ThreadPoolExecutor(self._makers, thread_name_prefix=THREAD_NAME)
        making: deque[Future[Fed]] = deque()
        try:
            for step in range(begin, end):
                while len(making) < min(self._makers, end - step):
                    making.append(self._begun(pool, batches))
                try:
                    fed = making.popleft().result()
                except BaseException as error:
                    self.failed = step, error
                    raise
                yield fed
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _begun(self, pool: ThreadPoolExecutor, batches: Iterator[Batch]) -> Future[Fed]:
        """The next batch, or what goes wrong with it, for when it is asked for."""
        try:
            return pool.submit(self._fed, next(batches))
        except Exception as error:  # noqa: BLE001 - raised where the batch is asked for
            failed: Future[Fed] = Future()
            failed.set_exception(error)
            return failed

    def _fed(self, batch: Batch) -> Fed:
        rows, images = batch.rows, batch.images
        truth: Mapping[str, Tensor] = {name: column[rows] for name, column in self._examples.truth.items()}
        if self._augments:
            places = np.arange(len(rows)) + self._share.rank * len(rows)
            seeds = sample_seeds(self._task.config.seed, batch.step, rows.numpy(), places)
            images, truth = self._task.augment(images, truth, seeds)
        images = self._laid_out(images)
        checksum = images_sum(images, self._share.rank * len(rows))
        if self._pins:
            images = images if images.is_pinned() else images.pin_memory()
            truth = {name: column.pin_memory() for name, column in truth.items()}
        return Fed(batch.step, images, truth, checksum)

    def _laid_out(self, images: Tensor) -> Tensor:
        last = self._task.config.trainer.channels_last
        return images.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)
