"""What an overseer does about an attempt: launch its job, record how it ended, stop its job, make the next attempt.

Every deed is create-or-adopt, and several can do the same at once. A record comes before what follows from it:

* before an outcome is bound that the runner could not write, MLflow is marked as not knowing everything; it is told
  when the work is over, or by the next attempt
* an outcome is bound before its job is stopped, so that the reason stays the true one
* the next attempt is made behind one particular attempt, so that two overseers never make two
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from slipway.platform.jobs.launchers.contract import Assignment, Launcher, LauncherRefused, Status
from slipway.platform.jobs.overseeing.deciding import TAKEN_UP, Record
from slipway.platform.jobs.spec import JobSpec
from slipway.platform.jobs.spending import Charge, lived
from slipway.platform.runs import index
from slipway.platform.runs.attempts import Claimant, assign
from slipway.platform.runs.find import load_parts
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.records import AttemptSpec, Heartbeat, Outcome, Place, State
from slipway.platform.runs.standing import Here, Standing
from slipway.platform.runs.tracking.catching_up import mark
from slipway.platform.store import Store


@dataclass(frozen=True)
class Acting:
    """Where deeds are done."""

    store: Store
    here: Here
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    unique: Callable[[], str] = lambda: uuid.uuid4().hex

    def launch(self, launcher: Launcher, assignment: Assignment) -> Status:
        """Create or adopt the job. One that is refused for good is an attempt that failed; the refusal is raised."""
        try:
            return launcher.submit(assignment)
        except LauncherRefused as error:
            self.bind(assignment, Outcome(
                state=State.FAILED,
                reason=str(error),
                mend=error.mend or "",
                ended=self.now(),
                seconds=0.0,
            ))  # fmt: skip
            raise

    def record(self, assignment: Assignment, record: Record) -> Outcome:
        """Say how an attempt ended that could not say it itself; the one that stays."""
        key, number = assignment.key, assignment.number
        seconds = lived(self.store, key, number)
        beat = Heartbeat.load(self.store, WorkKeys(key).attempt(number).heartbeat)
        return self.bind(assignment, Charge.of(assignment.job, seconds).on(self.outcome(record, seconds, beat)))

    def outcome(self, record: Record, seconds: float, beat: Heartbeat | None) -> Outcome:
        """A decision as a record."""
        return Outcome(
            state=record.state,
            cause=record.cause,
            reason=record.reason,
            exit_code=record.exit_code,
            ended=self.now(),
            seconds=seconds,
            step=beat.step if beat else None,
        )

    def bind(self, assignment: Assignment, outcome: Outcome) -> Outcome:
        """Bind an outcome, unless the attempt has one."""
        return bind_outcome(self.store, assignment.key, assignment.number, outcome)

    def take_up(self, last: Standing, job: JobSpec) -> Standing:
        """See that there is an attempt behind the last one, with the same job; how the work stands then."""
        spec, outcome = last.spec, last.outcome
        if spec is None or outcome is None:
            raise ValueError("only an attempt that ended is followed by another")
        return assign(
            self.store,
            load_parts(self.store, last.key),
            next_claimant(spec, job.digest, self.now(), spec.submitted_by),
            self.here,
            again=last.result is not None,
            after=spec.number,
            why=f"{TAKEN_UP} attempt {spec.number}, {outcome.cause or outcome.state}: {outcome.reason.rstrip('.')}",
            unique=self.unique,
        )


def bind_outcome(store: Store, key: str, number: int, outcome: Outcome) -> Outcome:
    """Bind an outcome for a runner that could not, and see to it that MLflow hears of it; the one that stays."""
    if not any(store.list(WorkKeys(key).result)):  # MLflow knows all about work that is done
        mark(store, key)
    held = outcome.bind(store, WorkKeys(key).attempt(number).outcome)
    index.note(store, key)
    return held


def next_claimant(spec: AttemptSpec, job: str, now: datetime, person: str) -> Claimant:
    """Who makes the attempt behind one, with what was said about that."""
    return Claimant(
        submitted_by=person,
        name=spec.name,
        place=Place(target=spec.place.target, host=spec.place.host if spec.job else ""),
        created=now,
        note=spec.note,
        tags=spec.tags,
        team=spec.team,
        kind=spec.kind,
        revision=spec.revision,
        job=job,
    )
