"""What validation has said of a snapshot: of each suite the findings of the newest stored verdict.

Where nobody has validated it by the general suite and the model's own yet, the gate does.
"""

from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.validation.records import PREFIX, Question, validate
from slipway.platform.data.validation.suite import Suite, general_suite, read_suite
from slipway.platform.data.validation.verdict import Severity, Verdict
from slipway.platform.machine import cores
from slipway.platform.models.finder import Model
from slipway.platform.store import Store
from slipway.training.gates.evidence import DataSaid


def said_of(store: Store, snapshot: str | None) -> DataSaid:
    """What is known of the snapshot that a bundle was trained on."""
    if snapshot is None:
        return DataSaid(None)
    newest: dict[str, tuple[str, Verdict]] = {}
    for key in store.list(PREFIX):
        try:
            verdict = Verdict.model_validate_json(store.get(key))
        except ValidationError:
            continue  # of another release; whoever validates again makes it anew
        for suite in {one.suite for one in verdict.findings} if verdict.snapshot == snapshot else ():
            if suite not in newest or newest[suite][1].judged_at <= verdict.judged_at:
                newest[suite] = (key, verdict)
    found = [one for suite, (_, verdict) in newest.items() for one in verdict.findings if one.suite == suite]
    blocking = [one for one in found if not one.ok and one.severity is Severity.BLOCKING]
    return DataSaid(
        snapshot=snapshot,
        found=bool(newest),
        suites=frozenset(newest),
        passed=bool(newest) and not blocking,
        warnings=sum(not one.ok and one.severity is Severity.WARNING for one in found),
        failures=tuple(one.sentence for one in blocking),
        evidence={key: verdict.suites for key, verdict in newest.values()},
    )


def suites_of(model: Model) -> list[Suite]:
    """What a model's data must be held against: the general suite, and its own where it has one."""
    own = [read_suite(model.expectations)] if model.expectations.is_file() else []
    return [general_suite(), *own]


def validated(store: Store, folder: Path, model: Model, now: datetime) -> None:
    """Validate the snapshot in a folder, with its images; the verdict is stored."""
    question = Question(snapshot=Snapshot(folder), suites=suites_of(model), now=now, threads=cores().threads)
    validate(question, store, lambda _stage, _done, _all: None)
