"""A model that answers while it is exchanged: one queue, one worker, batches of whatever has come.

No admitted request is lost and none is answered twice: those that a batch has begun with are answered by the session
that was there when it began, the others by the next one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from slipway.serving.bundle.contract import Contract
from slipway.serving.errors import SlipwayError
from slipway.serving.runtime.session import Arrays, Session

if TYPE_CHECKING:
    from concurrent.futures import Future


class Overloaded(SlipwayError):
    """The queue is full; nothing was admitted."""


class NoModel(SlipwayError):
    """There is no model that could answer yet, or none any more."""


class DeadlinePassed(SlipwayError):
    """The request was admitted, and nobody waited for its answer any more when its turn came."""


class Answering(NamedTuple):
    """Which release of a model answers, or did; without what runs it."""

    model: str
    release: int | None
    bundle: str


@dataclass(frozen=True)
class LoadedModel:
    """A session with what it runs."""

    model: str
    bundle: str
    """The bundle's digest."""
    release: int | None
    """Its number in the channel; None where it was loaded from a folder."""
    variant: str
    contract: Contract
    session: Session
    batch: int | None = None
    """Rows that the device class allows in one run of several requests; None where the contract alone says."""

    @property
    def answering(self) -> Answering:
        """Which release it is."""
        return Answering(self.model, self.release, self.bundle)


@dataclass(frozen=True)
class Answer:
    """The outputs of one request, and who gave them."""

    outputs: Mapping[str, npt.NDArray[np.generic]]
    bundle: str
    release: int | None
    variant: str = ""


class Live(Protocol):
    """What answers frames and requests; safe to use from several threads."""

    @property
    def loaded(self) -> LoadedModel | None:
        """What answers now."""

    def submit(self, inputs: Arrays, *, deadline: float | None = None) -> "Future[Answer]":
        """Admit a request, whose first dimension is the batch; `Overloaded`, `NoModel` or `WrongUse` before that.

        The arrays must stay as they are until the answer is there. `deadline` is a moment of `time.monotonic`: when the
        request's turn comes later, its answer is `DeadlinePassed`. A future that is cancelled before is not run either.
        What is called when a future is done runs where models do: it must be short.
        """

    def swap(self, loaded: LoadedModel | None) -> None:
        """From now on this one answers; the one before is closed once it has answered what it began."""

    def close(self, seconds: float | None = None) -> None:
        """Answer what was admitted, then end; what still waits after so many seconds is answered `NoModel`."""
