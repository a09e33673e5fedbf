"""A simulated device's telemetry: the real windows, the real spool, and the real sending over a line that fails.

A process that ends by itself takes with it what was not written; one that is asked to end writes it first.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from slipway.serving.bundle.canonical import sha256
from slipway.serving.edge.agent.metering import UNLIMITED
from slipway.serving.edge.agent.ports import Clock
from slipway.serving.edge.configuration import Enrolment, Home
from slipway.serving.edge.fleet.book import FILE as BOOK
from slipway.serving.edge.fleet.book import Book
from slipway.serving.edge.fleet.calling import Answer, NotReached, Service
from slipway.serving.edge.fleet.joining import join, public_of, signer_of, signing_with
from slipway.serving.edge.fleet.sending import Sender
from slipway.serving.edge.fleet.telling import Standings
from slipway.serving.edge.fleet.wire import ENROL
from slipway.serving.edge.following import Step
from slipway.serving.edge.telemetry.collecting import Collector, Working
from slipway.serving.edge.telemetry.looking import Looking
from slipway.serving.edge.telemetry.spool import LIMIT
from slipway.serving.edge.telemetry.telling import FILE as SPOOL
from slipway.serving.edge.telemetry.telling import DeviceTelemetry
from slipway.serving.fleet.simulation.service import SimulatedService
from slipway.serving.fleet.simulation.truth import SimulatedSpool, Truth

ADDRESS: Final = "http://127.0.0.1:1"
"""Nobody is there; requests go another way."""
FAULTS: Final = 6
"""Four of which are none."""


@dataclass
class Line(Service):
    """A device's way to the fleet service."""

    to: SimulatedService
    chance: random.Random
    offline: Callable[[], bool] = lambda: False
    fails: bool = False
    """Requests and answers get lost, or end at any byte."""
    broken: bool = False
    replays: bool = False
    """Somebody says again and again what was overheard once."""
    overheard: tuple[str, bytes, str] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        super().__init__(ADDRESS)

    def heal(self) -> None:
        """All is well again."""
        self.fails = self.broken = False

    def post(self, path: str, body: bytes, authorization: str) -> Answer:
        if self.broken or self.offline() or self.to.down:
            raise NotReached("There is no network.")
        fault = self.chance.randrange(FAULTS) if self.fails else FAULTS
        if fault == 0:
            self.to.cut(path, body[: self.chance.randrange(len(body) + 1)], authorization)
            raise NotReached("The line broke.")
        answer = self.to.post(path, body, authorization)
        if path != ENROL:
            self.overheard = self.overheard or (path, body, authorization)
        if self.replays and self.overheard:
            self.to.post(*self.overheard)
        if fault == 1:
            return Answer(answer.status, answer.body[: self.chance.randrange(len(answer.body))])
        return answer


class Reports:
    """Of one device, across starts of its process."""

    def __init__(self, home: Home, clock: Clock, line: Line, truth: Truth, full: Callable[[], bool]) -> None:
        """`full` says whether its disk is."""
        self._home, self._clock, self.line = home, clock, line
        self.truth, self._full = truth, full
        self.limit = LIMIT
        self.enrolled = False
        self._enrolment: Enrolment | None = None
        self._spool: SimulatedSpool | None = None
        self._ended = True

    def enrol(self, enrolment: Callable[[str], Enrolment], token: str | None) -> None:
        """Become a device of the fleet; without a token it is one that the service does not know."""
        signer = signer_of(self._home, make=True)
        self._enrolment = enrolment(public_of(signer))
        if token is None:
            return
        who = self._enrolment
        joined = join(self.line, signer, token, who.id, who.device_class)
        Book(self._home).used(joined.sequence)
        self.enrolled = sha256(joined.enrolled.root) == who.root

    def begin(self, working: Working) -> None:
        """A new process."""
        if self._enrolment is None:
            return
        self.die()
        self._ended = False
        self._collector = Collector(self._opened, now=self._clock.now)
        self._telemetry = DeviceTelemetry(self._collector, self._clock, window_s=self._enrolment.window_s)
        self._standings = Standings(self._enrolment, self._clock, {}, self._telemetry)
        (model,) = self._enrolment.models
        self._collector.follow(model, working, Looking())
        self._sender = Sender(
            self.line,
            Book(self._home),
            self._standings,
            self._collector,
            device=self._enrolment.id,
            sign=signing_with(signer_of(self._home, make=False)),
            clock=self._clock,
            meter=UNLIMITED,
            draw=self.line.chance.random,
        )

    def step(self, step: Step) -> str | None:
        """The agent did something; what a window that ended with it told otherwise than it was."""
        if self._ended:
            return None
        self.truth.asked = self.truth.behind = False
        self._telemetry.step(step)
        self._standings.step(step)
        return self.truth.unwritten() if self.truth.asked and not self.truth.behind else None

    def send(self) -> None:
        """A report, where it is time for one."""
        if not self._ended:
            self._sender.step()

    def flush(self) -> None:
        """A window ends now."""
        if not self._ended:
            self._collector.flush()

    def left(self) -> int:
        """Bytes that are to be told."""
        return 0 if self._ended or not self.enrolled else self._collector.waiting()

    def forget(self) -> None:
        """It does not know any more how far its numbers are; its process starts anew by the caller."""
        (self._home.folder / BOOK).unlink(missing_ok=True)

    def close(self) -> None:
        """The process was asked to end: what it knows is written."""
        if not self._ended:
            self._collector.close()
            self._spool = None

    def die(self) -> None:
        """The process ended by itself."""
        if self._spool is not None:
            self._spool.close()
            self._spool = None
        self._ended = True
        self.truth.end_process()

    def _opened(self) -> SimulatedSpool:
        self._spool = SimulatedSpool(self._home.folder / SPOOL, self.truth, limit=self.limit, full=self._full)
        return self._spool
