"""One request to a model: its inputs are read, the model is asked, its answer goes back; or a deadline comes first."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from slipway.serving.edge.serve.mailbox import Mailbox
from slipway.serving.edge.serve.models import Working
from slipway.serving.edge.serve.payloads import OCTETS, Intake, response, wanted
from slipway.serving.edge.serve.refusals import Refused, explained
from slipway.serving.edge.serve.response import Response, refused
from slipway.serving.errors import WrongUse
from slipway.serving.runtime.live import Answer
from slipway.serving.runtime.session import Arrays

DEADLINE: Final = "X-Deadline-Ms"
LONGEST_MS: Final = 60_000
_DIGITS: Final = 5


@dataclass(frozen=True)
class Means:
    """What requests are worked on with."""

    loop: asyncio.AbstractEventLoop
    mailbox: Mailbox
    helpers: Executor
    """Threads for what would hold up the server's own: pictures, files of arrays, JSON."""
    deadline_s: float
    """Of a request that names none."""


class Inference:
    """One of them."""

    def __init__(self, means: Means, live: Working, intake: Intake, headers: Mapping[str, str]) -> None:
        self._means, self._live, self._intake, self._headers = means, live, intake, headers
        self._done: Callable[[Response], None] | None = None
        self._kind = intake.kind(headers)
        self._as = wanted(headers.get("accept"), len(intake.loaded.contract.outputs))
        self._due = means.loop.time() + deadline(headers, means.deadline_s)
        self._future: Future[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def most(self) -> int:
        """Bytes of body."""
        return self._intake.most(self._kind)

    def answer(self, body: npt.NDArray[np.uint8], done: Callable[[Response], None], *, alone: bool) -> None:
        """Ask; the answer comes later, or at once where this caller is alone and the model quick."""
        self._done = done
        try:
            if self._kind == OCTETS:
                self._ask(self._intake.tensor(self._headers, body), alone=alone)
            else:
                self._help(self._ask, self._intake.read, self._kind, self._headers, body)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller is told
            self._fail(error)
            return
        if self._done is not None:
            self._timer = self._means.loop.call_at(self._due, self._late)

    def abandon(self) -> None:
        """Nobody waits any more."""
        self._done = None
        if self._timer is not None:
            self._timer.cancel()
        if self._future is not None and not self._future.done():
            self._future.cancel()

    def _ask(self, inputs: Arrays, *, alone: bool = False) -> None:
        answer = self._live.answer_here(inputs, deadline=self._due) if alone else None
        if answer is None:
            self._wait(self._live.submit(inputs, deadline=self._due), self._tell)
        else:
            self._tell(answer)

    def _tell(self, answer: Answer) -> None:
        if self._as == OCTETS:
            self._finish(response(answer, self._intake, OCTETS))
        else:
            self._help(self._finish, response, answer, self._intake, self._as)

    def _help(self, then: Callable[[Any], None], work: Callable[..., Any], *arguments: Any) -> None:  # noqa: ANN401
        """Have another thread do the work."""
        self._wait(self._means.helpers.submit(work, *arguments), then)

    def _wait(self, future: "Future[Any]", then: Callable[[Any], None]) -> None:
        self._future = future
        future.add_done_callback(lambda ended: self._means.mailbox.post(self._go_on, ended, then))

    def _go_on(self, ended: "Future[Any]", then: Callable[[Any], None]) -> None:
        if self._done is None or ended.cancelled():
            return
        try:
            then(ended.result())
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)

    def _late(self) -> None:
        self._fail(
            Refused(
                504, "The deadline passed before the answer was there.", mend=f"Ask again, or say a longer {DEADLINE}."
            )
        )

    def _fail(self, error: Exception) -> None:
        found = explained(error)
        found.model = self._intake.name
        if isinstance(error, WrongUse):
            found.more = {"contract": self._intake.loaded.contract.model_dump(mode="json")}
        self._finish(refused(found))

    def _finish(self, told: Response) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(told)
        self.abandon()


def deadline(headers: Mapping[str, str], usual: float) -> float:
    """Seconds that the caller waits for an answer."""
    said = headers.get("x-deadline-ms")
    if said is None:
        return usual
    if not (said.isascii() and said.isdigit() and len(said) <= _DIGITS and 0 < int(said) <= LONGEST_MS):
        raise Refused(
            400,
            f"{DEADLINE} is {said[:40]!r}; expected milliseconds from 1 to {LONGEST_MS:,}.",
            mend=f"Send such a number, or leave the header out: then it is {usual:g} s.",
        )
    return int(said) / 1000
