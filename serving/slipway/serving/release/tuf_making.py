"""New versions of metadata: pure functions from what there is to what shall be signed.

All dates are in whole seconds, as the format has them. Every version carries `signed_at` where devices read it.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from securesystemslib.signer import Signer
from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Role,
    Root,
    Signed,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from slipway.platform.settings import schema
from slipway.serving.channel.paths import CHANNELS_PATTERN, MODELS_PATTERN
from slipway.serving.channel.times import SIGNED_AT, written
from slipway.serving.release.roles import CHANNELS, DELEGATED, LISTED, MODELS, ROOT, SNAPSHOT, TARGETS, TIMESTAMP, Held
from slipway.serving.release.signing import CannotSign
from slipway.serving.release.tuf_files import BadChannel, Document, largest

PATTERNS: Final = {MODELS: MODELS_PATTERN, CHANNELS: CHANNELS_PATTERN}


@dataclass(frozen=True)
class Keys:
    """Which keys a role names, and how many of them must sign."""

    held: Sequence[Held]
    threshold: int

    @property
    def ids(self) -> list[str]:
        """Their names."""
        return sorted(one.key.keyid for one in self.held)

    def are(self, keyids: Sequence[str], threshold: int) -> bool:
        """Whether a role names these already."""
        return (self.ids, self.threshold) == (sorted(keyids), threshold)


def expiry(role: str, expiries: schema.Expiries, now: datetime) -> datetime:
    """Until when a version of a role that is signed now is good."""
    days: int = getattr(expiries, role)
    return now.astimezone(UTC).replace(microsecond=0) + timedelta(days=days)


def make_root(before: Root | None, keys: Mapping[str, Keys], now: datetime, expiries: schema.Expiries) -> Root:
    """The next root: the roles in `keys` get those, the others keep theirs."""
    root = Root() if before is None else copy.deepcopy(before)
    root.version = 1 if before is None else before.version + 1
    root.expires = expiry(ROOT, expiries, now)
    root.unrecognized_fields[SIGNED_AT] = written(now)
    for role, named in keys.items():
        for keyid in list(root.roles[role].keyids):
            root.revoke_key(keyid, role)
        root.roles[role] = Role([], named.threshold)
        for one in sorted(named.held, key=lambda one: one.key.keyid):
            root.add_key(one.key.public_key(), role)
    return root


def make_targets(
    before: Targets | None, version: int, keys: Mapping[str, Keys], now: datetime, expiries: schema.Expiries
) -> Targets:
    """The next `targets`, which lists no file itself: it says whose keys sign models and channels."""
    targets = Targets() if before is None else copy.deepcopy(before)
    targets.version, targets.expires = version, expiry(TARGETS, expiries, now)
    delegations = targets.delegations or Delegations({}, {})
    roles = dict(delegations.roles or {})
    known = dict(delegations.keys)
    for role, named in keys.items():
        roles[role] = DelegatedRole(role, named.ids, named.threshold, terminating=True, paths=[PATTERNS[role]])
        known |= {one.key.keyid: one.key.public_key() for one in named.held}
    used = {keyid for role in roles.values() for keyid in role.keyids}
    targets.delegations = Delegations({keyid: known[keyid] for keyid in sorted(used)}, roles)
    return targets


def make_listing(
    before: Targets | None,
    version: int,
    added: Mapping[str, bytes | TargetFile],
    role: str,
    now: datetime,
    expiries: schema.Expiries,
) -> Targets:
    """The next `models` or `channels`, with some files added or replaced."""
    listing = Targets() if before is None else copy.deepcopy(before)
    listing.version, listing.expires = version, expiry(role, expiries, now)
    for path, what in added.items():
        listing.targets[path] = what if isinstance(what, TargetFile) else TargetFile.from_data(path, what)
    return listing


def make_snapshot(listed: Mapping[str, Document], version: int, now: datetime, expiries: schema.Expiries) -> Snapshot:
    """A snapshot of these roles, by version, length and digest."""
    meta = {f"{role}.json": _meta(listed[role]) for role in LISTED}
    return Snapshot(version=version, expires=expiry(SNAPSHOT, expiries, now), meta=meta)


def make_timestamp(snapshot: Document, version: int, now: datetime, expiries: schema.Expiries) -> Timestamp:
    """A timestamp of this snapshot."""
    return Timestamp(
        version=version,
        expires=expiry(TIMESTAMP, expiries, now),
        snapshot_meta=_meta(snapshot),
        unrecognized_fields={SIGNED_AT: written(now)},
    )


def lists(snapshot: Document | None, listed: Mapping[str, Document]) -> bool:
    """Whether a snapshot is of these roles."""
    return snapshot is not None and all(
        snapshot.signed.meta.get(f"{role}.json") == _meta(listed[role]) for role in LISTED
    )


def leads_to(timestamp: Document | None, snapshot: Document) -> bool:
    """Whether a timestamp is of this snapshot."""
    return timestamp is not None and timestamp.signed.snapshot_meta == _meta(snapshot)


def sign(role: str, signed: Signed, signers: Mapping[str, Signer]) -> Document:
    """The document with the signatures of all these."""
    metadata: Metadata[Any] = Metadata(signed)
    for keyid in sorted(signers):
        add_signature(metadata, signers[keyid])
    return finished(role, metadata)


def add_signature(metadata: Metadata[Any], signer: Signer) -> None:
    """Sign it, too."""
    try:
        metadata.sign(signer, append=True)
    except UnsignedMetadataError as error:
        raise CannotSign(
            f"The key {signer.public_key.keyid} did not sign: {error}.",
            mend="Nothing was written. Check the vault and this account's access to it, then try again.",
        ) from error


def finished(role: str, metadata: Metadata[Any]) -> Document:
    """The document in the bytes that will lie in the store."""
    data = metadata.to_bytes()
    most = largest(role)
    if len(data) > most:
        raise BadChannel(
            f"`{role}` would have {len(data):,} bytes, and devices read at most {most:,}.",
            mend="The channel lists too many files.",
        )
    return Document(role, metadata.signed.version, data, metadata)


def keyids_of(role: str, root: Root, targets: Targets | None) -> tuple[list[str], int]:
    """The keys that a role names now, and how many must sign."""
    if role not in DELEGATED:
        found: Role = root.roles[role]
    elif targets is None or targets.delegations is None or not targets.delegations.roles:
        return [], 1
    else:
        found = targets.delegations.roles[role]
    return list(found.keyids), found.threshold


def _meta(document: Document) -> MetaFile:
    return MetaFile.from_data(document.version, document.data, ["sha256"])
