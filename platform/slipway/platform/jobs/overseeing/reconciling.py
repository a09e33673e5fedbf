"""Reconciling: what the store, the launchers and MLflow say of submitted work is brought together again.

It does what the owner of each piece of work would do, for those whose owner is gone: it launches what nobody launched,
records how it ended for whoever could not, takes up what is to be gone on with, tells MLflow the true end, and deletes
what ended jobs left behind (`leftovers`) when it has been of no use for long enough.

* Only work of this store is touched. A job whose attempt this store does not know belongs to another context.
* What cannot be reached is told, and the rest is done all the same.
* Any number of these at once come to the same: each deed looks for its own result, or binds it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from slipway.platform.errors import SlipwayError
from slipway.platform.jobs.launchers.contract import Assignment, Found, Launcher, Phase
from slipway.platform.jobs.launchers.opening import open_launcher
from slipway.platform.jobs.overseeing.deciding import End, Launch, Record, Seen, Step, Stop, TakeUp, Wait, decide
from slipway.platform.jobs.overseeing.leftovers import Leftover, leftovers_here
from slipway.platform.jobs.overseeing.overseer import Overseer
from slipway.platform.jobs.overseeing.settling import tell_mlflow
from slipway.platform.jobs.spec import JobSpec
from slipway.platform.jobs.watching import SILENT, Watcher
from slipway.platform.runs import index
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.records import AttemptSpec, Outcome
from slipway.platform.runs.standing import Here, last_spec, spec_of
from slipway.platform.runs.tracking.catching_up import unshipped
from slipway.platform.runs.tracking.tracker import Tracker, open_tracker
from slipway.platform.store import ObjectMissing, Store, open_store

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

MOST_STEPS: Final = 8
"""Steps for one piece of work in one go; what then is not at rest is another time's."""
KEY_SHOWN: Final = 15


@dataclass(frozen=True)
class Deed:
    """One thing that was done, or would be."""

    what: str
    """`launched`, `recorded`, `stopped`, `taken up`, `told MLflow`, `deleted`."""
    subject: str
    """The run's name, or what a launcher calls the job."""
    words: str = ""


@dataclass
class Reconciled:
    """What was found and done."""

    looked_at: int = 0
    """Pieces of work under way, or to be looked after."""
    running: int = 0
    """Of them, those that run or wait, with nothing to be done."""
    strangers: int = 0
    """Jobs in launchers that belong to other contexts."""
    deeds: list[Deed] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    """What could not be reached or read, each in a sentence."""


def reconcile(
    loaded: "Loaded",
    *,
    dry_run: bool = False,
    watcher: Watcher = SILENT,
    store: Store | None = None,
    launchers: Callable[[str], Launcher] | None = None,
    tracker: Callable[[], Tracker] | None = None,
) -> Reconciled:
    """Bring everything together once; with `dry_run` only say what would be done."""
    found = store or open_store(loaded.settings.store, loaded.settings.s3)
    reconciling = _Reconciling(loaded, found, launchers, tracker, watcher, dry_run=dry_run)
    return reconciling.run()


class _Reconciling:
    """One go."""

    def __init__(
        self,
        loaded: "Loaded",
        store: Store,
        launchers: Callable[[str], Launcher] | None,
        tracker: Callable[[], Tracker] | None,
        watcher: Watcher,
        *,
        dry_run: bool,
    ) -> None:
        self._loaded, self._store, self._watcher, self._dry = loaded, store, watcher, dry_run
        self._here = Here.at(loaded.root)
        self._open = launchers or partial(open_launcher, loaded=loaded, store=store)
        self._tracker = tracker or (lambda: open_tracker(loaded.settings.mlflow, loaded.root))
        self._overseer = Overseer(loaded, store, self._here, self._open, watcher, tracker=self._tracker)
        self._kept = timedelta(hours=loaded.settings.jobs.leftovers_hours)
        self._done = Reconciled()

    def run(self) -> Reconciled:
        """Work, launchers, MLflow, leftovers, in this order: each goes by what the one before recorded."""
        if not self._dry:
            index.mend(self._store)
        seen = index.active(self._store)
        for key in seen:
            self._carefully(self._look_after, key)
        for launcher in self._launchers():
            self._carefully(self._go_through, launcher, set(seen))
        for key in unshipped(self._store):
            self._carefully(self._tell_mlflow, key)
        for left in leftovers_here(self._store, self._here, self._loaded.root, self._kept):
            self._carefully(self._delete, left)
        return self._done

    def _carefully(self, deed: Callable[..., None], *subjects: object) -> None:
        """Do it; what cannot be done is told."""
        try:
            deed(*subjects)
        except (SlipwayError, OSError) as error:
            if str(error) not in self._done.troubles:
                self._done.troubles.append(str(error))

    def _look_after(self, key: str) -> None:
        """Do what its owner would do, until nothing is to be done now."""
        self._done.looked_at += 1
        if self._dry:
            self._foretell(key)
            return
        for _ in range(MOST_STEPS):
            seen = self._overseer.look(key)
            step = decide(seen)
            self._note(seen, step)
            self._overseer.act(seen, step)
            if isinstance(step, Wait | End | Stop):
                return

    def _foretell(self, key: str) -> None:
        """What would be done, with what would follow at once from a recording."""
        seen = self._overseer.look(key)
        step = decide(seen)
        self._note(seen, step)
        if isinstance(step, Record):
            after = self._overseer.foresee(seen, step)
            self._note(after, decide(after))

    def _note(self, seen: Seen, step: Step) -> None:
        name = seen.standing.spec.name if seen.standing.spec else seen.standing.key[:KEY_SHOWN]
        number = seen.standing.number
        match step:
            case Wait():
                self._done.running += 1
            case Launch():
                self._tell("launched", name, f"attempt {number} had no job")
            case Record():
                self._tell("recorded", name, f"attempt {number} is {step.cause}: {step.reason}")
            case Stop():
                self._tell("stopped", name, step.words)
            case TakeUp():
                outcome = seen.standing.outcome
                self._tell("taken up", name, f"attempt {number} was {outcome.cause if outcome else 'lost'}")
            case _:
                pass

    def _launchers(self) -> Iterator[Launcher]:
        """One for each place that the context's targets name."""
        there: set[str] = set()
        for target in sorted(self._loaded.settings.targets):
            try:
                launcher = self._open(target)
                address = launcher.address
            except SlipwayError as error:
                if str(error) not in self._done.troubles:
                    self._done.troubles.append(str(error))
                continue
            if address not in there:
                there.add(address)
                yield launcher

    def _go_through(self, launcher: Launcher, seen: set[str]) -> None:
        """All jobs that a launcher has."""
        for found in list(launcher.list()):
            spec = spec_of(self._store, found.key, found.number)
            if spec is None or spec.nonce != found.nonce or not spec.job:
                self._done.strangers += 1
                continue
            if found.key not in seen:
                seen.add(found.key)
                self._carefully(self._adopt, found.key)
            self._carefully(self._clear, launcher, found, spec)

    def _adopt(self, key: str) -> None:
        """Work that the index had forgotten."""
        last = last_spec(self._store, key)
        number = last.number if last else 0
        if Outcome.load(self._store, WorkKeys(key).attempt(number).outcome) is None:
            self._look_after(key)
            if not self._dry:
                index.note(self._store, key)

    def _clear(self, launcher: Launcher, found: Found, spec: AttemptSpec) -> None:
        """Stop a job whose attempt is over, and delete one that has ended."""
        keys = WorkKeys(found.key).attempt(found.number)
        try:
            over = self._store.age(keys.outcome)
        except ObjectMissing:
            return  # the overseer's to say
        if found.phase in (Phase.PENDING, Phase.RUNNING):
            job = JobSpec.load(self._store, spec.job)
            if over > timedelta(seconds=job.limits.grace_seconds):
                self._tell("stopped", found.name or spec.name, f"attempt {found.number} is over")
                if not self._dry:
                    launcher.cancel(Assignment(job, spec))
        elif over >= self._kept:
            self._tell("deleted", found.name or spec.name, f"attempt {found.number} ended at {launcher.address}")
            if not self._dry:
                launcher.remove(found)

    def _tell_mlflow(self, key: str) -> None:
        spec = last_spec(self._store, key)
        self._tell("told MLflow", spec.name if spec else key[:KEY_SHOWN], "how it ended")
        if self._dry:
            return
        if behind := tell_mlflow(self._store, self._tracker, key):
            self._done.deeds.pop()
            self._done.troubles.append(behind)

    def _delete(self, left: Leftover) -> None:
        self._tell("deleted", left.name, left.words)
        if not self._dry:
            left.delete()

    def _tell(self, what: str, subject: str, words: str) -> None:
        self._done.deeds.append(Deed(what, subject, words))
        self._watcher.note(f"{subject}: {'would be ' if self._dry else ''}{what} ({words})")
