"""All that is known about a piece of work at one moment, from the store, and from its launcher where that knows more.

Few requests: the launcher is asked only about attempts that gave no sign of life just now, and what came before the
last attempt is read only when there may be another one.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from slipway.platform.jobs.attaching import STILL_SECONDS
from slipway.platform.jobs.launchers.contract import Assignment, Launcher, Phase, Status
from slipway.platform.jobs.overseeing.deciding import NOTHING, TAKEN_UP, Seen, may_go_on
from slipway.platform.jobs.spec import JobSpec, Limits
from slipway.platform.jobs.spending import spent
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.records import Cancellation, Outcome, State
from slipway.platform.runs.standing import Here, Standing, spec_of, standing
from slipway.platform.store import ObjectMissing, Store

if TYPE_CHECKING:
    from slipway.platform.settings import Settings

UNASKED: Final = timedelta(seconds=STILL_SECONDS)
"""A launcher is not asked about an attempt that gave a sign of life since then, and makes progress."""
ABSENT: Final = Status(Phase.ABSENT)


class Sight:
    """Looks at work, and remembers what never changes."""

    def __init__(
        self, settings: "Settings", store: Store, here: Here, open_launcher: Callable[[str], Launcher]
    ) -> None:
        self._settings, self._store, self._here, self._open = settings, store, here, open_launcher
        self._launchers: dict[str, Launcher] = {}
        self._jobs: dict[str, JobSpec] = {}

    def look(self, key: str) -> Seen:
        """All that is known now; raises `StoreUnreachable` or `LauncherUnreachable` where that cannot be found out."""
        now, job = self._standing(key)
        if now.spec is None:
            return Seen(now, ABSENT, Limits(), launched=False)
        keys = WorkKeys(key).attempt(now.number)
        goes_on = may_go_on(now.outcome) and job is not None
        open_ended = now.outcome is None or goes_on
        cancellation = Cancellation.load(self._store, keys.cancellation) if open_ended else None
        limits = job.limits if job else self._own_limits()
        return Seen(
            now,
            self._status(now, job) if job and self._is_asked(now, cancellation, job) else ABSENT,
            limits,
            launched=job is not None,
            earlier=self._since_asked(now) if goes_on else (),
            spent=spent(self._store, job) if goes_on and job and limits.budget is not None else Decimal(0),
            cancellation=cancellation,
            cancelled_for=self._age(keys.cancellation) if cancellation else NOTHING,
            waited=self._age(keys.spec) if now.state is State.PENDING else NOTHING,
            ended_for=self._age(keys.outcome) if goes_on else NOTHING,
            patience=timedelta(seconds=self._settings.jobs.pending_seconds),
        )

    def foreseen(self, seen: Seen, outcome: Outcome) -> Seen:
        """What would be known at once after this outcome of the last attempt was recorded, and its job gone."""
        now = replace(seen.standing, state=outcome.state, outcome=outcome)
        return replace(seen, standing=now, status=ABSENT, earlier=self._since_asked(now))

    def standing(self, key: str) -> Standing:
        """How it stands by the store and this machine's locks alone."""
        return self._standing(key)[0]

    def assignment(self, now: Standing) -> Assignment | None:
        """The last attempt for its launcher; nothing where no launcher runs it."""
        if now.spec is None or not now.spec.job:
            return None
        return Assignment(self._job(now.spec.job), now.spec)

    def launcher(self, target: str) -> Launcher:
        """Of a target."""
        if target not in self._launchers:
            self._launchers[target] = self._open(target)
        return self._launchers[target]

    def _standing(self, key: str) -> tuple[Standing, JobSpec | None]:
        """How it stands, by the silence that its own job allows."""
        usual = timedelta(seconds=self._settings.jobs.silence_seconds)
        now = standing(self._store, key, self._here, usual)
        if now.spec is None or not now.spec.job:
            return now, None
        job = self._job(now.spec.job)
        allowed = timedelta(seconds=job.limits.silence_seconds)
        if now.outcome is None and allowed != usual and now.silent > min(allowed, usual):
            now = standing(self._store, key, self._here, allowed)
        return now, job

    def _own_limits(self) -> Limits:
        jobs = self._settings.jobs
        return Limits(
            silence_seconds=jobs.silence_seconds, stall_seconds=jobs.stall_seconds, grace_seconds=jobs.grace_seconds
        )

    def _is_asked(self, now: Standing, cancellation: Cancellation | None, job: JobSpec) -> bool:
        """Whether the launcher may know more than the store."""
        if now.outcome is not None:
            return may_go_on(now.outcome)
        if now.state is State.RUNNING:
            still = now.heartbeat.still if now.heartbeat else 0.0
            if job.nodes > 1 and not (now.heartbeat and now.heartbeat.step):  # its nodes may not find each other
                return True
            return now.silent > UNASKED or cancellation is not None or still > job.limits.stall_seconds
        return now.result is None or now.result.attempt != now.number

    def _status(self, now: Standing, job: JobSpec) -> Status:
        if now.spec is None:
            return ABSENT
        return self.launcher(job.target).status(Assignment(job, now.spec))

    def _since_asked(self, now: Standing) -> tuple[Outcome, ...]:
        """How the attempts ended that were made since a person asked last."""
        found = [now.outcome] if now.outcome else []
        number, spec = now.number, now.spec
        while spec is not None and spec.why.startswith(TAKEN_UP) and number > 1:
            number -= 1
            spec = spec_of(self._store, now.key, number)
            outcome = Outcome.load(self._store, WorkKeys(now.key).attempt(number).outcome)
            found += [outcome] if outcome else []
        return tuple(reversed(found))

    def _job(self, digest: str) -> JobSpec:
        if digest not in self._jobs:
            self._jobs[digest] = JobSpec.load(self._store, digest)
        return self._jobs[digest]

    def _age(self, key: str) -> timedelta:
        try:
            return self._store.age(key)
        except ObjectMissing:
            return NOTHING
