"""A trial that is a job: submitted to a target's launcher, and seen to its end by the sweep.

* Submitting is create-or-adopt: a sweep that was killed finds its trials running, ended or lost, and goes on from that.
  What was evicted or lost is taken up again as an overseer does.
* Asked to stop, it cancels the job, which stops behind a checkpoint, and waits until it has. A job that others want as
  well, or that this sweep did not start, goes on without it. Asked again, it waits no longer.
* What this sweep's attempts cost is told by their tag; what others paid for costs nothing here.

Each trial has a thread, because every question may take its time; the sweep itself never waits for an answer.
"""

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from slipway.platform.errors import SlipwayError
from slipway.platform.jobs.api import Desk
from slipway.platform.jobs.attaching import LOOK_SECONDS, REMOTE_LOOK_SECONDS, Looking
from slipway.platform.jobs.cancelling import cancel
from slipway.platform.jobs.launchers.contract import LauncherError
from slipway.platform.jobs.overseeing.deciding import Record, Seen, Step, TakeUp, Wait, decide
from slipway.platform.jobs.overseeing.overseer import REVIEW_SECONDS, Overseer
from slipway.platform.jobs.submitting.placing import Placement
from slipway.platform.jobs.submitting.submission import Submitted, submit
from slipway.platform.jobs.wishes import others, withdraw
from slipway.platform.runs.judged import headline
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.records import Cancellation, Cause, State
from slipway.platform.runs.results import load_evaluation
from slipway.platform.runs.standing import Standing
from slipway.platform.store import StoreUnreachable
from slipway.training.sweep.trial import Bill, Ended, Glance
from slipway.training.sweep.work import Work

DONE, FAILED, INTERRUPTED = 0, 1, 130
MOVED: Final = (State.RESUMABLE, State.LOST)
Tell = Callable[[str], None]


class SubmittedTrial:
    """One trial, from being submitted to its end."""

    def __init__(
        self,
        work: Work,
        desk: Desk,
        turn: threading.Lock,
        tell: Tell,
        again: Callable[[], Placement | None],
        *,
        pause_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._work, self._desk, self._turn, self._tell, self._clock = work, desk, turn, tell, clock
        self._again = again
        far = desk.store.url.startswith("s3://")
        self._pause_seconds = pause_seconds or (REMOTE_LOOK_SECONDS if far else LOOK_SECONDS)
        self._job = work.job(desk)
        self._overseer = Overseer(desk.loaded, desk.store, desk.here, desk.launcher, self)
        self._began = clock()
        self._name, self._told = "", ""
        self._asks, self._heard = 0, 0
        self._bell = threading.Event()
        self._glance = Glance("being submitted", Bill(work.placement.target))
        self._ended: Ended | None = None
        self._broken: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def poll(self) -> Ended | None:
        """How it ended, if it has."""
        if self._broken is not None:
            raise self._broken
        return self._ended

    @property
    def over(self) -> bool:
        """Whether nothing more is done about it here."""
        return self._ended is not None or self._broken is not None

    def glance(self) -> Glance:
        """How it stood when it was last looked at."""
        return self._glance

    def stop(self, *, at_once: bool = False) -> None:
        """Have its job cancelled; at once, without waiting until it has stopped."""
        self._asks = max(self._asks, 2 if at_once else 1)
        self._bell.set()

    def join(self) -> None:
        """Until nothing more is done about it here."""
        self._thread.join()

    def note(self, text: str) -> None:
        """What overseeing it comes upon, once each."""
        if text and text != self._told:
            self._told = text
            self._tell(text)

    def progress(self, told: Mapping[str, Any], remark: str) -> None:
        """How far it is."""
        step, steps = int(told.get("step", 0)), int(told.get("steps", 0))
        far = f"step {step:,}/{steps:,}" if steps else str(told.get("phase", "running"))
        self._glance = Glance(f"{far} ({remark})" if remark else far, self._glance.bill)

    def _run(self) -> None:
        try:
            while self._ended is None:
                self._ended = self._attempted()
        except BaseException as error:  # noqa: BLE001 - raised where the sweep asks
            self._broken = error

    def _attempted(self) -> Ended | None:
        """Its end; nothing while the store does not answer, because doing all of it again changes nothing."""
        try:
            return self._see_to_it()
        except StoreUnreachable as error:
            if self._asks > 1:
                return self._end(INTERRUPTED, str(error))
            self._away(error)
            return None
        except SlipwayError as error:
            return self._end(FAILED, f"{error} {error.mend or ''}".strip())

    def _see_to_it(self) -> Ended:
        """Submit it, and again where what it was attached to ended in a way that is none of this sweep's."""
        while True:
            submitted = self._submitted()
            if submitted is None:
                return self._end(INTERRUPTED, "not submitted")
            if isinstance(submitted, Standing):
                return self._judged(submitted)
            passing = self._is_passing(submitted)
            now = self._watched()
            if isinstance(now, str):
                return self._end(INTERRUPTED, now)
            if self._asks or now.state is State.DONE or not (passing or self._was_others(now)):
                return self._judged(now)
            placement = self._again()
            if placement is None:
                return self._end(INTERRUPTED, f"{now.reason.rstrip('.')}; what is left would not pay for it", now)
            self._work = replace(self._work, placement=placement)

    def _submitted(self) -> Submitted | Standing | None:
        """One at a time: what is provided for one trial is there for the next. A failure stays one."""
        with self._turn:
            now = self._overseer.standing(self._work.key)
            if now.state is State.FAILED and self._work.is_ours(now.spec) and not self._work.retry:
                return now
            return None if self._asks else self._submit()

    def _submit(self) -> Submitted:
        work, desk, placement = self._work, self._desk, self._work.placement
        submitted = submit(
            work.planned,
            work.request,
            desk.loaded,
            target=placement.target,
            nodes=placement.nodes,
            budget=placement.budget,
            store=desk.store,
            launchers=desk.launcher,
        )
        self._name = submitted.name
        if submitted.how == "attached" and not work.is_ours(submitted.standing.spec):
            self.note(f"{submitted.standing.told()} The sweep waits for it.")
        return submitted

    def _is_passing(self, submitted: Submitted) -> bool:
        """Whether what was found there is on its way out: cancelled before, or over with its job still there."""
        now = submitted.standing
        if submitted.how != "attached" or not now.under_way:
            return submitted.how == "attached"
        place = WorkKeys(now.key).attempt(now.number).cancellation
        return Cancellation.load(self._desk.store, place) is not None

    def _was_others(self, now: Standing) -> bool:
        """Whether it stopped for somebody else's reasons: their limits, their Ctrl-C."""
        launched = now.spec is not None and now.spec.job
        return now.state in MOVED and not (launched and self._work.is_ours(now.spec))

    def _watched(self) -> Standing | str:
        """Its end, or in words why nobody here waits for it any longer."""
        while True:
            try:
                if self._asks > self._heard and (left := self._give_up()):
                    return left
                seen = self._overseer.look(self._work.key)
                ended = self._round(seen, decide(seen))
                if ended is not None:
                    return ended
            except (LauncherError, StoreUnreachable) as error:
                if self._asks > 1:
                    return f"{error} `slipway cancel {self._name}` when it is back."
                self._away(error)

    def _round(self, seen: Seen, step: Step) -> Standing | None:
        """Tell how it stands, then do what comes next or wait until that may have changed."""
        self._look_at(seen, step)
        if isinstance(step, Wait):
            self._wait(seen)
            return None
        with self._turn:
            ended = self._overseer.once(self._work.key)
        if ended is None and not isinstance(step, Record | TakeUp):
            self._bell.wait(self._pause_seconds)
            self._bell.clear()
        return ended

    def _wait(self, seen: Seen) -> None:
        if seen.standing.state is State.RUNNING:
            looking = Looking(self._desk.store, self._desk.here, seen.standing, self, self._time)
            looking.until_it_may_have_changed(self._nap, self._clock() + REVIEW_SECONDS)
        else:
            self._nap()

    def _nap(self) -> None:
        self._bell.wait(self._pause_seconds)
        self._bell.clear()

    def _time(self) -> float:
        """The clock; for whoever was asked to stop it is high time."""
        return math.inf if self._asks > self._heard else self._clock()

    def _give_up(self) -> str:
        """Do as was asked; in words what becomes of the job where nobody here waits for it, else nothing."""
        asks, person, store = self._asks, self._work.request.submitted_by, self._desk.store
        now = self._overseer.standing(self._work.key)
        if not now.under_way or now.spec is None:
            self._heard = asks
            return ""
        besides = others(store, now.spec, now.key, person)
        if besides:
            withdraw(store, now.key, person)
            return f"{now.spec.name} goes on without the sweep: {', '.join(besides)} wanted it as well"
        if not self._work.is_ours(now.spec):
            return f"{now.spec.name} goes on: it was not started by this sweep"
        if not self._heard:
            self._cancel(now.key, person)
        self._heard = asks
        return f"{now.spec.name} was told to stop behind a checkpoint; nobody waits for that" if asks > 1 else ""

    def _cancel(self, key: str, person: str) -> None:
        desk, why = self._desk, "its sweep was stopped"
        cancel(key, person, desk.loaded, why=why, watcher=self, store=desk.store, launchers=desk.launcher)

    def _look_at(self, seen: Seen, step: Step) -> None:
        now = seen.standing
        beat = now.heartbeat
        words = step.words if isinstance(step, Wait) else ""
        if now.state is State.PENDING:
            words = f"pending: {words}" if words else f"pending: {now.reason}"
        elif not words and beat is not None:
            words = f"step {beat.step:,}/{beat.steps:,}" if beat.steps else beat.phase
        self._glance = Glance(words, self._bill(now))
        if isinstance(step, Record):
            self.note(f"{self._name}: attempt {now.number}: {step.reason}")
        elif isinstance(step, TakeUp) and now.outcome is not None:
            self.note(f"{self._name}: attempt {now.number} is over ({now.outcome.reason}) Going on in another.")

    def _bill(self, now: Standing) -> Bill:
        target = now.spec.place.target if now.spec else self._work.placement.target
        host = now.place.host if now.begun is not None else ""
        price = self._job.price
        cost = self._work.cost(self._desk.store, self._job)
        where = f"{target} ({host})" if host and host != self._desk.here.host else target
        return Bill(where, cost, price.currency if price.per_hour else "")

    def _away(self, error: SlipwayError) -> None:
        self._glance = Glance("not reached, asking again", self._glance.bill)
        self.note(f"{self._name or 'A trial'}: {error} Asking again.")
        self._nap()

    def _judged(self, now: Standing) -> Ended:
        """How it stands for the sweep."""
        cause = now.outcome.cause if now.outcome else None
        self._name = self._name or (now.spec.name if now.spec else "")
        if now.state is State.DONE:
            return self._end(DONE, "", now)
        if cause is Cause.BUDGET:
            return self._end(INTERRUPTED, "it used up what it may cost", now)
        if self._heard or now.state is State.RESUMABLE:
            return self._end(INTERRUPTED, f"{now.reason.rstrip('.')}; it goes on from its last checkpoint", now)
        return self._end(FAILED, now.reason, now)

    def _end(self, code: int, reason: str, now: Standing | None = None) -> Ended:
        answer: dict[str, Any] = {"key": self._work.key, "name": self._name}
        bill = self._glance.bill
        if now is not None:
            bill = self._bill(now)
            judged = headline(load_evaluation(self._desk.store, now.result))
            answer["headline"] = judged["metric"] if judged else None
        return Ended(code, answer, reason, self._clock() - self._began, bill)
