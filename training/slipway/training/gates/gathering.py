"""Gathering what checks look at: the evaluations, what both lineages have seen, the data's verdict, the comparison."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway.platform.data.snapshot import Snapshot
from slipway.platform.errors import WrongUse
from slipway.platform.jobs.api import Desk
from slipway.platform.models.schema import Declaration
from slipway.platform.runs.records import Result
from slipway.training.gates.checks.common import asked_variants
from slipway.training.gates.comparing import compare
from slipway.training.gates.evidence import Compared, DataSaid, Evidence, Facts, Lineage
from slipway.training.gates.lineages import Seen, ancestry_of, lineage_of
from slipway.training.gates.loading import load_evidence, load_predictions, load_rows
from slipway.training.gates.planning import Candidate, plan_evaluation, task_config
from slipway.training.gates.question import Question
from slipway.training.gates.records import SPLIT
from slipway.training.gates.validations import said_of, suites_of, validated
from slipway.training.reading.trusted import trusted_examples
from slipway.training.tasks import task_for

if TYPE_CHECKING:
    from slipway.platform.jobs.submitting.planning import Planned

Bring = Callable[["Planned"], Result]
"""See an evaluation through; a `SlipwayError` where it ends without a result."""
Remark = Callable[[str], None]
SHOWN: Final = 12


@dataclass(frozen=True)
class Comparison:
    """The two, variant by variant."""

    found: tuple[Compared, ...] = ()
    total: int = 0
    dropped: int = 0
    why: str = ""
    """Why they could not be compared, where they could not."""


def facts_of(question: Question, desk: Desk, bring: Bring, remark: Remark, at: datetime) -> Facts:
    """Evaluate what has to be, and gather all that checks look at."""
    results = [bring(plan_evaluation(one, question.named, desk.loaded, desk.store)) for one in question.bundles]
    remark("reading what the evaluations say")
    evidences = [load_evidence(desk.store, one, result) for one, result in zip(question.bundles, results, strict=True)]
    snapshot = evaluation_snapshot(question, desk)
    lineages = [lineage_in(one, snapshot, load_rows(desk.store, results[0]), desk) for one in question.bundles]
    comparison = Comparison()
    if question.champion is not None:
        remark("comparing with the champion")
        seen = {sample for one in lineages for sample in one.seen}
        comparison = against(question, evidences, results, snapshot, seen, desk)
    return Facts(
        candidate=evidences[0],
        lineage=lineages[0],
        data=data_of(question.candidate, desk, remark, at),
        champion=evidences[1] if question.champion else None,
        compared=comparison.found,
        incomparable=comparison.why,
        total=comparison.total,
        dropped=comparison.dropped,
        all_known=all(one.known for one in lineages),
    )


def against(
    question: Question,
    evidences: Sequence[Evidence],
    results: Sequence[Result],
    snapshot: Snapshot,
    seen: Collection[str],
    desk: Desk,
) -> Comparison:
    """Every variant against the champion's, on the rows that nobody has seen."""
    candidate, champion = evidences
    task = task_for(question.candidate.model.package, task_config(question.candidate, desk.store))
    examples = trusted_examples(task, snapshot, SPLIT)
    check = question.candidate.model.declaration.gates.against_champion
    found, total, dropped = [], 0, 0
    for variant in asked_variants(question.candidate.model.declaration, candidate.manifest):
        other = other_variant(variant, question.candidate.model.declaration, champion)
        if variant not in candidate.evaluations or other is None:
            continue
        try:
            ours, theirs = (
                task.judge(load_predictions(desk.store, result, name), examples)
                for result, name in zip(results, (variant, other), strict=True)
            )
            one, total, dropped = compare(check, variant, ours, other, theirs, seen)
        except WrongUse as error:
            return Comparison(why=str(error))
        found.append(one)
    return Comparison(tuple(found), total, dropped, "" if found else "No variant of the two could be compared.")


def other_variant(variant: str, declaration: Declaration, champion: Evidence) -> str | None:
    """The champion's variant that one is held against: of the same kind, else what ran on the same devices."""
    if variant in champion.variants:
        return variant
    beside = [one for device in declaration.devices.values() if variant in device.variants for one in device.variants]
    return next((one for one in (*beside, *champion.variants) if one in champion.variants), None)


def lineage_in(candidate: Candidate, snapshot: Snapshot, rows: list[str], desk: Desk) -> Lineage:
    """What of the evaluation's rows a bundle has seen."""
    ancestry, seen = ancestry_of(candidate.lineage, desk.store), Seen()
    for one in ancestry.trainings:
        folder = snapshot.folder if one.snapshot == snapshot.digest else tables_of(one.snapshot, desk)
        seen.add(Snapshot(folder), one.view)
    return lineage_of(ancestry, seen, snapshot, rows)


def data_of(candidate: Candidate, desk: Desk, remark: Remark, at: datetime) -> DataSaid:
    """What validation says of the training's snapshot; it is validated now where nobody has by all that is asked."""
    from slipway.platform.data.reference import resolve

    trained = candidate.lineage.get("run_key") is not None
    snapshot = candidate.lineage.get("snapshot") if trained else None
    said = said_of(desk.store, None if snapshot is None else str(snapshot))
    asked = {one.name for one in suites_of(candidate.model) if one.expectations}
    if said.snapshot is None or asked <= said.suites:
        return said
    missing = ", ".join(sorted(asked - said.suites))
    remark(f"validating the snapshot {said.snapshot[:SHOWN]}, which nobody has by {missing} yet")
    validated(desk.store, resolve(said.snapshot, desk.loaded, images=True), candidate.model, at)
    return said_of(desk.store, said.snapshot)


def tables_of(digest: str, desk: Desk) -> Path:
    """A snapshot's folder, its tables at least."""
    from slipway.platform.data.reference import resolve

    return resolve(digest, desk.loaded)


def evaluation_snapshot(question: Question, desk: Desk) -> Snapshot:
    """The tables of what was judged on."""
    folder = question.named.folder
    return Snapshot(folder if folder is not None else tables_of(question.named.digest, desk))
