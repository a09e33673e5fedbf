"""Asking a live model about pictures while models are exchanged below.

Pictures are prepared for the model that answers now. Where that one is exchanged for one with other inputs before they
are admitted, they are prepared again; where another one answered than was asked, its own contract reads the answer. So
an exchange loses no picture.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from slipway.serving.bundle.contract import Input
from slipway.serving.errors import WrongUse
from slipway.serving.runtime.live import Answer, Live, LoadedModel, NoModel, Overloaded
from slipway.serving.runtime.pictures import Array, Box, prepare
from slipway.serving.runtime.session import Arrays
from slipway.serving.runtime.source import Image

if TYPE_CHECKING:
    from concurrent.futures import Future

MILLISECONDS: Final = 1000
REMEMBERED: Final = 8
TRIES: Final = 3
PAUSE: Final = 0.02
"""Before something is asked again."""
Cut = tuple[Image, Box | None]
"""A picture, and the part of it that is asked about."""


@dataclass(frozen=True)
class Answered:
    """One picture's answer, and who gave it."""

    loaded: LoadedModel
    inputs: Arrays
    outputs: Arrays
    """Both with the picture's row alone."""
    latency_ms: float


@dataclass(frozen=True)
class Asked:
    """Pictures that were admitted together."""

    cuts: Sequence[Cut]
    inputs: Arrays
    futures: Sequence["Future[Answer]"]
    rows: Sequence[int]
    """How many of the pictures each future answers."""
    begun: float
    done: Mapping[int, float]
    """When each of them was answered."""


class Asker:
    """Asks one live model; used by any threads."""

    def __init__(self, live: Live, clock: Callable[[], float] = time.monotonic) -> None:
        self._live, self._clock = live, clock
        self._known: OrderedDict[str, LoadedModel] = OrderedDict()

    @property
    def loaded(self) -> LoadedModel | None:
        """What answers now."""
        loaded = self._live.loaded
        if loaded is not None:
            self._known[loaded.bundle] = loaded
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return loaded

    def ask(self, cuts: Sequence[Cut]) -> Asked:
        """Have pictures admitted, in as many requests as the model's batch asks for; as `Live.submit` refuses them."""
        for _ in range(TRIES):
            loaded = self.loaded
            if loaded is None:
                raise NoModel("No model answers here yet.")
            one = picture_input(loaded)
            inputs = {one.name: np.stack([prepare(image, one, box) for image, box in cuts])}
            begun = self._clock()
            try:
                rows = _parts(len(cuts), _most(loaded, one))
                futures = self._submitted(inputs, rows)
            except WrongUse:
                if self.loaded is loaded:
                    raise
                continue
            return Asked(cuts, inputs, futures, rows, begun, self._timed(futures))
        raise NoModel("Models were exchanged faster than a picture could be prepared.")

    def ask_until(self, cuts: Sequence[Cut]) -> Asked:
        """As `ask`, for what belongs to an admitted frame: it waits while the queue is full."""
        while True:
            with suppress(Overloaded):
                return self.ask(cuts)
            time.sleep(PAUSE)

    def answers(self, asked: Asked, seconds: float | None = None) -> list[Answered]:
        """Wait for the answers, a picture each."""
        found: list[Answered] = []
        for number, (future, count) in enumerate(zip(asked.futures, asked.rows, strict=True)):
            answer = future.result(seconds)
            loaded = self._who(answer)
            if loaded is None:  # two exchanges since it was asked, the first of them unseen
                return self.answers(self.ask_until(asked.cuts), seconds)
            latency = (asked.done.get(number, self._clock()) - asked.begun) * MILLISECONDS
            for row in range(count):
                inputs, outputs = _row(asked.inputs, len(found)), _row(answer.outputs, row)
                found.append(Answered(loaded, inputs, outputs, latency))
        return found

    def _timed(self, futures: Sequence["Future[Answer]"]) -> dict[int, float]:
        """When each was answered, as soon as it is."""
        done: dict[int, float] = {}

        def note(number: int, _: "Future[Answer]") -> None:
            done[number] = self._clock()

        for number, future in enumerate(futures):
            future.add_done_callback(partial(note, number))
        return done

    def _who(self, answer: Answer) -> LoadedModel | None:
        loaded = self.loaded
        if loaded is None or loaded.bundle != answer.bundle:
            loaded = self._known.get(answer.bundle)
        # The same bundle may have been released again in the meantime.
        return loaded and replace(loaded, release=answer.release, variant=answer.variant or loaded.variant)

    def _submitted(self, inputs: Arrays, rows: Sequence[int]) -> list["Future[Answer]"]:
        futures: list[Future[Answer]] = []
        begin = 0
        try:
            for count in rows:
                part = {name: array[begin : begin + count] for name, array in inputs.items()}
                futures.append(self._live.submit(part))
                begin += count
        except BaseException:
            for future in futures:
                future.cancel()
            raise
        return futures


def picture_input(loaded: LoadedModel) -> Input:
    """The one input of a model that looks at pictures."""
    if len(loaded.contract.inputs) != 1:
        names = ", ".join(one.name for one in loaded.contract.inputs)
        raise WrongUse(f"{loaded.model} takes the inputs {names}; streams have one picture to give.")
    return loaded.contract.inputs[0]


def _most(loaded: LoadedModel, one: Input) -> int:
    """Rows in one request."""
    first = one.dims[0]
    most = first if isinstance(first, int) else loaded.contract.dims[first].most
    return min(most, loaded.batch or most)


def _parts(count: int, most: int) -> list[int]:
    return [min(most, count - begin) for begin in range(0, count, most)]


def _row(arrays: Arrays, row: int) -> dict[str, Array]:
    return {name: array[row : row + 1] for name, array in arrays.items()}
