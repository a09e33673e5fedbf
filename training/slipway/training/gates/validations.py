"""What validation has said of a snapshot: the newest stored verdict of each set of suites.

Where nobody has validated it yet, the gate does: by the general suite and the model's own.
"""

from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.validation import Question, Severity, Verdict, general_suite, read_suite, validate
from slipway.platform.data.validation.records import PREFIX
from slipway.platform.machine import cores
from slipway.platform.models.finder import Model
from slipway.platform.store import Store
from slipway.training.gates.evidence import DataSaid


def said_of(store: Store, snapshot: str | None) -> DataSaid:
    """What is known of the snapshot that a bundle was trained on."""
    if snapshot is None:
        return DataSaid(None)
    newest: dict[frozenset[str], tuple[str, Verdict]] = {}
    for key in store.list(PREFIX):
        try:
            verdict = Verdict.model_validate_json(store.get(key))
        except ValidationError:
            continue  # of another release; whoever validates again makes it anew
        suites = frozenset(one.suite for one in verdict.findings)
        if verdict.snapshot == snapshot and (suites not in newest or newest[suites][1].judged_at <= verdict.judged_at):
            newest[suites] = (key, verdict)
    verdicts = [verdict for _, verdict in newest.values()]
    return DataSaid(
        snapshot=snapshot,
        found=bool(verdicts),
        passed=bool(verdicts) and all(one.passed for one in verdicts),
        warnings=sum(len(one.failed(Severity.WARNING)) for one in verdicts),
        failures=tuple(found.sentence for one in verdicts for found in one.failed(Severity.BLOCKING)),
        evidence={key: verdict.suites for key, verdict in newest.values()},
    )


def validated(store: Store, folder: Path, model: Model, now: datetime) -> None:
    """Validate the snapshot in a folder, with its images; the verdict is stored."""
    own = [read_suite(model.expectations)] if model.expectations.is_file() else []
    question = Question(snapshot=Snapshot(folder), suites=[general_suite(), *own], now=now, threads=cores().threads)
    validate(question, store, lambda _stage, _done, _all: None)
