"""One thread that writes, and shares each commit among all that wait for one.

Whoever gives work gets a future, which is done when the work is in the database for good. Work that is refused leaves
nothing. Where the database itself fails in the middle of a shared commit, or work that nothing guards breaks, each
work is done once more in a commit of its own, so that none falls with another. Where the database takes nothing at all,
as when another process holds it, all that wait are told at once: tried one by one, each would wait as long again.
"""

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from slipway.platform.errors import SlipwayError

log = logging.getLogger(__name__)

Work = Callable[[Connection], Any]
MOST_SHARED: Final = 512
"""Works of one commit."""
MOST_WAITING: Final = 20_000


class StoreClosed(SlipwayError):
    """Nothing is written any more, or too much waits."""


class _Job:
    """Work that waits, and whom to tell."""

    __slots__ = ("error", "future", "guarded", "result", "work")

    def __init__(self, work: Work, *, guarded: bool) -> None:
        self.work, self.guarded = work, guarded
        self.future: Future[Any] = Future()
        self.result: Any = None
        self.error: Exception | None = None

    def run(self, connection: Connection) -> None:
        """Do it; a refusal is its result."""
        self.result = self.error = None
        try:
            with connection.begin_nested() if self.guarded else nullcontext():
                self.result = self.work(connection)
        except SQLAlchemyError:
            raise
        except SlipwayError as error:
            self.error = error
        except Exception as error:
            if not self.guarded:  # it may have written a part: nothing of this commit stays
                raise
            self.error = error

    def tell(self, failed: Exception | None) -> None:
        """It is committed, was refused, or failed."""
        error = failed or self.error
        with suppress(InvalidStateError):  # whoever waited may have gone
            if error is not None:
                self.future.set_exception(error)
            else:
                self.future.set_result(self.result)


@dataclass(frozen=True)
class _Failed:
    """A commit that was not made."""

    cause: Exception
    begun: bool
    """Whether the database had taken the first word of it."""


class Writer:
    """The only one who writes; `failed` is called when a commit was not made."""

    def __init__(self, engine: Engine, failed: Callable[[], None]) -> None:
        self._engine, self._failed = engine, failed
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self.commits = 0
        """So far."""
        self.works = 0
        """Done so far."""
        self._thread = threading.Thread(target=self._run, name="fleet-writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How much is to be written."""
        return self._jobs.qsize()

    def submit(self, work: Work, *, guarded: bool = True) -> "Future[Any]":
        """Have it done with the next commit; work that refuses only before it writes needs no guard."""
        job = _Job(work, guarded=guarded)
        if self._closed or self.waiting >= MOST_WAITING:
            raise StoreClosed("The fleet store takes nothing more now.", mend="Try again in a minute.")
        self._jobs.put(job)
        return job.future

    def do(self, work: Work) -> Any:  # noqa: ANN401 - the work's own result
        """Have it done, and wait."""
        return self.submit(work).result()

    def close(self) -> None:
        """Write what waits, then nothing more."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
            self._thread.join()

    def _run(self) -> None:
        while (first := self._jobs.get()) is not None:
            jobs, last = self._taken(first)
            self._commit(jobs)
            if last:
                return

    def _taken(self, first: _Job) -> tuple[list[_Job], bool]:
        """All that waits by now, and whether it is the last."""
        jobs = [first]
        while len(jobs) < MOST_SHARED:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return jobs, True
            jobs.append(job)
        return jobs, False

    def _commit(self, jobs: list[_Job]) -> None:
        error = self._together(jobs)
        if error is not None and error.begun and len(jobs) > 1:
            why = getattr(error.cause, "orig", None) or error.cause
            log.warning("A commit of %d failed and each is done alone: %s", len(jobs), why)
            self._alone(jobs)
            return
        for job in jobs:
            job.tell(None if error is None else error.cause)

    def _alone(self, jobs: list[_Job]) -> None:
        error: _Failed | None = None
        for job in jobs:
            if error is None or error.begun:
                error = self._together([job])
            job.tell(None if error is None else error.cause)

    def _together(self, jobs: list[_Job]) -> "_Failed | None":
        begun = False
        try:
            with self._engine.begin() as connection:
                begun = True
                for job in jobs:
                    job.run(connection)
        except Exception as error:  # noqa: BLE001 - the writer goes on, whoever waits gets it
            self._failed()
            return _Failed(error, begun)
        self.commits += 1
        self.works += len(jobs)
        return None
