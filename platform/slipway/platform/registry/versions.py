"""Registering: a bundle that passed becomes a version, one for each bundle whatever races and whoever is killed.

In this order, each step looking first whether it is done: the registered model, the bundle's files with its run, a
version in MLflow with the bundle as a tag, the record that says which version it is (`put_if_absent`; whoever loses
deletes its own and adopts), the entry in the ledger, and what MLflow shows. A process that is killed leaves at most a
version without a record, which the next one adopts, or deletes when another one is bound.
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from slipway.platform.identity import PersonSigner, Role
from slipway.platform.ledger.entry import Decision
from slipway.platform.registry import artefact
from slipway.platform.registry.authors import Hands
from slipway.platform.registry.bundles import Kept, keep_bundle
from slipway.platform.registry.decisions import About, registered
from slipway.platform.registry.desk import Desk, Refused, fresh_nonce
from slipway.platform.registry.records import (
    APPROVALS,
    VersionRecord,
    agreed,
    digest_of,
    lineage_of,
    version_key,
    versions_in,
)
from slipway.platform.registry.shown import show_version
from slipway.platform.registry.standing import ModelStanding
from slipway.platform.registry.verdict import Verdict
from slipway.platform.registry.verdicts import verdicts_of
from slipway.platform.runs.errors import RecordDamaged
from slipway.platform.runs.tracking.registered import BUNDLE_TAG
from slipway.platform.runs.tracking.tracker import TrackingDenied, TrackingRefused

if TYPE_CHECKING:
    from slipway.platform.models.schema import Declaration

log = logging.getLogger(__name__)

ASKED: Final = "register"
ROUNDS: Final = 4


@dataclass(frozen=True)
class Registration:
    """What is to be registered: a bundle whose files were verified, and what its model declares."""

    kept: Kept
    folder: Path
    declaration: "Declaration"
    hands: Hands = field(default_factory=Hands)


@dataclass(frozen=True)
class Registered:
    """The version, and whether it was there before."""

    record: VersionRecord
    how: Literal["made", "found"]


def plan(desk: Desk, wanted: Registration) -> VersionRecord | Verdict:
    """What registering would find, or rest on; nothing is changed."""
    return VersionRecord.load(desk.store, version_key(wanted.kept.digest)) or _verdict(desk, wanted.kept)


def register(desk: Desk, wanted: Registration) -> Registered:
    """Make the bundle a version of its model, or find the one that it is."""
    kept = wanted.kept
    about = About(kept.model, kept.digest)
    signer = desk.acting(Role.TRAINER, about, ASKED)
    version = desk.standing(kept.model).versions.get(kept.digest)
    if version is not None:
        record = agreed(desk.store, kept.model, version)
    else:
        try:
            verdict = _verdict(desk, kept)
        except Refused as refused:
            desk.refuse(ASKED, about, refused)
        record = VersionRecord.load(desk.store, version_key(kept.digest)) or _bind(desk, wanted, verdict, signer)
    _check_there(desk, record)
    _delete_strays(desk, record)
    standing = desk.standing(kept.model)
    made = kept.digest not in standing.versions
    if made:
        desk.ledger.append(_told(desk, wanted, record, standing, signer), signer)
    show_version(desk, record)
    return Registered(record, "made" if made else "found")


def _told(
    desk: Desk, wanted: Registration, record: VersionRecord, standing: ModelStanding, signer: PersonSigner
) -> Decision:
    """What the ledger hears: what the record says, which nobody has signed yet, and what is known here besides."""
    digest, hands = digest_of(desk.store, wanted.kept.digest), wanted.hands
    verdicts = {given.key for given in standing.verdicts.get(record.bundle, ()) if given.passed}
    if record.model != wanted.kept.model or record.verdict not in verdicts:
        raise RecordDamaged(
            f"{version_key(wanted.kept.digest)} in {desk.store.url} is no record of a version of {wanted.kept.model} "
            f"that passed, and the ledger does not tell of it.",
            mend="Nobody has registered it: remove that object, and register again.",
        )
    return registered(
        About(record.model, record.bundle, record.number, record.verdict),
        actor=signer.person.name,
        nonce=record.nonce,
        needed=max(record.needed, APPROVALS[wanted.declaration.risk.level]),
        barred=(*record.barred, *hands.trained, *hands.wrote),
        record=digest,
    )


def _verdict(desk: Desk, kept: Kept) -> Verdict:
    """The passing verdict that it is registered on, which the ledger tells, too."""
    named, gate = kept.digest[:12], f"`slipway gate {kept.digest[:12]}`"
    verdicts = [one for one in verdicts_of(desk.store, desk.people, kept.digest) if one.model == kept.model]
    if not verdicts:
        raise Refused(f"Bundle {named} has no verdict on {kept.model}.", mend=f"{gate} judges it.")
    passing = next((one for one in verdicts if one.passed), None)
    if passing is None:
        raise Refused(
            f"Bundle {named} did not pass: {verdicts[0].failures[0].sentence}",
            mend=f"Only what passed is registered. {gate} shows all that failed.",
        )
    if passing.key not in {given.key for given in desk.standing(kept.model).verdicts.get(kept.digest, ())}:
        raise Refused(
            f"The ledger does not tell of the verdict {passing.key[:12]} on bundle {named}.",
            mend=f"{gate} again writes what a killed one left out.",
        )
    return passing


def _bind(desk: Desk, wanted: Registration, verdict: Verdict, signer: PersonSigner) -> VersionRecord:
    kept, declared, hands = wanted.kept, wanted.declaration, wanted.hands
    keep_bundle(desk.store, wanted.folder)
    tags = {"owner": declared.owner, "team": declared.team, "risk": declared.risk.level}
    desk.registry.ensure_model(kept.model, description=declared.purpose, tags=tags)
    number, made = _version_in_mlflow(desk, wanted, tags_of(kept, verdict, tags))
    name = signer.person.name
    known = bool(hands.trained) and all(map(desk.people.get, hands.trained))
    record = VersionRecord(
        bundle=kept.digest,
        model=kept.model,
        number=number,
        run_key=lineage_of(kept).get("run_key"),
        origin=lineage_of(kept).get("origin", ""),
        verdict=verdict.key,
        risk=declared.risk.level,
        reasons=declared.risk.reasons,
        owner=declared.owner,
        team=declared.team,
        purpose=declared.purpose,
        registered_by=name,
        trained_by=hands.trained,
        written_by=hands.wrote,
        answered_by="" if known else name,
        revision=hands.revision,
        nonce=fresh_nonce(),
        at=desk.now(),
    )
    stored = record.bind(desk.store, version_key(kept.digest))
    if stored.number != number and made:
        _delete(desk, kept.model, number)
    return stored


def _version_in_mlflow(desk: Desk, wanted: Registration, tags: Mapping[str, str]) -> tuple[str, bool]:
    """The number of the version that has the bundle's tag and its files, and whether it was made now."""
    kept = wanted.kept
    run = artefact.source_run(desk, kept)
    source = artefact.upload(desk, kept, wanted.folder, run)
    if there := _tagged(desk, kept.model, kept.digest, source):
        return there[0], False
    told = wanted.declaration.purpose
    left = ROUNDS
    while True:
        try:
            made = desk.registry.create_version(
                kept.model, source=source, run_id=run.run_id if run else "", description=told, tags=tags
            )
        except TrackingRefused:  # of many at once MLflow may find no number for each
            if there := _tagged(desk, kept.model, kept.digest, source):
                return there[0], False
            left -= 1
            if not left:
                raise
        else:
            return made.number, True


def tags_of(kept: Kept, verdict: Verdict, declared: Mapping[str, str]) -> dict[str, str]:
    """What MLflow is told of a version: where it came from and who answers for it."""
    return {**lineage_of(kept), BUNDLE_TAG: kept.digest, "verdict": verdict.key, **declared}


def _tagged(desk: Desk, model: str, bundle: str, source: str = "") -> Sequence[str]:
    """Numbers of MLflow's versions with the bundle's tag, and with files from this source, the oldest first.

    Anybody can set a tag: a version that is another bundle's by its record has it for nothing.
    """
    there = [one for one in desk.registry.versions(model) if one.tags.get(BUNDLE_TAG) == bundle]
    found = {one.number for one in there if source in ("", one.source)}
    if len(found) != 1 or VersionRecord.load(desk.store, version_key(bundle)) is None:
        found -= {one.number for one in versions_in(desk.store) if one.model == model and one.bundle != bundle}
    return sorted(found, key=int)


def _check_there(desk: Desk, record: VersionRecord) -> None:
    """MLflow must have the version that the record names."""
    there = desk.registry.version(record.model, record.number)
    if there is None or there.tags.get(BUNDLE_TAG) != record.bundle:
        what = "another bundle" if there else "nothing"
        raise RecordDamaged(
            f"Version {record.number} of {record.model} is bundle {record.bundle[:12]} by {desk.store.url}, and "
            f"{what} by MLflow.",
            mend="Restore MLflow's database, or point `mlflow.tracking_uri` to the one that belongs to this store.",
        )


def _delete_strays(desk: Desk, record: VersionRecord) -> None:
    """Versions that were made for this bundle and are not the one."""
    for number in _tagged(desk, record.model, record.bundle):
        if number != record.number:
            _delete(desk, record.model, number)


def _delete(desk: Desk, model: str, number: str) -> None:
    with suppress(TrackingRefused):  # somebody did already
        try:
            desk.registry.delete_version(model, number)
        except TrackingDenied as error:  # a second one is a blemish, none at all would be a loss
            log.warning("The stray version %s of %s stays until somebody who may deletes it. %s", number, model, error)
