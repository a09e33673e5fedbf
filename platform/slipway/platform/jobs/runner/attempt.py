"""The runner: holds an attempt, feeds a child process, and records what became of it.

It is the same here, in a launcher's process and as the main of a job: `run_attempt` is given the work, an attempt that
the caller owns, and the store. Order of events

1. the workplace: code and data fetched and verified, the best checkpoint of earlier attempts, the order
2. the child; then signs of life, limits, uploads of log and checkpoints, metrics to MLflow, each in a thread of its own
3. at the child's end: what is left is uploaded, the result is bound, MLflow hears of it, the outcome is recorded

A kill between any two steps leaves what the next attempt goes on from. The store and MLflow may be away: they are tried
again. A request to stop goes to the child as SIGTERM; what is urged, or late, as SIGKILL.
"""

import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway.platform.errors import SlipwayError
from slipway.platform.jobs.pace import Milestones
from slipway.platform.jobs.runner.beating import Beating
from slipway.platform.jobs.runner.carrier import Carrier
from slipway.platform.jobs.runner.child import Ahead, Child, Nodes
from slipway.platform.jobs.runner.concluding import Conclusion, Ran, Unbegun, patiently
from slipway.platform.jobs.runner.ending import Ended, read_failure
from slipway.platform.jobs.runner.environment import child_environment, secret_values
from slipway.platform.jobs.runner.folders import Folder
from slipway.platform.jobs.runner.following import Following
from slipway.platform.jobs.runner.limits import Guard
from slipway.platform.jobs.runner.log import Log
from slipway.platform.jobs.runner.masking import Masks
from slipway.platform.jobs.runner.meeting import call
from slipway.platform.jobs.runner.nodes import Companions, NodeLost, Own
from slipway.platform.jobs.runner.preparing import prepare
from slipway.platform.jobs.runner.stopping import Stop, listening
from slipway.platform.jobs.spec import JobSpec
from slipway.platform.jobs.spending import spent
from slipway.platform.jobs.watching import SILENT, Careful, Watcher
from slipway.platform.runs.attempts import Attempt
from slipway.platform.runs.errors import Silent
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.records import Cause, Outcome, State
from slipway.platform.runs.workplace import RESUME, Workplace
from slipway.platform.store import Store

if TYPE_CHECKING:
    from slipway.platform.runs.tracking.shipping import Shipper
    from slipway.platform.runs.tracking.tracker import Tracker
    from slipway.platform.settings import Settings

TICK: Final = 0.1
PATIENCE: Final = 600.0
TRACKING_PATIENCE: Final = 20.0
LINE_SECONDS: Final = 30.0
"""Between two lines of the log that say how far it is, within one epoch."""
STACKS_SECONDS: Final = 15.0
"""In which other nodes say where their processes stand, once they have heard that they are asked."""
USAGE_SECONDS: Final = 10.0
"""In which other nodes end, where the work is done, and say what they have used."""


@dataclass(frozen=True)
class Rhythm:
    """Seconds between two doings of the same kind."""

    beat: float = 3.0
    """Signs of life, and looks at whether it is cancelled."""
    look: float = 1.0
    """Looks at what the child uses."""
    log: float = 3.0
    """Pieces of the log."""


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
    rhythm: Rhythm = Rhythm()
    end_orphans: Callable[[], object] = lambda: None
    """Ends what a child that has ended left running; a process that others use as well leaves it."""


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
        with attempt, listening(submitted=bool(attempt.spec.job)) as stop:
            return Run(job, attempt, surroundings, watcher, stop).execute(ahead)
    finally:
        if ahead is not None:
            ahead.dismiss()


class Run:
    """One execution."""

    def __init__(
        self, job: JobSpec, attempt: Attempt, surroundings: Surroundings, watcher: Watcher, stop: Stop
    ) -> None:
        self._job, self._attempt, self._with, self._stop = job, attempt, surroundings, stop
        self._watcher = Careful(watcher)
        self._workplace = workplace_of(attempt.place.workplace, attempt.number)
        self._following = Following(self._workplace.journal)
        self._milestones = Milestones(LINE_SECONDS)
        rhythm, store = surroundings.rhythm, surroundings.store
        self._masks = Masks(filter(None, map(surroundings.environ.get, job.secrets)))
        self._log = Log(store, attempt.keys, self._workplace.log, self._masks, rhythm.log)
        before = partial(spent, store, job, before=attempt.number)
        self._guard = Guard(job, self._workplace, stop, before=before, stacks=self._stacks_elsewhere, pause=rhythm.look)
        self._beating = Beating(attempt, self._following, stop, self._guard, rhythm.beat)
        self._shipper: Shipper | None = None
        self._nodes: Nodes | None = None
        others, patience = range(1, job.nodes), surroundings.settings.jobs.pending_seconds
        self._others = Companions(attempt, store, stop, others, patience=patience)

    def execute(self, ahead: Ahead | None) -> Ran:
        """From the workplace to the outcome."""
        try:
            self._begin()
            self._prepare()
            self._stop.phase = "running"
            child = self._start(ahead)
        except BaseException as error:  # noqa: BLE001 - whatever it was, the record says so
            return self._never_began(error)
        try:
            ran = self._follow(child)
        finally:
            self._beating.end()
            self._guard.end()
            self._others.end()
            child.kill()
            child.wait()
            self._with.end_orphans()
        if ran.complete:
            shutil.rmtree(self._workplace.folder, ignore_errors=True)
        return ran

    def _begin(self) -> None:
        """Make room, and let the threads begin; workplaces of attempts before this one are of no use to anybody."""
        shutil.rmtree(self._workplace.folder.parent, ignore_errors=True)
        self._workplace.checkpoints.mkdir(parents=True)
        attempt = self._attempt
        self._log.say(f"{attempt.spec.name}: attempt {attempt.number}, {attempt.spec.why}, on {attempt.place.where}.")
        self._log.start()
        self._guard.start()
        self._beating.start()
        self._watch_others()

    def _watch_others(self) -> None:
        """From the beginning: a node that cannot even prepare ends all."""
        if self._job.nodes > 1:
            self._others.start()

    def _prepare(self) -> None:
        """Make the workplace; where nobody waits, a store that does not answer is waited for."""
        secret_values(self._with.environ, self._job.secrets)
        patience = self._with.patience if self._stop.submitted else 0.0

        def prepared() -> None:
            self._guard.check_before()
            self._beating.hear()
            self._fetch()

        patiently(prepared, patience)

    def _fetch(self) -> None:
        """Bring everything; the first of several nodes calls the others."""
        store, settings, attempt = self._with.store, self._with.settings, self._attempt
        prepared = prepare(self._job, attempt.number, self._workplace, store, settings, self._note)
        if self._job.nodes > 1:
            met = call(attempt, store, self._with.environ, prepared.resumed)
            self._nodes = Nodes(self._job.nodes, 0, met.address, settings.jobs.pending_seconds)

    def _note(self, text: str) -> None:
        """Something of the runner's own, for whoever watches and for the log."""
        self._log.say(text)
        self._watcher.note(text)

    def _start(self, ahead: Ahead | None) -> Child:
        environ = child_environment(self._with.environ, threads=self._job.threads, secrets=self._job.secrets)
        folder, module, lock = self._workplace.folder, self._job.module, self._attempt.descriptor
        log = self._log.open()
        try:
            here, nodes = self._job.processes_here, self._nodes
            if ahead is not None and ahead.environ == environ and here == 1 and nodes is None:
                return ahead.begin(folder, module, lock=lock, log=log)
            return Child.start(folder, module, environ=environ, processes=here, lock=lock, log=log, nodes=nodes)
        finally:
            os.close(log)

    def _follow(self, child: Child) -> Ran:
        carrier = Carrier(
            self._with.store,
            WorkKeys(self._job.key),
            self._attempt.number,
            self._workplace,
            keep=self._job.keep_checkpoints,
            masks=self._masks,
            folder=Folder(self._workplace.checkpoints, child.pid) if self._job.is_script else None,
        )
        carrier.start()
        if self._job.is_script:
            self._beating.phase = "its script runs"
        self._guard.watch(child)
        self._shipper = self._ship()
        ended = self._watch(child)
        self._stop.phase = "concluding"
        conclusion = Conclusion(
            self._with.store,
            self._job,
            self._attempt,
            self._workplace,
            self._log,
            self._masks,
            carrier,
            self._shipper,
            self._with.patience,
            self._with.tracking_patience,
            self._with_others,
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
            elif self._stop.asked:
                child.ask_to_stop()
                if not told:
                    self._note(self._stop.told(self._job.limits.grace_seconds, script=self._job.is_script))
                told = True
            time.sleep(TICK)
        self._guard.end()  # it may just be finding out where all processes stand
        self._with.end_orphans()
        self._tell()
        if self._nodes is not None and not self._attempt.node:
            self._others.settle(Own(code, read_failure(self._workplace), self._stop.requests > 0))
        return Ended(
            code=code,
            step=self._following.step or self._following.checkpoint,
            seconds=self._guard.seconds,
            usage=self._guard.usage(child.usage),
            asked=self._stop.requests > 0,
            at_once=self._stop.at_once,
            lost=self._stop.lost,
            halted=self._stop.halted,
            submitted=self._stop.submitted,
            memory_killed=self._guard.memory_killed,
            script=self._job.is_script,
        )

    def _stacks_elsewhere(self) -> str:
        """Where the processes of the other nodes stand, which read in this one's sign of life that it asks."""
        if self._job.nodes == 1 or self._attempt.node:
            return ""
        told = self._others.outcomes(self._with.rhythm.beat + STACKS_SECONDS)
        return "\n\n".join(
            f"On node {node}:\n{one.traceback}" for node, one in sorted(told.items()) if one.cause is Cause.STALLED
        )

    def _with_others(self, outcome: Outcome) -> Outcome:
        """With what the other nodes have used, as far as they have said it."""
        if self._job.nodes == 1:
            return outcome
        told = self._others.outcomes(USAGE_SECONDS if outcome.state is State.DONE else 0.0).values()
        memory = max(outcome.memory_peak, *(one.memory_peak for one in told), 0)
        seconds = outcome.cpu_seconds + sum(one.cpu_seconds for one in told)
        return outcome.model_copy(update={"memory_peak": memory, "cpu_seconds": seconds})

    def _check(self) -> None:
        """A sign of life may hang in a store that does not answer; whether it is overdue is known without."""
        try:
            self._attempt.check()
        except Silent as error:
            self._stop.lost = error

    def _tell(self) -> None:
        for text in self._following.read():
            self._watcher.note(text)
        if line := self._milestones.line(self._following.progress, time.monotonic()):
            self._log.say(line)
        behind = self._shipper.standing.line() if self._shipper is not None else ""
        away = "" if self._beating.heard else "the store does not answer"
        self._watcher.progress(self._following.progress, ", ".join(filter(None, (behind, away))))

    def _never_began(self, error: BaseException) -> Ran:
        """It ended before there was a child."""
        self._stop.phase = "concluding"
        self._beating.end()
        self._guard.end()
        self._others.end()
        if isinstance(error, KeyboardInterrupt) and self._job.nodes > 1 and not self._attempt.node:
            self._others.settle(Own(RESUME, asked=True))
        patience = self._with.patience if self._stop.submitted else 0.0
        unbegun = Unbegun(self._job, self._attempt, self._stop, self._log, self._masks, patience)
        self._leave_mlflow_to_others()
        try:
            ran = unbegun.draw(error, self._guard.seconds)
        finally:
            shutil.rmtree(self._workplace.folder, ignore_errors=True)
        if not isinstance(error, KeyboardInterrupt | NodeLost):
            raise error
        return ran

    def _leave_mlflow_to_others(self) -> None:
        """Whoever owns submitted work tells MLflow of an attempt that had no child."""
        if not self._stop.submitted or self._with.open_tracker is None or self._attempt.before.result is not None:
            return
        from slipway.platform.runs.tracking.catching_up import mark

        with suppress(SlipwayError):  # the outcome is more important
            mark(self._with.store, self._attempt.key)
