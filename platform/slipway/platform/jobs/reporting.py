"""What a person is told when work has come to an end: what came of it, or why nothing did, and where to look."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.jobs.advising import TRAINING
from slipway.platform.jobs.runner.log import PREFIX
from slipway.platform.jobs.submitting.starting import Brought
from slipway.platform.masking import masked
from slipway.platform.runs.judged import headline, measure
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.pieces import read_pieces
from slipway.platform.runs.records import Binding, Cause, Outcome, Result, State
from slipway.platform.runs.results import load_evaluation
from slipway.platform.runs.tracking.binding import bound
from slipway.platform.settings.schema import SQLITE
from slipway.platform.store import Store, open_store
from slipway.platform.telling import duration

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

GIB: Final = 2**30
LOG_LINES: Final = 12
LOG_TAIL: Final = 8192
SAMPLES: Final = 5


@dataclass(frozen=True)
class Told:
    """For people and for scripts."""

    fields: Mapping[str, str]
    data: Mapping[str, Any]
    remarks: list[str] = field(default_factory=list)


def report(brought: Brought, key: str, loaded: "Loaded") -> Told:
    """What to say of it."""
    store = open_store(loaded.settings.store, loaded.settings.s3)
    result, outcome = brought.result, brought.outcome
    evaluation = load_evaluation(store, result)
    binding = bound(store, key)
    where = where_to_look(binding, loaded) if binding else ""
    judged = headline(evaluation)
    data = {
        "name": brought.name,
        "key": key,
        "state": brought.state.value,
        "how": brought.how,
        "attempt": brought.standing.number,
        "metrics": dict(result.metrics) if result else {},
        "headline": judged["metric"] if judged else None,
        "judgement": judged,
        "same": brought.ran.same if brought.ran else None,
        "mlflow": where,
        "mlflow_run": binding.run_id if binding else None,
        "reason": outcome.reason if outcome else brought.standing.reason,
        **({"outcome": outcome.model_dump(mode="json")} if outcome else {}),
    }
    if brought.state is State.DONE and result is not None:
        return Told(_done(brought, key, result, evaluation, where), data, _remarks(brought))
    return Told(_not_done(brought, key, where), data, _why(brought, outcome, store))


def where_to_look(binding: Binding, loaded: "Loaded") -> str:
    """The MLflow run's page, or how to open one."""
    address = loaded.settings.mlflow.tracking_uri
    if address.startswith(SQLITE):
        return f"mlflow ui --backend-store-uri {address}"
    return f"{masked(address)}/#/experiments/{binding.experiment_id}/runs/{binding.run_id}"


def _done(brought: Brought, key: str, result: Result, evaluation: Mapping[str, Any], where: str) -> dict[str, str]:
    fields = {"run": brought.name, "key": key}
    found = headline(evaluation)
    if found is not None:
        fields[f"{found['metric']} ({found['split']})"] = measure(found)
        if found["baseline"] is not None:
            fields["over the baseline"] = measure(found["baseline"]["difference"], sign="+")
    if result.steps:
        fields["steps"] = f"{result.steps:,} in {duration(result.seconds)}"
    else:  # of a script, which may know none
        fields["took"] = duration(result.seconds)
    if brought.how == "found":
        fields["done"] = f"{result.finished:%Y-%m-%d %H:%M} by attempt {result.attempt}"
    if where:
        fields["look"] = where
    return fields


def _not_done(brought: Brought, key: str, where: str) -> dict[str, str]:
    fields = {"run": brought.name, "key": key, "state": brought.state.value}
    return {**fields, "look": where} if where else fields


def _remarks(brought: Brought) -> list[str]:
    """What is worth knowing beside the result."""
    remarks = []
    spec = brought.standing.spec
    trained = spec is None or spec.kind == TRAINING
    if brought.how == "found":
        remarks.append(f"This work is done already; --again {'trains it' if trained else 'does it'} anew.")
    if brought.how == "attached" and spec is not None:
        did = "Trained" if trained else "Done"
        remarks.append(f"{did} by {spec.submitted_by} on {brought.standing.place.where}, attempt {spec.number}.")
    if brought.ran and brought.ran.same is True:
        remarks.append("IDENTICAL: the weights are those of the bound result, to the bit.")
    if brought.ran and brought.ran.same is False:
        remarks.append("The weights DIFFER from the bound result's, which stays; `slipway reproduce` finds where.")
    if brought.ran and brought.ran.behind:
        remarks.append(f"{brought.ran.behind}; the rest is sent when MLflow is back.")
    return remarks


def _why(brought: Brought, outcome: Outcome | None, store: Store) -> list[str]:
    """Why it is not done, as far as it is known, and what to do."""
    if outcome is None:
        return [brought.standing.told()]
    lines = [outcome.reason]
    if outcome.cost:
        lines.append(f"cost     {outcome.cost:.2f} {outcome.currency}")
    if outcome.state is not State.FAILED:
        return [*lines, outcome.mend] if outcome.mend else lines
    if outcome.cause is Cause.OUT_OF_MEMORY:
        lines.append(f"memory   {outcome.memory_peak / GIB:.2f} GiB at its peak")
    if outcome.step is not None:
        lines.append(f"step     {outcome.step:,}")
    if outcome.samples:
        more = f" and {len(outcome.samples) - SAMPLES} more" if len(outcome.samples) > SAMPLES else ""
        lines.append(f"samples  {', '.join(one[:12] for one in outcome.samples[:SAMPLES])}{more}")
    if outcome.mend:
        lines.append(outcome.mend)
    elif log := _last_lines(brought, store):
        lines += ["the last lines of its log:", *(f"  {line}" for line in log)]
    if brought.standing.spec is not None and brought.standing.spec.kind != TRAINING:
        return [*lines, f"`slipway logs {brought.name}` has all of it."]
    batch = ", checkpoint and that batch" if outcome.samples else " and checkpoint"
    return [*lines, f"`slipway debug {brought.name}` restores code, config{batch}."]


def _last_lines(brought: Brought, store: Store) -> list[str]:
    keys = WorkKeys(brought.standing.key).attempt(brought.standing.number)
    text = read_pieces(store, keys.log, tail=LOG_TAIL).decode(errors="replace")
    return [line for line in text.rstrip().splitlines() if not line.startswith(PREFIX)][-LOG_LINES:]
