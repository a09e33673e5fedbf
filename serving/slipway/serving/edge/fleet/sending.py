"""Sending reports to the fleet service, in a thread of its own: nothing that the service does holds up anything else.

What is in the spool is forgotten only when the service says that it has it; when that answer is lost, the same records
go again, by the same names. A change of a model is told within seconds, else a heartbeat goes when the service said.
While the service cannot be reached, the waits grow; where it says that this device is revoked, it is asked seldom. A
service that takes heartbeats and refuses the records hears of records seldom, and of the device as before.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from slipway.serving.channel.limits import MOST
from slipway.serving.edge.agent.ports import Clock, Meter
from slipway.serving.edge.configuration import Polling
from slipway.serving.edge.fleet.book import Book, Trouble
from slipway.serving.edge.fleet.calling import HEADERS, Answer, NotReached, Service
from slipway.serving.edge.fleet.joining import CONFLICT, OK, read_answer, refusal
from slipway.serving.edge.fleet.signing import header
from slipway.serving.edge.fleet.telling import Standings, records_of
from slipway.serving.edge.fleet.wire import Received, reports_path
from slipway.serving.edge.polling import next_wait
from slipway.serving.edge.telemetry.spool import Batch

log = logging.getLogger(__name__)

AGAIN_S: Final = 60.0
"""Until the service says otherwise."""
SPREAD: Final = 0.2
LONGEST_S: Final = 900.0
"""Of the waits while the service is not reached."""
BACKLOG_S: Final = 5.0
"""Between two reports while there is more to tell."""
GAP_S: Final = 2.0
"""Between two reports at least, whatever changes."""
SELDOM_S: Final = 6 * 3600.0
"""Between two tries where the service refuses this device, or its records."""
LARGEST_BATCH: Final = 124 * 1024
"""Bytes of the spool in a report. Each record counts as 128 at least, so there are never more than a report takes."""
REVOKED: Final = frozenset({401, 403, 404, 410})
UNFIT: Final = frozenset({400, 413, 415, 422})
JOIN_S: Final = 2.0
"""In which a request that is under way may end when the device stops; else it ends with the process."""


class Keeping(Protocol):
    """The spool, as it is emptied; `telemetry.collecting.Collector`, from any thread."""

    def batch(self, largest: int) -> Batch | None:
        """The oldest records; the same again until they are confirmed."""

    def confirm(self, batch: Batch) -> None:
        """The service has these."""

    def waiting(self) -> int:
        """Bytes that wait to be told."""


@dataclass
class _Pace:
    """When to send next, and what."""

    again_s: float = AGAIN_S
    failures: int = 0
    next_at: float = 0.0
    records_at: float = 0.0
    """Not before then do records go; refused ones wait."""
    hurry: bool = True
    """Whether a change may go before it is time."""


class Sender:
    """Of one device."""

    def __init__(
        self,
        service: Service,
        book: Book,
        standings: Standings,
        keeping: Keeping,
        *,
        device: str,
        sign: Callable[[bytes], bytes],
        clock: Clock,
        meter: Meter,
        draw: Callable[[], float],
    ) -> None:
        self._service, self._book, self._standings, self._keeping = service, book, standings, keeping
        self._device, self._sign, self._clock, self._meter, self._draw = device, sign, clock, meter, draw
        self._pace = _Pace()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.run, name="reports", daemon=True)

    def begin(self) -> None:
        """Send until `end`."""
        self._thread.start()

    def end(self) -> None:
        """Send no more; a request that is under way is not waited for long."""
        self._stop.set()
        self._standings.changed.set()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)

    def run(self) -> None:
        """Reports, one after another, until somebody asks to stop."""
        while not self._stop.is_set():
            try:
                wait = self.step()
            except Exception:
                log.exception("Reporting failed; it goes on in %d s.", LONGEST_S)
                wait = LONGEST_S
                self._pace.next_at, self._pace.hurry = self._clock.monotonic() + wait, False
            (self._standings.changed if self._pace.hurry else self._stop).wait(wait)
            self._stop.wait(GAP_S)

    def step(self) -> float:
        """A report where it is time for one; the seconds until the next."""
        now = self._clock.monotonic()
        urgent = self._pace.hurry and self._standings.changed.is_set()
        if now < self._pace.next_at and not urgent:
            return self._pace.next_at - now
        self._standings.changed.clear()
        wait = self.send()
        self._pace.next_at = self._clock.monotonic() + wait
        return wait

    def send(self) -> float:
        """One report; the seconds until the next is due."""
        batch = self._keeping.batch(LARGEST_BATCH) if self._clock.monotonic() >= self._pace.records_at else None
        body = self._body(batch)
        if batch is not None and not self._affordable(len(body)):
            batch, body = None, self._body(None)
        if not self._affordable(len(body)):
            self._pace.hurry = False
            return min(self._meter.renewed_in(), LONGEST_S)
        try:
            answer = self._post(body)
        except NotReached as error:
            return self._failed("unreached", str(error))
        return self._heard(answer, batch)

    def _heard(self, answer: Answer, batch: Batch | None) -> float:
        if answer.status == OK:
            try:
                received = read_answer(Received, self._service, answer)
            except NotReached as error:
                return self._failed("unreached", str(error))
            return self._taken(received, batch)
        why = refusal(self._service, answer)
        if answer.status in REVOKED:
            self._book.failed(self._trouble("revoked", why))
            log.warning("The fleet service refuses this device: %s", why)
            self._pace.hurry = False
            return SELDOM_S * (1 - self._draw() / 2)
        if answer.status in UNFIT and batch is not None:
            log.warning("The fleet service refuses records: %s They are kept, and go again later.", why)
            self._pace.records_at = self._clock.monotonic() + SELDOM_S
            self._book.failed(self._trouble("refused", why))
            return GAP_S
        return self._failed("refused", why)

    def _taken(self, received: Received, batch: Batch | None) -> float:
        if batch is not None:
            self._keeping.confirm(batch)
        if self._pace.failures:
            log.info("The fleet service is reached again.")
        if self._clock.monotonic() >= self._pace.records_at:
            self._book.reached()
        self._pace.failures, self._pace.hurry, self._pace.again_s = 0, True, received.again_s
        more = batch is not None and self._keeping.waiting() > LARGEST_BATCH
        every = min(BACKLOG_S, received.again_s) if more else received.again_s
        return every * (1 + SPREAD * (2 * self._draw() - 1))

    def _failed(self, kind: str, why: str) -> float:
        """Wait longer each time; what changes meanwhile goes with the next try."""
        trouble = self._trouble(kind, why)
        if not self._pace.failures:
            log.warning("%s Reports are kept here meanwhile.", why)
        self._book.failed(trouble)
        self._pace.failures, self._pace.hurry = self._pace.failures + 1, False
        every = min(max(self._pace.again_s, 5.0), LONGEST_S)
        return next_wait(Polling(every_s=every, longest_s=LONGEST_S), self._pace.failures, self._draw())

    def _trouble(self, kind: str, why: str) -> Trouble:
        return Trouble.model_validate({"kind": kind, "since": self._clock.now(), "why": why[:600]})

    def _body(self, batch: Batch | None) -> bytes:
        records = () if batch is None else records_of(batch)
        return self._standings.report(records, min(self._keeping.waiting(), MOST)).model_dump_json().encode()

    def _affordable(self, size: int) -> bool:
        left = self._meter.left()
        return left is None or left >= size + HEADERS

    def _post(self, body: bytes) -> Answer:
        """Say it under a number that was never used; once more where the service knows of a higher one."""
        path = reports_path(self._device)
        answer = self._post_as(self._book.next(), path, body)
        said = answer.said if answer.status == CONFLICT else None
        if said is not None and said.sequence is not None and self._book.highest() <= said.sequence < MOST:
            self._book.used(said.sequence)
            answer = self._post_as(self._book.next(), path, body)
        return answer

    def _post_as(self, sequence: int, path: str, body: bytes) -> Answer:
        authorization = header("POST", path, self._device, sequence, body, self._sign)
        self._stop.wait(min(self._meter.take(len(body) + HEADERS), LONGEST_S))
        answer = self._service.post(path, body, authorization)
        self._meter.take(len(answer.body))
        return answer
