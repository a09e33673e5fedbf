"""One run in full, as it is now: state and place, attempts with causes and costs, data, code, metrics, who wants it.

Everything comes from the record; a launcher is asked only about an attempt under way, and only for its words. What
cannot be asked, or is damaged, is said and hides nothing else.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeVar

from slipway.platform.errors import SlipwayError
from slipway.platform.jobs.advising import Known, advice
from slipway.platform.jobs.launchers.contract import Assignment, Launcher, NodeStatus, Status
from slipway.platform.jobs.overseeing.deciding import TAKEN_UP
from slipway.platform.jobs.reporting import where_to_look
from slipway.platform.jobs.runner import checkpoints
from slipway.platform.jobs.spec import JobSpec
from slipway.platform.jobs.spending import Charge, lived, spent
from slipway.platform.jobs.wishes import wanting
from slipway.platform.runs import index
from slipway.platform.runs.comparing.reasons import Tried, attempts_of, next_start
from slipway.platform.runs.errors import RunsError
from slipway.platform.runs.find import load_parts
from slipway.platform.runs.judged import headline
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.records import Cancellation, Cause, State
from slipway.platform.runs.results import load_evaluation
from slipway.platform.runs.standing import Here, Standing, spec_of, standing
from slipway.platform.runs.tracking.binding import bound
from slipway.platform.store import ObjectMissing, Store, StoreUnreachable

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

T = TypeVar("T")
Open = Callable[[str], Launcher]
LEAVES: Final = ("trainer.max_epochs", "batch", "seed", "optimizer.lr", "trainer.precision", "trainer.accelerator")
"""What of the config is told; all of it is in --json."""


@dataclass(frozen=True)
class Execution:
    """An attempt."""

    number: int
    state: State
    cause: Cause | None
    reason: str
    why: str
    """Why it was made."""
    person: str
    target: str
    where: str
    created: str
    seconds: float
    step: int | None
    cost: Decimal
    currency: str


@dataclass(frozen=True)
class Shown:
    """All that is told of a run."""

    key: str
    standing: Standing
    attempts: Sequence[Execution]
    parts: Parts | None
    job: JobSpec | None
    status: Status | None = None
    """The launcher's, of an attempt under way."""
    since: timedelta = timedelta(0)
    """How long ago somebody asked for it last, by the store's clock; attempts that took it up again are no asking."""
    judged: Mapping[str, Any] | None = None
    page: str = ""
    wanted_by: Sequence[str] = ()
    cancellation: Cancellation | None = None
    remarks: Sequence[str] = field(default_factory=tuple)
    advice: str = ""
    """What to do about it, where it ended without a result."""

    @property
    def name(self) -> str:
        """Its readable name."""
        return self.standing.spec.name if self.standing.spec else self.key

    @property
    def words(self) -> str:
        """What an attempt under way waits for, or does."""
        if self.status is not None and self.status.words:
            return self.status.words
        beat = self.standing.heartbeat
        if beat is None or self.standing.state is not State.RUNNING:
            return self.standing.reason
        return f"{beat.phase}, step {beat.step:,} of {beat.steps:,}" if beat.steps else beat.phase

    @property
    def seconds(self) -> float:
        """Of all attempts, so far."""
        return sum(one.seconds for one in self.attempts)

    @property
    def costs(self) -> list[tuple[Decimal, str]]:
        """Of each attempt, so far."""
        return [(one.cost, one.currency) for one in self.attempts]

    @property
    def metrics(self) -> Mapping[str, float]:
        """The result's, or as far as a running attempt says."""
        if self.standing.result is not None:
            return self.standing.result.metrics
        told = self.standing.heartbeat.progress if self.standing.heartbeat else {}
        return {name: float(told[name]) for name in ("loss", "metric") if told.get(name) is not None}

    @property
    def settings(self) -> Mapping[str, Any]:
        """The values of the config that are told."""
        config = self.parts.config if self.parts else {}
        found = {leaf: _leaf(config, leaf) for leaf in LEAVES}
        return {leaf: value for leaf, value in found.items() if value is not None}

    @property
    def arguments(self) -> Sequence[str]:
        """A script's."""
        return tuple(map(str, self.parts.config.get("arguments", ()))) if self.parts else ()

    @property
    def nodes(self) -> Sequence[NodeStatus]:
        """Of an attempt under way, as far as its launcher tells them."""
        return self.status.nodes if self.status else ()

    def as_data(self) -> dict[str, Any]:
        """For scripts."""
        now, parts, job, spec = self.standing, self.parts, self.job, self.standing.spec
        return {
            "name": self.name,
            "key": self.key,
            "model": parts.model if parts else None,
            "team": spec.team if spec else "",
            "state": now.state,
            "reason": now.reason,
            "words": self.words,
            "next": self.advice or next_start(now),
            "attempts": [{**asdict(one), "cost": str(one.cost)} for one in self.attempts],
            "place": now.place.model_dump(),
            "nodes": [asdict(one) for one in self.nodes],
            "target": job.target if job else now.place.target,
            "job": job.model_dump(mode="json", exclude={"config", "patch"}) if job else None,
            "snapshot": parts.snapshot if parts else None,
            "code": {"digest": parts.code_digest, "files": len(parts.code)} if parts else None,
            "revision": spec.revision if spec else "",
            "config": parts.config if parts else None,
            "lock": parts.lock if parts else None,
            "references": parts.references if parts else None,
            "metrics": dict(self.metrics),
            "judgement": self.judged,
            "seconds": round(self.seconds, 3),
            "cost": [{"amount": str(amount), "currency": currency} for amount, currency in self.costs],
            "mlflow": self.page,
            "wanted_by": list(self.wanted_by),
            "cancelled_by": self.cancellation.by if self.cancellation else None,
            "note": spec.note if spec else "",
            "tags": dict(spec.tags) if spec else {},
            "remarks": list(self.remarks),
        }


def show(key: str, loaded: "Loaded", store: Store, open_launcher: Open) -> Shown:
    """The run as it is now."""
    here = Here.at(loaded.root)
    now = standing(store, key, here, timedelta(seconds=loaded.settings.jobs.silence_seconds))
    remarks: list[str] = []
    parts = _told(remarks, lambda: load_parts(store, key))
    spec = now.spec
    job = _told(remarks, lambda: JobSpec.load(store, spec.job)) if spec and spec.job else None
    status = _status(now, job, open_launcher, remarks) if job is not None else None
    evaluation = _told(remarks, lambda: load_evaluation(store, now.result)) or {}
    binding = bound(store, key)
    wanted = wanting(store, spec, key) if spec and now.under_way else set()
    keys = WorkKeys(key).attempt(now.number)
    asked = WorkKeys(key).attempt(_asked(store, now))
    return Shown(
        key=key,
        standing=now,
        attempts=[_execution(store, key, one, job, now) for one in attempts_of(store, now)],
        parts=parts,
        job=job,
        status=status,
        since=store.age(asked.spec) if spec else timedelta(0),
        judged=headline(evaluation),
        page=where_to_look(binding, loaded) if binding else "",
        wanted_by=sorted(wanted),
        cancellation=Cancellation.load(store, keys.cancellation) if spec else None,
        remarks=remarks,
        advice=_advice(store, now, job),
    )


def _asked(store: Store, now: Standing) -> int:
    """The attempt that somebody asked for last."""
    number, spec = now.number, now.spec
    while spec is not None and spec.why.startswith(TAKEN_UP) and number > 1:
        number -= 1
        spec = spec_of(store, now.key, number)
    return number


def _advice(store: Store, now: Standing, job: JobSpec | None) -> str:
    if now.state is None or now.under_way or now.result is not None:
        return ""
    found = next(iter(checkpoints.stored(store, WorkKeys(now.key))), None)
    cost = spent(store, job) if job else Decimal(0)
    return advice(Known(now, job, found, now.key in index.active(store), cost))


def _told(remarks: list[str], read: Callable[[], T]) -> T | None:
    """What could be read; else a remark says why not."""
    try:
        return read()
    except (RunsError, ObjectMissing) as error:
        remarks.append(str(error))
        return None


def _status(now: Standing, job: JobSpec, open_launcher: Open, remarks: list[str]) -> Status | None:
    """A launcher's words about what is under way."""
    if not now.under_way or now.spec is None:
        return None
    try:
        return open_launcher(job.target).status(Assignment(job, now.spec))
    except StoreUnreachable:
        raise
    except SlipwayError as error:
        remarks.append(str(error))
        return None


def _execution(store: Store, key: str, tried: Tried, job: JobSpec | None, now: Standing) -> Execution:
    spec, outcome = tried.spec, tried.outcome
    last = spec.number == now.number
    charge = Charge()
    seconds = outcome.seconds if outcome else 0.0
    if outcome is None:
        seconds = _so_far(store, key, now) if last and now.under_way else lived(store, key, spec.number)
        if job is not None:
            charge = Charge.of(job, seconds)
    place = now.place if last else spec.place
    return Execution(
        number=spec.number,
        state=tried.state,
        cause=outcome.cause if outcome else None,
        reason=tried.reason,
        why=spec.why,
        person=spec.submitted_by,
        target=spec.place.target,
        where=place.where,
        created=f"{spec.created:%Y-%m-%d %H:%M}",
        seconds=round(seconds, 3),
        step=outcome.step
        if outcome
        else (now.heartbeat.step if last and now.heartbeat and now.heartbeat.steps else None),
        cost=outcome.cost if outcome else charge.cost,
        currency=outcome.currency if outcome else charge.currency,
    )


def _so_far(store: Store, key: str, now: Standing) -> float:
    """Since its process began."""
    keys = WorkKeys(key).attempt(now.number)
    if now.spec is not None and now.spec.job and now.begun is None:
        return 0.0
    with suppress(ObjectMissing):
        return store.age(keys.begun if now.begun else keys.spec).total_seconds()
    return 0.0


def _leaf(config: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401 - whatever a config holds
    found: Any = config
    for name in path.split("."):
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return found
