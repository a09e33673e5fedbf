"""Requests that wait for a model, in their order, and which of them run together next."""

import time
from collections import deque
from concurrent.futures import Future

from slipway.serving.bundle.contract import Contract
from slipway.serving.runtime.batching import Batchable, form
from slipway.serving.runtime.figures import Figures
from slipway.serving.runtime.live import Answer, LoadedModel
from slipway.serving.runtime.session import Arrays


class Serving:
    """A model that answers, with what it has done; `lent` where its session goes on under another name."""

    __slots__ = ("batchable", "figures", "lent", "loaded", "since")

    def __init__(self, loaded: LoadedModel, batchable: Batchable) -> None:
        self.loaded, self.batchable = loaded, batchable
        self.since = time.monotonic()
        self.figures = Figures()
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
