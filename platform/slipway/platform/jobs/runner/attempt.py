"""The runner: holds an attempt, feeds a child process, and records what became of it.

It is the same here, in a launcher's process and as the main of a job: `run_attempt` is given the work, an attempt that
the caller owns, and the store. Order of events

1. the workplace: code and data fetched and verified, the best checkpoint of earlier attempts, the order
2. the child; then signs of life, uploads of log and checkpoints, metrics to MLflow, each in a thread of its own
3. at the child's end: what is left is uploaded, the result is bound, MLflow hears of it, the outcome is recorded

A kill between any two steps leaves what the next attempt goes on from. The store and MLflow may be away: they are tried
again. A request to stop goes to the child as SIGTERM, a second one as SIGKILL.
"""

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway.platform.errors import SlipwayError
from slipway.platform.jobs.runner.beating import Beating
from slipway.platform.jobs.runner.carrier import Carrier
from slipway.platform.jobs.runner.child import Ahead, Child
from slipway.platform.jobs.runner.concluding import Conclusion, Ran
from slipway.platform.jobs.runner.ending import Ended
from slipway.platform.jobs.runner.environment import child_environment
from slipway.platform.jobs.runner.following import Following
from slipway.platform.jobs.runner.preparing import prepare
from slipway.platform.jobs.runner.stopping import Stop, listening
from slipway.platform.jobs.spec import JobSpec
from slipway.platform.jobs.watching import SILENT, Careful, Watcher
from slipway.platform.runs.attempts import Attempt
from slipway.platform.runs.errors import Silent
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.records import Outcome, State
from slipway.platform.runs.workplace import Workplace
from slipway.platform.store import Store

if TYPE_CHECKING:
    from slipway.platform.runs.tracking.shipping import Shipper
    from slipway.platform.runs.tracking.tracker import Tracker
    from slipway.platform.settings import Settings

TICK: Final = 0.1
PATIENCE: Final = 600.0
TRACKING_PATIENCE: Final = 20.0


@dataclass(frozen=True)
class Surroundings:
    """What a runner uses."""

    store: Store
    settings: "Settings"
    open_tracker: "Callable[[], Tracker] | None" = None
    """None: MLflow hears nothing."""
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    patience: float = PATIENCE
    """Seconds for which a store that is away is waited for at the end."""
    tracking_patience: float = TRACKING_PATIENCE


def workplace_of(place: str, number: int) -> Workplace:
    """The folder of an attempt below the place that its claimant named."""
    return Workplace(Path(place) / str(number))


def run_attempt(
    job: JobSpec,
    attempt: Attempt,
    surroundings: Surroundings,
    watcher: Watcher = SILENT,
    ahead: Ahead | None = None,
) -> Ran:
    """Execute the attempt to its end, whatever that is; the attempt is closed then."""
    try:
        with attempt, listening() as stop:
            return _Run(job, attempt, surroundings, watcher, stop).execute(ahead)
    finally:
        if ahead is not None:
            ahead.dismiss()


class _Run:
    """One execution."""

    def __init__(
        self, job: JobSpec, attempt: Attempt, surroundings: Surroundings, watcher: Watcher, stop: Stop
    ) -> None:
        self._job, self._attempt, self._with, self._stop = job, attempt, surroundings, stop
        self._watcher = Careful(watcher)
        self._workplace = workplace_of(attempt.place.workplace, attempt.number)
        self._following = Following(self._workplace.journal)
        self._beating = Beating(attempt, self._following, stop)
        self._shipper: Shipper | None = None
        self._began = time.monotonic()

    def execute(self, ahead: Ahead | None) -> Ran:
        """From the workplace to the outcome."""
        try:
            self._beating.start()
            self._prepare()
            self._stop.phase = "running"
        except (KeyboardInterrupt, SlipwayError, OSError) as error:
            return self._never_began(error)
        except BaseException:
            self._beating.end()
            raise
        child = self._start(ahead)
        try:
            ran = self._follow(child)
        finally:
            self._beating.end()
            child.kill()
            child.wait()
        if ran.complete:
            shutil.rmtree(self._workplace.folder, ignore_errors=True)
        return ran

    def _prepare(self) -> None:
        """Make the workplace; those of attempts before this one are of no use to anybody."""
        shutil.rmtree(self._workplace.folder.parent, ignore_errors=True)
        self._workplace.checkpoints.mkdir(parents=True)
        store, settings = self._with.store, self._with.settings
        prepare(self._job, self._attempt.number, self._workplace, store, settings, self._watcher.note)

    def _start(self, ahead: Ahead | None) -> Child:
        environ = child_environment(self._with.environ, threads=self._job.threads)
        folder, module, lock = self._workplace.folder, self._job.module, self._attempt.descriptor
        log = os.open(self._workplace.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            if ahead is not None and ahead.environ == environ and self._job.processes == 1:
                return ahead.begin(folder, module, lock=lock, log=log)
            return Child.start(folder, module, environ=environ, processes=self._job.processes, lock=lock, log=log)
        finally:
            os.close(log)

    def _follow(self, child: Child) -> Ran:
        carrier = Carrier(
            self._with.store,
            WorkKeys(self._job.key),
            self._attempt.number,
            self._workplace,
            keep=self._job.keep_checkpoints,
        )
        carrier.start()
        self._shipper = self._ship()
        ended = self._watch(child)
        self._stop.phase = "concluding"
        conclusion = Conclusion(
            self._with.store,
            self._attempt,
            self._workplace,
            carrier,
            self._shipper,
            self._with.patience,
            self._with.tracking_patience,
        )
        return conclusion.draw(ended)

    def _ship(self) -> "Shipper | None":
        """Begin to tell MLflow; it knows all about work that has its result already."""
        if self._with.open_tracker is None or self._attempt.before.result is not None:
            return None
        from dataclasses import replace

        from slipway.platform.runs.tracking.described import describe
        from slipway.platform.runs.tracking.shipping import Shipper

        described = describe(self._with.store, self._job.key, self._attempt.number)
        described = replace(described, config=self._job.config, patch=self._job.patch)
        shipper = Shipper(self._with.store, self._with.open_tracker, described, self._workplace)
        shipper.start()
        return shipper

    def _watch(self, child: Child) -> Ended:
        """Follow the child to its end, passing on what is asked."""
        told = False
        while (code := child.poll()) is None:
            self._tell()
            self._check()
            if self._stop.at_once:
                child.kill()
            elif self._stop.requests:
                child.ask_to_stop()
                if not told:
                    self._watcher.note("Stopping behind a checkpoint; asked once more, it stops at once.")
                told = True
            time.sleep(TICK)
        self._tell()
        return Ended(
            code=code,
            step=self._following.step or self._following.checkpoint,
            seconds=time.monotonic() - self._began,
            usage=child.usage,
            asked=self._stop.requests > 0,
            at_once=self._stop.at_once,
            lost=self._stop.lost,
        )

    def _check(self) -> None:
        """A sign of life may hang in a store that does not answer; whether it is overdue is known without."""
        try:
            self._attempt.check()
        except Silent as error:
            self._stop.lost = error

    def _tell(self) -> None:
        for text in self._following.read():
            self._watcher.note(text)
        behind = self._shipper.standing.line() if self._shipper is not None else ""
        away = "" if self._beating.heard else "the store does not answer"
        self._watcher.progress(self._following.progress, ", ".join(filter(None, (behind, away))))

    def _never_began(self, error: BaseException) -> Ran:
        """It ended before there was a child."""
        self._beating.end()
        shutil.rmtree(self._workplace.folder, ignore_errors=True)
        interrupted = isinstance(error, KeyboardInterrupt)
        outcome = Outcome(
            state=State.RESUMABLE if interrupted else State.FAILED,
            reason="Stopped on request before it began." if interrupted else str(error),
            ended=datetime.now(UTC),
            seconds=time.monotonic() - self._began,
        )
        recorded = self._attempt.finish(outcome)
        if not interrupted:
            raise error
        return Ran(recorded)
