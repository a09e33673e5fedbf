"""The one version of a bundle: `versions/<bundle digest>.json`, bound once, whoever registers it and however often.

Nobody signs the record itself. The ledger's entry on the registration, which is signed, names its sha256, and `agreed`
holds the record against that entry: a record that somebody changed decides nothing.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Final, Literal

from pydantic import AwareDatetime

from slipway.platform.errors import WrongUse
from slipway.platform.registry.bundles import Kept
from slipway.platform.registry.decisions import RECORD
from slipway.platform.registry.standing import VersionStanding
from slipway.platform.runs.errors import RecordDamaged
from slipway.platform.runs.records import Record
from slipway.platform.store import ObjectMissing, Store

FOLDER: Final = "versions"
Level = Literal["minimal", "limited", "high"]
APPROVALS: Final[Mapping[Level, int]] = {"minimal": 1, "limited": 1, "high": 2}
"""How many people must approve, by the class of risk, the lowest first."""


class VersionRecord(Record):
    """Which version a bundle is, and who had a hand in it."""

    bundle: str
    model: str
    number: str
    """As MLflow numbered it."""
    run_key: str | None = None
    """None where no run of ours made it."""
    origin: str = "slipway"
    """`slipway`, or in words who gave an external model."""
    verdict: str
    """The passing verdict that it was registered on."""
    risk: Level
    reasons: tuple[str, ...] = ()
    """Why it is in that class."""
    owner: str = ""
    team: str = ""
    purpose: str = ""
    registered_by: str
    trained_by: tuple[str, ...] = ()
    """Who started the run's attempts."""
    written_by: tuple[str, ...] = ()
    """Who last wrote the model's code or config: names, or e-mail addresses of those whom the people file lacks."""
    answered_by: str = ""
    """Who registered it, where the people file does not know everybody who trained it."""
    revision: str = ""
    """Git's commit that the run was started from, with `+dirty` where the work tree differed."""
    nonce: str
    """Tells its writer from one that wrote the same."""
    at: AwareDatetime

    @property
    def needed(self) -> int:
        """How many people must approve it."""
        return APPROVALS[self.risk]

    @property
    def barred(self) -> tuple[str, ...]:
        """Whose approval does not count."""
        return tuple(sorted({*self.trained_by, *self.written_by, self.answered_by} - {""}))

    @property
    def external(self) -> bool:
        """Whether no run of ours made it."""
        return self.run_key is None


def version_key(bundle: str) -> str:
    """Where the record of a bundle's version lies."""
    return f"{FOLDER}/{bundle}.json"


def load_version(store: Store, bundle: str) -> VersionRecord:
    """The version of a bundle; there must be one."""
    return _loaded(store, bundle)[0]


def agreed(store: Store, model: str, version: VersionStanding) -> VersionRecord:
    """The record of a version that the ledger tells of, which must be the one that was registered."""
    record, digest = _loaded(store, version.bundle)
    details = version.registered.entry.decision.details
    told = (model, version.number, details.get(RECORD, digest))
    if (record.model, record.number, digest) != told or not set(record.barred) <= set(version.barred):
        raise RecordDamaged(
            f"{version_key(version.bundle)} in {store.url} is not what was registered as {model}/{version.number} "
            f"(entry {version.registered.entry.number} of the ledger).",
            mend="Restore that object from a backup: somebody changed it.",
        )
    return record


def digest_of(store: Store, bundle: str) -> str:
    """What the ledger calls the record of a bundle's version."""
    return _loaded(store, bundle)[1]


def _loaded(store: Store, bundle: str) -> tuple[VersionRecord, str]:
    """The record, and the sha256 of its bytes."""
    key = version_key(bundle)
    try:
        data = store.get(key)
    except ObjectMissing:
        raise WrongUse(
            f"Bundle {bundle[:12]} is no version in {store.url}.", mend="`slipway model register BUNDLE` makes it one."
        ) from None
    record = VersionRecord.read(data, f"{key} in {store.url}")
    if record.bundle != bundle:
        raise RecordDamaged(
            f"{key} in {store.url} speaks of the bundle {record.bundle[:12]}.",
            mend="Restore that object from a backup: somebody changed it.",
        )
    return record, hashlib.sha256(data).hexdigest()


def versions_in(store: Store) -> Iterator[VersionRecord]:
    """All that was ever registered."""
    for key in store.list(f"{FOLDER}/"):
        if record := VersionRecord.load(store, key):
            yield record


def lineage_of(kept: Kept) -> dict[str, str]:
    """Where a bundle came from, as its manifest says."""
    told = kept.manifest.get("lineage", {})
    names = ("origin", "run_key", "snapshot", "code", "config", "lock", "weights")
    return {name: str(told[name]) for name in names if told.get(name)}
