"""Requests that wait for a model, in their order, and which of them run together next."""

import time
from collections import deque
from concurrent.futures import Future
from typing import Final

from slipway.serving.bundle.contract import Contract
from slipway.serving.runtime.batching import Batchable, form
from slipway.serving.runtime.figures import Figures
from slipway.serving.runtime.live import Answer, LoadedModel
from slipway.serving.runtime.session import Arrays

QUICK_S: Final = 0.005
"""A run may take so long in the thread of whoever asks: no longer than that thread could wait for another."""
STREAK: Final = 16
"""So many runs alike must have been quick, one after the other, before the next one is expected to be."""


class Pace:
    """Whether the next run will be quick, by those before it."""

    __slots__ = ("_size", "_streak")

    def __init__(self) -> None:
        self._size = -1
        self._streak = 0

    def quick(self, size: int) -> bool:
        """Whether a run of so many bytes is expected to be."""
        return self._streak >= STREAK and size == self._size

    def note(self, size: int, seconds: float) -> None:
        """What a run took."""
        self._streak = self._streak + 1 if size == self._size and seconds < QUICK_S else 0
        self._size = size


def size_of(inputs: Arrays) -> int:
    """Bytes that there are to run."""
    return sum(one.nbytes for one in inputs.values())


class Serving:
    """A model that answers, with what it has done; `lent` where its session goes on under another name."""

    __slots__ = ("batchable", "figures", "lent", "loaded", "pace", "since")

    def __init__(self, loaded: LoadedModel, batchable: Batchable) -> None:
        self.loaded, self.batchable = loaded, batchable
        self.since = time.monotonic()
        self.figures = Figures()
        self.pace = Pace()
        self.lent = False


class Request:
    """What waits; `under` will answer it."""

    __slots__ = ("admitted", "deadline", "future", "inputs", "under")

    def __init__(self, inputs: Arrays, under: Serving, deadline: float | None) -> None:
        self.inputs, self.under, self.deadline = inputs, under, deadline
        self.admitted = time.monotonic()
        self.future: Future[Answer] = Future()

    @property
    def rows(self) -> int:
        """What it takes of a batch."""
        return self.under.batchable.rows(self.inputs)

    def late(self, now: float) -> bool:
        """Whether nobody waits for its answer any more."""
        return self.deadline is not None and now > self.deadline


def take(waiting: deque[Request]) -> list[Request]:
    """The first, with those right behind it that can run together with it."""
    first = waiting.popleft()
    found = [first]
    if not waiting:
        return found
    rows, most, alike = first.rows, first.under.batchable.most, form(first.inputs)
    while waiting and waiting[0].under is first.under and form(waiting[0].inputs) == alike:
        rows += waiting[0].rows
        if rows > most:
            break
        found.append(waiting.popleft())
    return found


def take_the_same(one: Contract, other: Contract) -> bool:
    """Whether inputs that fit one contract fit the other as well."""
    varying = {dim for tensor in one.inputs for dim in tensor.dims if isinstance(dim, str)}
    return one.inputs == other.inputs and all(one.dims[dim] == other.dims[dim] for dim in varying)
