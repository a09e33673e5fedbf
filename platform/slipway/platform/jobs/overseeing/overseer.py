"""Seeing submitted work through: look, decide by `deciding`, do the one thing that comes next.

Whoever owns the work calls this: somebody who waits, an Airflow trigger, `slipway jobs reconcile`. Everything it does
is create-or-adopt (`acting`), so any number of overseers at once, each killed at any moment, come to the same end. A
store or a launcher that does not answer is told and asked again; it is never an answer about the work.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from slipway.platform.jobs.attaching import LOOK_SECONDS, REMOTE_LOOK_SECONDS, Looking
from slipway.platform.jobs.launchers.contract import Assignment, Launcher, LauncherRefused, LauncherUnreachable
from slipway.platform.jobs.overseeing.acting import Acting, bind_outcome
from slipway.platform.jobs.overseeing.deciding import End, Launch, Record, Seen, Step, Stop, TakeUp, Wait, decide
from slipway.platform.jobs.overseeing.looking import Sight
from slipway.platform.jobs.overseeing.settling import concluding, settle, tell_mlflow
from slipway.platform.jobs.spending import lived
from slipway.platform.jobs.watching import SILENT, Watcher
from slipway.platform.jobs.wishes import forget_wishes
from slipway.platform.runs import index
from slipway.platform.runs.records import State
from slipway.platform.runs.standing import Here, Standing
from slipway.platform.runs.tracking.tracker import Tracker, open_tracker
from slipway.platform.store import Store, StoreUnreachable

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

REVIEW_SECONDS: Final = 30.0
"""Work that gives signs of life is looked at in full so often."""


class Overseer:
    """Oversees work of one store. Calls block; threads have one each."""

    def __init__(  # noqa: PLR0913 - what it looks at, and the clocks
        self,
        loaded: "Loaded",
        store: Store,
        here: Here,
        open_launcher: Callable[[str], Launcher],
        watcher: Watcher = SILENT,
        *,
        tracker: Callable[[], Tracker] | None = None,
        review_seconds: float = REVIEW_SECONDS,
        pause_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store, self._here, self._watcher = store, here, watcher
        self._sight, self._acting = Sight(loaded.settings, store, here, open_launcher), Acting(store, here)
        self._tracker = tracker or (lambda: open_tracker(loaded.settings.mlflow, loaded.root))
        self._review, self._clock, self._sleep = review_seconds, clock, sleep
        far = store.url.startswith("s3://")
        self._pause = pause_seconds or (REMOTE_LOOK_SECONDS if far else LOOK_SECONDS)

    def standing(self, key: str) -> Standing:
        """How it stands by the store and this machine's locks alone."""
        return self._sight.standing(key)

    def look(self, key: str) -> Seen:
        """All that is known now; raises `StoreUnreachable` or `LauncherUnreachable` where that cannot be found out."""
        return self._sight.look(key)

    def foresee(self, seen: Seen, record: Record) -> Seen:
        """What would be known after a recording, without doing it."""
        standing = seen.standing
        seconds = lived(self._store, standing.key, standing.number)
        return self._sight.foreseen(seen, self._acting.outcome(record, seconds, standing.heartbeat))

    def advance(self, key: str) -> Step:
        """Look, decide, do it once; what was done."""
        seen = self.look(key)
        step = decide(seen)
        self.act(seen, step)
        return step

    def once(self, key: str) -> Standing | None:
        """One round without waiting for anything; how the work ended, when it has."""
        seen = self.look(key)
        return self._round(seen, decide(seen))

    def act(self, seen: Seen, step: Step) -> None:
        """Do what was decided."""
        assignment = self._sight.assignment(seen.standing)
        match step:
            case Launch() if assignment is not None:
                self._launch(assignment)
            case Record() if assignment is not None:
                self._acting.record(assignment, step)
                if step.withdraw:
                    self._sight.launcher(assignment.job.target).cancel(assignment)
            case Record():
                self._record_claimed(seen.standing, step)
            case Stop() if assignment is not None:
                self._sight.launcher(assignment.job.target).cancel(assignment)
            case TakeUp() if assignment is not None:
                self._take_up(seen.standing, assignment)
            case End():
                self._conclude(seen.standing)
            case _:
                pass

    def see_through(self, key: str, watcher: Watcher | None = None) -> Standing:
        """Until it has ended: done, or in a way that another attempt would not mend. Ctrl-C leaves the job running."""
        telling = _Telling(watcher or self._watcher)
        try:
            while True:
                ended = self._look_after(key, telling)
                if ended is not None:
                    return ended
        except KeyboardInterrupt:
            telling.left()
            raise

    def _look_after(self, key: str, telling: "_Telling") -> Standing | None:
        """One round."""
        try:
            seen = self.look(key)
            step = decide(seen)
            telling.seen(seen, step)
            ended = self._round(seen, step)
            if ended is not None:
                return ended
            if isinstance(step, Wait | Stop | End):
                self._wait(seen, step, telling)
        except (LauncherUnreachable, StoreUnreachable) as error:
            telling.away(error)
            self._sleep(self._pause)
        return None

    def _round(self, seen: Seen, step: Step) -> Standing | None:
        if isinstance(step, End) and concluding(self._store, self._here, seen.standing):
            return None  # its runner is about to say how it ended
        self.act(seen, step)
        return seen.standing if isinstance(step, End) else None

    def _wait(self, seen: Seen, step: Wait | Stop | End, telling: "_Telling") -> None:
        """Until it makes sense to look again."""
        if seen.standing.state is not State.RUNNING or isinstance(step, Stop):
            self._sleep(self._pause)
            return
        until = self._clock() + self._review
        looking = Looking(self._store, self._here, seen.standing, telling.watcher, self._clock)
        looking.until_it_may_have_changed(lambda: self._sleep(self._pause), until)

    def _launch(self, assignment: Assignment) -> None:
        try:
            self._acting.launch(self._sight.launcher(assignment.job.target), assignment)
        except LauncherRefused as error:
            self._watcher.note(str(error))

    def _take_up(self, last: Standing, assignment: Assignment) -> None:
        after = self._acting.take_up(last, assignment.job)
        following = self._sight.assignment(after)
        if after.state is State.PENDING and following is not None:
            self._launch(following)

    def _record_claimed(self, lost: Standing, record: Record) -> None:
        """The outcome of an attempt that no launcher ran."""
        seconds = lived(self._store, lost.key, lost.number)
        bind_outcome(self._store, lost.key, lost.number, self._acting.outcome(record, seconds, lost.heartbeat))

    def _conclude(self, ended: Standing) -> None:
        """What is left to be done about work that is over."""
        if ended.state is None or concluding(self._store, self._here, ended):
            return
        tell = settle(self._store, self._tracker, self._here, ended) if ended.result else ""
        if not ended.result:
            tell = tell_mlflow(self._store, self._tracker, ended.key)
        if tell:
            self._watcher.note(tell)
        index.close(self._store, ended.key)
        if ended.result:
            forget_wishes(self._store, ended.key)


class _Telling:
    """Tells a watcher what changes, once each."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self._told = ""
        self._name = "The job"

    def seen(self, seen: Seen, step: Step) -> None:
        """What was found, and what is done about it."""
        spec = seen.standing.spec
        if spec is not None:
            self._name = spec.name
        self._say(_words(seen, step))

    def away(self, error: LauncherUnreachable | StoreUnreachable) -> None:
        """Somebody does not answer."""
        self.watcher.progress({}, "not reached, asking again")
        self._say(f"{error} Asking again.")

    def left(self) -> None:
        """Nobody waits any longer."""
        self.watcher.note(f"{self._name} goes on without you: `slipway logs {self._name} -f` follows it again.")

    def _say(self, text: str) -> None:
        if text and text != self._told:
            self._told = text
            self.watcher.note(text)


def _words(seen: Seen, step: Step) -> str:
    """For a person; nothing where it is no news."""
    now = seen.standing
    match step:
        case Wait() | Stop() if now.spec is not None:
            attempt = f"{now.spec.name}: attempt {now.number}"
            where = f" on {now.place.where}" if now.state is State.RUNNING else ""
            words = (step.words or (now.reason if now.state is State.PENDING else "")).rstrip(".")
            state = "is over" if now.outcome else f"is {now.state}{where}"
            return f"{attempt} {state}{f' ({words})' if words else ''}."
        case Record():
            return f"Attempt {now.number}: {step.reason}"
        case TakeUp():
            reason = now.outcome.reason.rstrip(".") if now.outcome else "lost"
            return f"Attempt {now.number} is over: {reason}. Going on in another."
        case _:
            return ""
