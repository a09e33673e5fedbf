"""What is to be judged, against whom, on what, by which limits and code: all that names a verdict.

Everything that could be wrong with the request is found here, before anything is written.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from slipway.platform.canonical import canonical
from slipway.platform.errors import WrongUse
from slipway.platform.jobs.api import Desk
from slipway.platform.jobs.submitting.snapshots import Named, name_snapshot
from slipway.platform.models.finder import model_named
from slipway.platform.models.schema import Declaration
from slipway.platform.registry.bundles import Kept, locate
from slipway.platform.registry.standing import load_standing
from slipway.platform.registry.verdict import verdict_key
from slipway.platform.runs.find import load_parts
from slipway.platform.runs.references import WEIGHTS
from slipway.platform.runs.results import load_result
from slipway.platform.store import Store
from slipway.serving.bundle.manifest import Manifest
from slipway.serving.bundle.verifying import verify
from slipway.serving.errors import SlipwayError as ServingError
from slipway.training.export.planning import lineage_of
from slipway.training.gates.planning import Candidate, gates_code

CHAMPION: Final = "champion"
NONE: Final = "none"
RUN_SHOWN: Final = 11


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


def ask(bundle: str, against: str, snapshot: str | None, desk: Desk) -> Question:
    """Find everything that is meant; what is wrong with it is told here."""
    candidate = candidate_of(bundle, desk)
    check_lineage(candidate.kept, desk.store)
    check_pixels(candidate.kept, candidate.model.declaration)
    champion = opponent_of(against, candidate, desk)
    model = candidate.model
    return Question(
        candidate=candidate,
        champion=champion,
        named=name_snapshot(snapshot, desk.loaded),
        gates=declared(model.declaration),
        code=gates_code(model, desk.loaded.root),
    )


def candidate_of(bundle: str, desk: Desk) -> Candidate:
    """The bundle that is meant, verified."""
    folder = locate(bundle, desk.loaded, desk.store)
    try:
        opened = verify(folder)
    except ServingError as error:
        raise WrongUse(str(error), mend=error.mend) from None
    return Candidate(Kept(opened.manifest.to_bytes()), folder, model_named(opened.manifest.model))


def check_lineage(kept: Kept, store: Store) -> None:
    """Refuse a bundle that says it is of a run of ours and names other data, code or weights than that run has.

    What it has seen and what its data was worth are looked up by these names, so nobody may borrow better ones.
    """
    said = Manifest.model_validate_json(kept.data).lineage
    if said.run_key is None:
        return
    result = load_result(store, said.run_key)
    if result is None or WEIGHTS not in result.files:
        raise WrongUse(
            f"The bundle says that it is of the run {said.run_key[:RUN_SHOWN]}, which has no weights in {store.url}.",
            mend="Gate it where its run is, or export it again.",
        )
    found = lineage_of(load_parts(store, said.run_key), result)
    one, other = (lineage.model_dump(mode="json") for lineage in (said, found))
    if wrong := [name for name in one if one[name] != other[name]]:
        raise WrongUse(
            f"The bundle says that it is of the run {said.run_key[:RUN_SHOWN]}, whose {', '.join(wrong)} "
            f"{'is' if len(wrong) == 1 else 'are'} not what its manifest says.",
            mend="Export the run again.",
        )


def check_pixels(kept: Kept, declaration: Declaration) -> None:
    """Refuse a bundle whose devices would prepare images otherwise than the model's task, by which it is judged."""
    contract = Manifest.model_validate_json(kept.data).contract
    said = [one.preprocessing.model_dump(mode="json") for one in contract.inputs]
    asked = [one.preprocessing.model_dump(mode="json") for one in declaration.export.inputs]
    for one, other in zip(said, asked, strict=False):
        if wrong := next((name for name in other if one.get(name) != other[name]), None):
            raise WrongUse(
                f"By the bundle's contract devices prepare images with {wrong} {one.get(wrong)}; "
                f"{declaration.name} is judged with {other[wrong]}.",
                mend="Export it again, or give the contract that the model declares in its model.yaml.",
            )


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
    if found.digest == candidate.digest:
        raise WrongUse("A bundle cannot be held against itself.", mend="Name another one, or `--against none`.")
    return found


def declared(declaration: Declaration) -> str:
    """The digest of what is asked of the model: gates, devices and contract."""
    wanted = declaration.model_dump(mode="json", include={"gates", "devices", "export"})
    return hashlib.sha256(canonical(wanted)).hexdigest()
