"""A gate from beginning to end: evaluate, check, write the page, sign, bind, and tell the ledger.

Each step looks for its own result first, so asking again after a kill goes on where it stopped, and asking again after
the end says at once what stands: evaluations by their work keys, the verdict by what it is about, the ledger's entry by
the verdict.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway.platform.canonical import canonical
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.errors import WrongUse
from slipway.platform.identity import PersonSigner, Role, load_people, signer_holding
from slipway.platform.identity.errors import IdentityError
from slipway.platform.jobs.api import Desk
from slipway.platform.jobs.submitting.snapshots import Named, name_snapshot
from slipway.platform.ledger.ledger import Ledger
from slipway.platform.models.finder import model_named
from slipway.platform.models.schema import Declaration
from slipway.platform.registry.bundles import keep_bundle, locate
from slipway.platform.registry.decisions import verdict_given
from slipway.platform.registry.standing import load_standing
from slipway.platform.registry.verdict import Rows, Verdict, verdict_key
from slipway.platform.registry.verdicts import VerdictMissing, bind_verdict, load_verdict
from slipway.platform.runs.records import Result, StoredFile
from slipway.platform.runs.results import result_key, store_files
from slipway.serving.bundle.verifying import verify
from slipway.serving.errors import SlipwayError as ServingError
from slipway.training.gates.checks.common import asked_variants
from slipway.training.gates.comparing import compare
from slipway.training.gates.evidence import Compared, DataSaid, Evidence, Facts, Lineage
from slipway.training.gates.judging import checks_of
from slipway.training.gates.lineages import Seen, ancestry_of, lineage_of
from slipway.training.gates.loading import load_evidence, load_predictions, load_rows
from slipway.training.gates.planning import Candidate, gates_code, plan_evaluation, task_config
from slipway.training.gates.records import SPLIT
from slipway.training.gates.validations import said_of, validated
from slipway.training.tasks import task_for

if TYPE_CHECKING:
    from slipway.platform.identity import People
    from slipway.platform.jobs.submitting.planning import Planned

CHAMPION: Final = "champion"
NONE: Final = "none"
PAGES: Final = ".slipway/verdicts"
PAGE: Final = "verdict.html"
SHOWN: Final = 12

Bring = Callable[["Planned"], Result]
"""See an evaluation through; a `SlipwayError` where it ends without a result."""
Remark = Callable[[str], None]


@dataclass(frozen=True)
class Question:
    """What is to be judged, against whom, on what."""

    candidate: Candidate
    champion: Candidate | None
    named: Named
    gates: str
    code: str

    @property
    def key(self) -> str:
        """The verdict's name."""
        return verdict_key(
            bundle=self.candidate.digest,
            champion=self.champion.digest if self.champion else None,
            snapshot=self.named.digest,
            gates=self.gates,
            code=self.code,
        )

    @property
    def bundles(self) -> tuple[Candidate, ...]:
        """Those that are evaluated."""
        return (self.candidate, *((self.champion,) if self.champion else ()))


@dataclass(frozen=True)
class Given:
    """A verdict, and whether it stood already."""

    verdict: Verdict
    known: bool
    page: Path | None = None


@dataclass(frozen=True)
class Judged:
    """What the checks were made from, for the page."""

    question: Question
    facts: Facts
    declaration: Declaration


def ask(bundle: str, against: str, snapshot: str | None, desk: Desk) -> Question:
    """Find everything that is meant; what is wrong with it is told here."""
    candidate = candidate_of(bundle, desk)
    champion = opponent_of(against, candidate, desk)
    model = candidate.model
    return Question(
        candidate=candidate,
        champion=champion,
        named=name_snapshot(snapshot, desk.loaded),
        gates=declared(model.declaration),
        code=gates_code(model),
    )


def candidate_of(bundle: str, desk: Desk) -> Candidate:
    """The bundle that is meant, verified and kept in the store."""
    folder = locate(bundle, desk.loaded, desk.store)
    try:
        opened = verify(folder)
    except ServingError as error:
        raise WrongUse(str(error), mend=error.mend) from None
    return Candidate(keep_bundle(desk.store, folder), folder, model_named(opened.manifest.model))


def opponent_of(against: str, candidate: Candidate, desk: Desk) -> Candidate | None:
    """Whom it is held against; the champion is whom the ledger names, and nobody is held against oneself."""
    if against == NONE:
        return None
    if against == CHAMPION:
        champion = load_standing(candidate.model.name, desk.loaded, desk.store).champion
        if champion is None or champion == candidate.digest:
            return None
        return candidate_of(champion, desk)
    found = candidate_of(against, desk)
    if found.model.name != candidate.model.name:
        raise WrongUse(
            f"{against} is a bundle of {found.model.name}, {candidate.model.name} expected.",
            mend="Compare bundles of one model.",
        )
    return found if found.digest != candidate.digest else None


def declared(declaration: Declaration) -> str:
    """The digest of what is asked of the model: gates, devices and contract."""
    import hashlib

    wanted = declaration.model_dump(mode="json", include={"gates", "devices", "export"})
    return hashlib.sha256(canonical(wanted)).hexdigest()


def standing_verdict(question: Question, desk: Desk) -> Verdict | None:
    """The verdict that stands already."""
    try:
        return load_verdict(desk.store, people_of(desk), question.key)
    except VerdictMissing:
        return None


def gate(question: Question, desk: Desk, bring: Bring, remark: Remark, now: Callable[[], datetime]) -> Given:
    """The verdict on a bundle: the one that stands, or a new one that is bound and told to the ledger."""
    if (stands := standing_verdict(question, desk)) is not None:
        _tell_again(stands, desk)
        return Given(stands, known=True, page=page_of(stands, desk))
    signer = signer_of(desk)  # before hours of work: without a key there is no verdict
    at = now()
    judged = judge(question, desk, bring, remark, at)
    unsigned = verdict_of(judged, at)
    with tempfile.TemporaryDirectory(prefix="slipway-") as folder:
        page = keep_page(judged, unsigned, Path(folder), desk)
    verdict = bind_verdict(desk.store, people_of(desk), unsigned.model_copy(update={"page": page}), signer)
    tell(verdict, signer, desk)
    return Given(verdict, known=False, page=page_of(verdict, desk))


def judge(question: Question, desk: Desk, bring: Bring, remark: Remark, at: datetime) -> Judged:
    """Evaluate what has to be, and gather all that checks look at."""
    results = [bring(plan_evaluation(one, question.named, desk.loaded, desk.store)) for one in question.bundles]
    remark("reading what the evaluations say")
    evidences = [load_evidence(desk.store, one, result) for one, result in zip(question.bundles, results, strict=True)]
    snapshot = evaluation_snapshot(question, desk)
    lineages = [lineage_in(one, snapshot, load_rows(desk.store, results[0]), desk) for one in question.bundles]
    compared: tuple[Compared, ...] = ()
    total, dropped, why = 0, 0, ""
    if question.champion is not None:
        remark("comparing with the champion")
        seen = {sample for one in lineages for sample in one.seen}
        compared, total, dropped, why = against(question, evidences, results, snapshot, seen, desk)
    facts = Facts(
        candidate=evidences[0],
        lineage=lineages[0],
        data=data_of(question.candidate, desk, remark, at),
        champion=evidences[1] if question.champion else None,
        compared=compared,
        incomparable=why,
        total=total,
        dropped=dropped,
        all_known=all(one.known for one in lineages),
    )
    return Judged(question, facts, question.candidate.model.declaration)


def against(
    question: Question,
    evidences: list[Evidence],
    results: list[Result],
    snapshot: Snapshot,
    seen: set[str],
    desk: Desk,
) -> tuple[tuple[Compared, ...], int, int, str]:
    """Every variant against the champion's; how many units there were and how many were dropped; why not, if so."""
    candidate, champion = evidences
    task = task_for(question.candidate.model.package, task_config(question.candidate, desk.store))
    examples = task.examples(snapshot, SPLIT)
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
            return (), 0, 0, str(error)
        found.append(one)
    why = "" if found else "No variant of the two could be compared."
    return tuple(found), total, dropped, why


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
    """What validation says of the training's snapshot; it is validated now where nobody has."""
    from slipway.platform.data.reference import resolve

    snapshot = candidate.lineage.get("snapshot")
    said = said_of(desk.store, None if snapshot is None else str(snapshot))
    if said.snapshot is None or said.found:
        return said
    remark(f"validating the snapshot {said.snapshot[:SHOWN]}, which nobody has yet")
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


def verdict_of(judged: Judged, at: datetime) -> Verdict:
    """What the checks say, not yet signed."""
    question, facts = judged.question, judged.facts
    evidences = [facts.candidate, *([facts.champion] if facts.champion else [])]
    return Verdict(
        model=question.candidate.model.name,
        bundle=question.candidate.digest,
        champion=question.champion.digest if question.champion else None,
        snapshot=question.named.digest,
        gates=question.gates,
        code=question.code,
        checks=checks_of(judged.declaration, facts),
        rows=Rows(total=facts.total, dropped=facts.dropped) if question.champion else None,
        work={one.bundle: one.work for one in evidences},
        judged_at=at,
    )


def keep_page(judged: Judged, verdict: Verdict, folder: Path, desk: Desk) -> StoredFile:
    """Write the page and bring it to the store."""
    from slipway.training.gates.page.page import page

    text = page(verdict, judged.facts.candidate, judged.facts.champion)
    (folder / PAGE).write_text(text, encoding="utf-8")
    return store_files(desk.store, folder, [PAGE])[PAGE]


def page_of(verdict: Verdict, desk: Desk) -> Path | None:
    """The verdict's page as a file in the project."""
    if verdict.page is None:
        return None
    path = desk.loaded.root / PAGES / f"{verdict.key}.html"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        desk.store.get_file(result_key(PAGE, verdict.page), path)
    return path


def tell(verdict: Verdict, signer: PersonSigner, desk: Desk) -> None:
    """See that the ledger has it, failed ones too; said again it stands once."""
    decision = verdict_given(verdict, actor=signer.person.name, nonce=verdict.key)
    Ledger.of(desk.loaded, desk.store).append(decision, signer)


def _tell_again(verdict: Verdict, desk: Desk) -> None:
    """For one who was killed between binding and telling; without a key here, whoever has one does it."""
    try:
        signer = signer_of(desk)
    except (IdentityError, WrongUse):
        return
    ledger = Ledger.of(desk.loaded, desk.store)
    told = (one.entry.decision.subjects.get("verdict") for one in ledger.entries(verdict.model))
    if verdict.key not in told:
        tell(verdict, signer, desk)


def people_of(desk: Desk) -> "People":
    """Everyone who is trusted."""
    return load_people(desk.loaded.settings.identity.people)


def signer_of(desk: Desk) -> PersonSigner:
    """The gates' key on this machine."""
    return signer_holding(Role.GATE_SERVICE, desk.loaded.settings.identity, people_of(desk))
