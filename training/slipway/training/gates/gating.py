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

from slipway.platform.errors import WrongUse
from slipway.platform.identity import IdentityError, PersonSigner, Role, load_people, signer_holding
from slipway.platform.jobs.api import Desk
from slipway.platform.ledger.ledger import Ledger
from slipway.platform.registry.bundles import keep_bundle
from slipway.platform.registry.decisions import verdict_given
from slipway.platform.registry.verdict import Rows, Verdict
from slipway.platform.registry.verdicts import VerdictMissing, bind_verdict, load_verdict
from slipway.platform.runs.records import StoredFile
from slipway.platform.runs.results import result_key, store_files
from slipway.training.gates.evidence import Facts
from slipway.training.gates.gathering import Bring, Remark, facts_of
from slipway.training.gates.judging import checks_of
from slipway.training.gates.question import Question

if TYPE_CHECKING:
    from slipway.platform.identity import People

PAGES: Final = ".slipway/verdicts"
PAGE: Final = "verdict.html"


@dataclass(frozen=True)
class Given:
    """A verdict, and whether it stood already."""

    verdict: Verdict
    known: bool
    page: Path | None = None


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
    provide_bundles(question, desk)
    at = now()
    facts = facts_of(question, desk, bring, remark, at)
    unsigned = verdict_of(question, facts, at)
    page = keep_page(unsigned, facts, desk)
    verdict = bind_verdict(desk.store, people_of(desk), unsigned.model_copy(update={"page": page}), signer)
    tell(verdict, signer, desk)
    return Given(verdict, known=False, page=page_of(verdict, desk))


def provide_bundles(question: Question, desk: Desk) -> None:
    """See that whoever evaluates them finds the bundles."""
    for one in question.bundles:
        keep_bundle(desk.store, one.folder)


def verdict_of(question: Question, facts: Facts, at: datetime) -> Verdict:
    """What the checks say, not yet signed."""
    evidences = [facts.candidate, *([facts.champion] if facts.champion else [])]
    return Verdict(
        model=question.candidate.model.name,
        bundle=question.candidate.digest,
        champion=question.champion.digest if question.champion else None,
        snapshot=question.named.digest,
        gates=question.gates,
        code=question.code,
        checks=checks_of(question.candidate.model.declaration, facts),
        rows=Rows(total=facts.total, dropped=facts.dropped) if question.champion else None,
        work={one.bundle: one.work for one in evidences},
        judged_at=at,
    )


def keep_page(verdict: Verdict, facts: Facts, desk: Desk) -> StoredFile:
    """Write the page and bring it to the store."""
    from slipway.training.gates.page.page import page

    with tempfile.TemporaryDirectory(prefix="slipway-") as folder:
        Path(folder, PAGE).write_text(page(verdict, facts.candidate, facts.champion), encoding="utf-8")
        return store_files(desk.store, Path(folder), [PAGE])[PAGE]


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
