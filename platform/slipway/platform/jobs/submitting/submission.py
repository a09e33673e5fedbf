"""Submitting: work is given to a launcher and runs on its own, and whoever submits it again comes to the same.

Everything that could be wrong with a request is refused before anything is written. Then, in this order:

1. data, code and references are provided in the store and the remote; the name is bound; the wish is recorded
2. the job is kept under its digest
3. the attempt is made; among any number who ask at the same time, one makes it
4. the launcher is given it

Each step looks for its own result or binds it, so a kill between any two leaves what the next caller goes on from:
an attempt that no launcher knows yet is launched by whoever asks for the work next, or by `slipway jobs reconcile`.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Literal

from slipway.platform.errors import WrongUse
from slipway.platform.jobs.launchers.contract import Assignment, Launcher, LauncherUnreachable, Phase
from slipway.platform.jobs.launchers.opening import open_launcher
from slipway.platform.jobs.overseeing.acting import Acting, next_claimant
from slipway.platform.jobs.overseeing.deciding import Launch, decide
from slipway.platform.jobs.overseeing.overseer import Overseer
from slipway.platform.jobs.overseeing.settling import settle
from slipway.platform.jobs.spec import JobSpec
from slipway.platform.jobs.submitting.placing import Placement
from slipway.platform.jobs.submitting.planning import Planned
from slipway.platform.jobs.submitting.providing import claimant_of, name_work, provide, told_size
from slipway.platform.jobs.submitting.refusing import check_budget, check_cluster
from slipway.platform.jobs.submitting.starting import Request
from slipway.platform.jobs.submitting.stopping import Stopping
from slipway.platform.jobs.targets import named_target
from slipway.platform.jobs.watching import SILENT, Watcher
from slipway.platform.jobs.wishes import forget_wishes, wish
from slipway.platform.runs.attempts import Claimant, assign
from slipway.platform.runs.find import load_parts
from slipway.platform.runs.names import check_free
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.records import AttemptSpec, Place, State
from slipway.platform.runs.standing import Here, Standing
from slipway.platform.runs.tracking.tracker import Tracker, open_tracker
from slipway.platform.store import Store, open_store

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded
    from slipway.platform.settings.schema import Target

How = Literal["started", "attached", "found"]
OpenLauncher = Callable[[str], Launcher]


@dataclass(frozen=True)
class Submitted:
    """How the work stands after it was submitted."""

    how: How
    """`started`: by this call; `attached`: it is under way already; `found`: it is done, or just ended."""
    name: str
    key: str
    standing: Standing
    words: str = ""
    """What its launcher said, or why it could not be asked."""


def submit(  # noqa: PLR0913 - what, for whom, and where
    planned: Planned,
    request: Request,
    loaded: "Loaded",
    *,
    target: str,
    nodes: int = 1,
    budget: Decimal | None = None,
    secrets: Sequence[str] = (),
    patient: bool = False,
    watcher: Watcher = SILENT,
    store: Store | None = None,
    launchers: OpenLauncher | None = None,
) -> Submitted:
    """Give the work to the target's launcher, attach to who is at it, or return what is done. Does not wait for it.

    Where its last attempt is being stopped, nothing begins beside that; `patient` waits until it is over, and goes on.
    """
    placement = Placement(target=target, nodes=nodes, budget=budget, secrets=tuple(secrets))
    found = placement.checked(loaded.settings, planned.config)
    if launchers is None:
        check_cluster(placement.target, found, loaded)
    submission = _Submission(loaded, request.submitted_by, watcher, store, launchers)
    if request.name is not None:
        check_free(submission.store, planned.key, request.name)
    if patient:
        submission.stopping.wait(planned.key)
    now = submission.standing(planned.key)
    if (there := submission.there(now, request.name, again=request.again)) is not None:
        return there
    job = placement.on(planned.job(fresh=request.again, patch=request.patch), loaded.settings, found)
    check_budget(submission.store, job, "the same command with")
    code = provide(planned, loaded, submission.store, watcher.note, elsewhere=found.launcher != "local")
    watcher.note(told_size(code, planned.code_bytes))
    name = name_work(planned, request, submission.store, now)
    claimant = claimant_of(planned, request, name, submission.place(target, found), job=job.digest)
    return submission.start(planned.parts, claimant, job, now, again=request.again)


def rerun(  # noqa: PLR0913 - as `submit`
    key: str,
    person: str,
    loaded: "Loaded",
    *,
    again: bool = False,
    target: str | None = None,
    nodes: int | None = None,
    budget: Decimal | None = None,
    patient: bool = False,
    watcher: Watcher = SILENT,
    store: Store | None = None,
    launchers: OpenLauncher | None = None,
) -> Submitted:
    """Make another attempt at work that was submitted and has ended, with the same job, from its last checkpoint.

    Refused while it is under way. Work that is done is done once more, from the first step, only with `again`.
    """
    submission = _Submission(loaded, person, watcher, store, launchers)
    if patient:
        submission.stopping.wait(key)
    now = submission.standing(key)
    refuse_running(now)
    if (there := submission.there(now, None, again=again)) is not None:
        return there
    spec, job = job_again(submission.store, now, loaded, again=again, target=target, nodes=nodes, budget=budget)
    found = loaded.settings.targets[job.target]
    if launchers is None:
        check_cluster(job.target, found, loaded)
    claimant = replace(
        next_claimant(spec, job.digest, datetime.now(UTC), person), place=submission.place(job.target, found)
    )
    return submission.start(load_parts(submission.store, key), claimant, job, now, again=again)


def refuse_running(now: Standing) -> None:
    """Another attempt is none beside the last one."""
    if now.under_way:
        raise WrongUse(now.told(), mend="Wait for it, or `slipway cancel` it first.")


def job_again(
    store: Store,
    now: Standing,
    loaded: "Loaded",
    *,
    again: bool = False,
    target: str | None = None,
    nodes: int | None = None,
    budget: Decimal | None = None,
) -> tuple[AttemptSpec, JobSpec]:
    """The last attempt, and the job that another one would have; refuses what cannot be. Nothing is written."""
    spec = now.spec
    if spec is None or not spec.job:
        raise WrongUse(
            f"{now.told()} It was not submitted, so nobody knows where it is to run.",
            mend="`slipway submit` the same work.",
        )
    before = JobSpec.load(store, spec.job)
    place = target or before.target
    priced = named_target(place, loaded.settings).price_per_hour
    placement = Placement(
        target=place,
        nodes=nodes or before.nodes,
        budget=budget if budget is not None or not priced else before.limits.budget,
        secrets=before.secrets,
    )
    found = placement.checked(loaded.settings, before.config)
    job = placement.on(before.model_copy(update={"fresh": again}), loaded.settings, found)
    check_budget(store, job, f"slipway rerun {spec.name}")
    return spec, job


class _Submission:
    """One request to have work run."""

    def __init__(
        self, loaded: "Loaded", person: str, watcher: Watcher, store: Store | None, launchers: OpenLauncher | None
    ) -> None:
        self._loaded, self._person, self._watcher = loaded, person, watcher
        self.store = store or open_store(loaded.settings.store, loaded.settings.s3)
        self._here = Here.at(loaded.root)
        self._open = launchers or partial(open_launcher, loaded=loaded, store=self.store)
        self._overseer = Overseer(loaded, self.store, self._here, self._open, watcher)
        self.stopping = Stopping(self.store, self._overseer, watcher)

    def standing(self, key: str) -> Standing:
        """How the work stands, looked at as an overseer does."""
        return self._overseer.standing(key)

    def place(self, target: str, found: "Target") -> Place:
        """Where it is meant to run; a job for this machine is no other's to start."""
        return Place(target=target, host=self._here.host if found.launcher == "local" else "")

    def there(self, now: Standing, name: str | None, *, again: bool) -> Submitted | None:
        """The work, when nothing has to be started, or nothing may begin beside what is being stopped."""
        if now.under_way and not self.stopping.is_cancelled(now):
            return self._attach(now)
        if now.result is None or again:
            words, called = self.stopping.words(now), now.spec.name if now.spec else now.key
            again_later = f"{words} Submit it again in a moment, or with --wait."
            return Submitted("attached", called, now.key, now, again_later) if words else None
        if behind := settle(self.store, self._tracker, self._here, now):
            self._watcher.note(behind)
        return Submitted("found", name or (now.spec.name if now.spec else now.key), now.key, now)

    def start(self, parts: Parts, claimant: Claimant, job: JobSpec, before: Standing, *, again: bool) -> Submitted:
        """Make the attempt behind the last one, unless others were quicker, and launch it."""
        if before.result is not None:
            forget_wishes(self.store, parts.key)  # of those who wanted what they have
        wish(self.store, parts.key, self._person, claimant.created)
        job.keep(self.store)
        nonce = uuid.uuid4().hex
        now = assign(
            self.store,
            parts,
            claimant,
            self._here,
            again=again,
            after=before.number,
            deadline=timedelta(seconds=job.limits.silence_seconds),
            unique=lambda: nonce,
        )
        if now.spec is None or now.spec.nonce != nonce:
            return self._attach(now)
        try:
            status = Acting(self.store, self._here).launch(self._open(job.target), Assignment(job, now.spec))
        except LauncherUnreachable as error:
            return self._waiting("started", now, error)
        return Submitted("started", now.spec.name, parts.key, now, status.words)

    def _attach(self, now: Standing) -> Submitted:
        """Want it too, and see to it that its launcher knows of it: who made the attempt may have been killed."""
        name = now.spec.name if now.spec else now.key
        if not now.under_way:
            return Submitted("found", name, now.key, now)
        wish(self.store, now.key, self._person, datetime.now(UTC))
        self._watcher.note(now.told())
        try:
            seen = self._overseer.look(now.key)
            step = decide(seen)
            if isinstance(step, Launch):
                self._overseer.act(seen, step)
        except LauncherUnreachable as error:
            if now.state is State.PENDING:
                return self._waiting("attached", now, error)
            return Submitted("attached", name, now.key, now)
        words = "" if seen.status.phase is Phase.ABSENT else seen.status.words
        return Submitted("attached", name, now.key, self.standing(now.key), words)

    def _waiting(self, how: How, now: Standing, error: LauncherUnreachable) -> Submitted:
        words = f"{error} It is launched as soon as somebody asks for it again, or by `slipway jobs reconcile`."
        self._watcher.note(words)
        return Submitted(how, now.spec.name if now.spec else now.key, now.key, now, words)

    def _tracker(self) -> Tracker:
        return open_tracker(self._loaded.settings.mlflow, self._loaded.root)
