"""Batches in the order of a plan, read ahead by threads.

`iter_from(step)` gives the batches of that step and the ones after it, byte for byte those of a reader that began at 0.
At most `prefetch` batches exist besides the one that was handed out, and a batch is the consumer's own: no later one
overwrites it. When iteration ends, by itself, by an error in the source or by one in the consumer, no thread stays.

On a machine with a GPU batches lie in pinned memory, which torch recycles, so that `.to(..., non_blocking=True)` copies
beside the computing. Labels are the consumer's: `labels[batch.rows]`.
"""

import itertools
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self
from weakref import WeakSet

import numpy as np
import torch

from slipway.platform.errors import WrongUse
from slipway.platform.machine import cores
from slipway.training.reading.augment import Augmentation, sample_seeds
from slipway.training.reading.buffers import Buffers
from slipway.training.reading.philox import Integers, Words
from slipway.training.reading.pixels import Pixels, one_thread_each
from slipway.training.reading.plans import Plan, Share
from slipway.training.reading.source import Source

WINDOW: Final = 32
THREAD_NAME: Final = "slipway-reading"


@dataclass(frozen=True)
class Batch:
    """What one process trains on in one step."""

    step: int
    rows: torch.Tensor
    """Rows of the source's view, int64."""
    images: torch.Tensor
    """uint8 of (N, 3, height, width), channels last in memory."""


@dataclass(frozen=True)
class _Started:
    """A batch whose pieces are being read."""

    batch: Batch
    pieces: list[Future[None]]

    def wait(self) -> Batch:
        for piece in self.pieces:
            piece.result()
        return self.batch


class Reader:
    """Reads a source by a plan; also a context manager that ends what is still being read."""

    def __init__(
        self,
        source: Source,
        plan: Plan,
        *,
        share: Share = Share(),  # noqa: B008 - frozen
        augmentation: Augmentation | None = None,
        threads: int | None = None,
        prefetch: int = 3,
        pin: bool | None = None,
    ) -> None:
        share.check(plan)
        if plan.count != source.count:
            raise WrongUse(f"The plan orders {plan.count} rows, the source has {source.count}.")
        if prefetch < 1 or (threads is not None and threads < 1):
            raise WrongUse("A reader needs at least one thread and one batch ahead.")
        self._source, self._plan, self._share = source, plan, share
        self._augmentation = augmentation
        self._size = augmentation.size(source.size) if augmentation else source.size
        self._threads = threads or cores().threads
        self._prefetch = prefetch
        self._buffers = Buffers(prefetch, pin=torch.cuda.is_available() if pin is None else pin)
        self._open: WeakSet[Generator[Batch, None, None]] = WeakSet()

    def __iter__(self) -> Iterator[Batch]:
        """The first epoch."""
        return self.iter_from(0, self._plan.epoch_steps)

    def iter_from(self, step: int, until: int | None = None) -> Iterator[Batch]:
        """The batches of `step` and the following ones, up to and without `until`, or without end."""
        batches = self._batches(step, until)
        self._open.add(batches)
        return batches

    def close(self) -> None:
        """End every iteration that is under way, with its threads."""
        for batches in list(self._open):
            batches.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _batches(self, step: int, until: int | None) -> Generator[Batch, None, None]:
        one_thread_each()
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix=THREAD_NAME)
        started: deque[_Started] = deque()
        try:
            for number, rows in _orders(self._plan, step, until):
                started.append(self._start(pool, number, rows))
                if len(started) == self._prefetch:
                    yield started.popleft().wait()
            while started:
                yield started.popleft().wait()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _start(self, pool: ThreadPoolExecutor, step: int, batch: Integers) -> _Started:
        """Take memory for a batch and let threads fill it piece by piece."""
        rows, places = self._share.of(batch)
        images = self._buffers.tensor((len(rows), *self._size, 3))
        target: Pixels = images.numpy()
        changes = self._augmentation
        seeds = None if changes is None else sample_seeds(changes.seed, step, rows, places)
        length = max(self._source.grain, -(-len(rows) // self._threads))
        pieces = [slice(begin, begin + length) for begin in range(0, len(rows), length)]
        futures = [
            pool.submit(self._read, rows[piece], None if seeds is None else seeds[piece], target[piece])
            for piece in pieces
        ]
        return _Started(Batch(step, torch.from_numpy(rows), images.permute(0, 3, 1, 2)), futures)

    def _read(self, rows: Integers, seeds: Words | None, out: Pixels) -> None:
        if self._augmentation is None or seeds is None:
            self._source.read(rows, out)
            return
        pixels = np.empty((len(rows), *self._source.size, 3), np.uint8)
        self._source.read(rows, pixels)
        self._augmentation.apply(pixels, seeds, out)


def _orders(plan: Plan, step: int, until: int | None) -> Iterator[tuple[int, Integers]]:
    """Steps with their batches, asked from the plan several at once because that is cheaper."""
    steps = itertools.count(step) if until is None else range(step, until)
    numbers = iter(steps)
    while window := list(itertools.islice(numbers, WINDOW)):
        yield from zip(window, plan.at(np.array(window)), strict=True)
