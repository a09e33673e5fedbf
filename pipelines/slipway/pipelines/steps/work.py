"""Work that a step has launched: seeing it to its end, what it cost, and why it did not come to one.

It runs on its own. Whoever looks on may be interrupted or killed, and the next one finds it by its key.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from slipway.pipelines.steps.step import Tell
from slipway.platform.errors import SlipwayError

if TYPE_CHECKING:
    from slipway.pipelines.steps.commands import Answer
    from slipway.pipelines.steps.site import Site
    from slipway.platform.runs.records import Result
    from slipway.platform.runs.standing import Standing

DONE: Final = "done"
UNDER_WAY: Final = frozenset({"pending", "running"})
EVERY: Final = 0.1
"""The share of the way between two remarks on how far it is."""


class LeftRunning(KeyboardInterrupt):
    """A person stopped looking on; the work goes on."""

    def __init__(self, name: str, key: str) -> None:
        super().__init__(name)
        self.name, self.key = name, key


class WorkFailed(SlipwayError):
    """Launched work ended without a result."""


def see_through(site: "Site", key: str, name: str, tell: Tell) -> "Standing":
    """Until it has ended; interrupted, it is left running."""
    from slipway.platform.jobs.api import Desk, wait_at

    try:
        return wait_at(Desk(site.loaded, site.store, site.here), key, _Telling(name, tell))
    except KeyboardInterrupt:
        raise LeftRunning(name, key) from None


def result_of(standing: "Standing", name: str) -> "Result":
    """What came of it; raised where nothing did."""
    if standing.result is not None:
        return standing.result
    outcome = standing.outcome
    why = (outcome.reason if outcome else standing.reason) or "nobody knows why"
    mend = (outcome.mend if outcome else "") or f"`slipway logs {name}` says more; the same command tries again."
    raise WorkFailed(f"{name} is {standing.state or 'lost'}: {why}", mend=mend)


def check_answer(answer: "Answer") -> Mapping[str, Any]:
    """What a command that launches says of the work; where it says that it has ended badly, that is raised."""
    told: Mapping[str, Any] = answer.data
    if answer.code and told.get("state") not in {DONE, *UNDER_WAY}:
        outcome = told.get("outcome") or {}
        why = outcome.get("reason") or told.get("reason") or "nobody knows why"
        mend = outcome.get("mend") or f"`slipway logs {told['name']}` says more; the same command tries again."
        raise WorkFailed(f"{told['name']} is {told.get('state')}: {why}", mend=mend)
    return told


def cost_of(site: "Site", keys: Iterable[str]) -> tuple[Decimal | None, str]:
    """What all attempts at this work have cost, and in which currency; of work of several currencies the last one's."""
    from slipway.platform.jobs.spec import JobSpec
    from slipway.platform.jobs.spending import spent
    from slipway.platform.runs.standing import last_spec

    total, currency = None, ""
    for key in keys:
        spec = last_spec(site.store, key)
        if spec is None or not spec.job:
            continue
        job = JobSpec.load(site.store, spec.job)
        paid = spent(site.store, job)
        total = paid + (total or Decimal(0)) if currency in ("", job.price.currency) else paid
        currency = job.price.currency
    return total, currency


class _Telling:
    """Passes on what is said of the work, and of how far it is a line now and then."""

    def __init__(self, name: str, tell: Tell) -> None:
        self._name, self._tell = name, tell
        self._last: tuple[str, int] = ("", -1)

    def note(self, text: str) -> None:
        """Pass it on."""
        self._tell(text)

    def progress(self, told: Mapping[str, Any], remark: str) -> None:
        """A line when the phase changes, and for each tenth of the way."""
        phase, step, steps = str(told.get("phase", "")), int(told.get("step", 0)), int(told.get("steps", 0))
        now = phase, int(step / steps / EVERY) if steps else 0
        if now == self._last or not phase:
            return
        self._last = now
        far = f", step {step:,} of {steps:,}" if steps else ""
        self._tell(f"{self._name}: {phase}{far}{f' ({remark})' if remark else ''}")
