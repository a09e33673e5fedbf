"""What a channel's store says, read and verified: what devices see, and what was signed and is not shown yet.

Reading trusts signatures and nothing else. `shown` is one consistent state, the one that the timestamp leads to. From
there each role is followed version by version: one that is validly signed is adopted, whoever was killed after signing
it; a file with a signature that does not hold is stepped over and told. Versions behind a gap are never looked at.
"""

import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from tuf.api.exceptions import LengthOrHashMismatchError, RepositoryError
from tuf.api.metadata import MetaFile, Root, Snapshot, Targets

from slipway.serving.channel import limits
from slipway.serving.channel.paths import METADATA
from slipway.serving.release.roles import CHANNELS, DELEGATED, LISTED, MODELS, ROOT, SNAPSHOT, TARGETS, TIMESTAMP
from slipway.serving.release.tuf_files import TIMESTAMP_KEY, BadChannel, Document, Files, key_of, parse

Check = Callable[[Document], bool]
NEAR: Final = 100_000
"""Up to here a version is believed without counting the ones before it."""
MANY_SKIPPED: Final = 4096
"""From here on reading takes so long that people are told how to end it."""
MOST_SKIPPED: Final = NEAR

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Newest:
    """The newest version of a role that holds, or the one that was shown last where none holds any more."""

    document: Document | None
    valid: bool
    """False where it must be signed anew, because its keys were replaced."""
    free: int
    """The first version that nothing lies at."""
    skipped: tuple[str, ...] = ()
    """Files in between whose signatures do not hold."""


@dataclass(frozen=True)
class State:
    """A channel."""

    roots: tuple[Document, ...]
    """From the first to the newest."""
    shown: Mapping[str, Document]
    """What devices see, without the root; empty before the first timestamp."""
    targets: Newest
    snapshot: Newest
    timestamp: Newest
    files: Files = field(repr=False)
    _followed: dict[tuple[str, str], Newest] = field(default_factory=dict, repr=False)

    @property
    def root(self) -> Root:
        """The newest root."""
        signed: Root = self.roots[-1].signed
        return signed

    def newest(self, role: str, targets: Document | None = None) -> Newest:
        """The newest version of a role; of models and channels by the keys that `targets`, or the newest, names."""
        if role in DELEGATED:
            return self._delegated(role, targets or self.targets.document)
        if role == ROOT:
            return Newest(self.roots[-1], valid=True, free=len(self.roots) + 1)
        return {TARGETS: self.targets, SNAPSHOT: self.snapshot, TIMESTAMP: self.timestamp}[role]

    def _delegated(self, role: str, targets: Document | None) -> Newest:
        """Followed once in one state."""
        by = (role, targets.key if targets else "")
        if by not in self._followed:
            check = delegated(targets.signed, role) if targets else _never
            self._followed[by] = follow(self.files, role, self.shown.get(role), check)
        return self._followed[by]


def delegated(delegator: Root | Targets, role: str) -> Check:
    """Whether a document is signed as its delegator demands."""

    def check(document: Document) -> bool:
        try:
            delegator.verify_delegate(role, document.metadata.signed_bytes, document.metadata.signatures)
        except (RepositoryError, ValueError):
            return False
        return True

    return check


def _never(_: Document) -> bool:
    return False


def follow(files: Files, role: str, base: Document | None, check: Check) -> Newest:
    """From the version that is shown on, as far as there are files."""
    document, valid = base, base is not None and check(base)
    version, skipped = base.version + 1 if base else 1, []
    while (data := files.data(key_of(role, version))) is not None:
        found = parse(role, data)
        if found is not None and found.version == version and check(found):
            document, valid = found, True
        else:
            skipped.append(key_of(role, version))
        version += 1
        if len(skipped) > MOST_SKIPPED:
            raise BadChannel(
                f"{files.store.url} has more than {MOST_SKIPPED:,} files of `{role}` whose signatures do not hold, "
                f"from {skipped[0]} to {skipped[-1]}.",
                mend=f"Find out who writes there, then remove those from {skipped[0]} on that nobody signed: "
                "no device is led to them.",
            )
    if len(skipped) > MANY_SKIPPED:
        log.warning(
            "%s has %s files of `%s` whose signatures do not hold, from %s to %s. Each is read every time: find out "
            "who writes there, then remove them.",
            files.store.url, f"{len(skipped):,}", role, skipped[0], skipped[-1],
        )  # fmt: skip
    return Newest(document, valid, version, tuple(skipped))


def read_state(files: Files) -> State | None:
    """The channel in a store; None where there is no root yet."""
    roots = tuple(_roots(files))
    if not roots:
        return None
    root: Root = roots[-1].signed
    shown = _shown(files, roots)
    targets = follow(files, TARGETS, shown.get(TARGETS), delegated(root, TARGETS))
    snapshot = follow(files, SNAPSHOT, shown.get(SNAPSHOT), _adoptable(files, root, shown))
    timestamp = follow(files, TIMESTAMP, shown.get(TIMESTAMP), _leading(files, root, shown))
    return State(roots, shown, targets, snapshot, timestamp, files)


def _roots(files: Files) -> Iterator[Document]:
    before: Root | None = None
    version = 1
    while (data := files.data(key_of(ROOT, version))) is not None:
        found = parse(ROOT, data)
        if found is None or found.version != version or not _is_root(found, before):
            raise BadChannel(
                f"{key_of(ROOT, version)} in {files.store.url} is not signed as the root before it demands. "
                "Devices refuse it, and all that comes after.",
                mend="Find out who wrote it, then remove that file.",
            )
        yield found
        before, version = found.signed, version + 1


def _is_root(document: Document, before: Root | None) -> bool:
    signed: Root = document.signed
    try:
        metadata = document.metadata
        return bool(signed.get_root_verification_result(before, metadata.signed_bytes, metadata.signatures))
    except (RepositoryError, ValueError):
        return False


def _shown(files: Files, roots: tuple[Document, ...]) -> dict[str, Document]:
    """The state that the timestamp leads to, by the newest root, or by whichever one it was signed under.

    Where it leads nowhere, as one that was forged with a stolen key may, the newest that does counts; the keys of the
    newest root before those that it named no longer, so that a thief of such a key leads nobody after the heal.
    """
    data = files.data(TIMESTAMP_KEY)
    if data is None:
        return {}
    reach = _Reach(files)
    try:
        found = _led_to(reach, roots, TIMESTAMP_KEY, data)
    except BadChannel as error:
        log.warning("%s", error)
        return _led_by_others(reach, roots, error)
    if not _signed_by(roots[-1:], TIMESTAMP)(found[TIMESTAMP]):
        with contextlib.suppress(BadChannel):
            return _led_by_others(reach, roots[-1:], BadChannel(""), roots)
    return found


def _led_by_others(
    reach: "_Reach", signing: tuple[Document, ...], error: BadChannel, roots: tuple[Document, ...] = ()
) -> dict[str, Document]:
    """The state of the newest timestamp under its own version that leads to one, by one of these roots."""
    check = _signed_by(signing, TIMESTAMP)
    for key in _timestamps(reach.files):
        data = reach.files.data(key) or b""
        timestamp = parse(TIMESTAMP, data)
        if timestamp is not None and key == timestamp.key and check(timestamp):
            with contextlib.suppress(BadChannel):
                return _led_to(reach, roots or signing, key, data)
    raise error


def _timestamps(files: Files) -> list[str]:
    """The keys of all timestamps that were bound, the newest first."""
    versions = {key: key.removeprefix(f"{METADATA}/").removesuffix(f".{TIMESTAMP}.json") for key in files.listed()}
    found = [key for key, version in versions.items() if version.isdecimal()]
    return sorted(found, key=lambda key: int(versions[key]), reverse=True)


class _Reach:
    """Whether a version can be an honest one: each is one more than the one before, and all of them lie there."""

    def __init__(self, files: Files) -> None:
        self.files = files

    def has(self, role: str, version: int) -> bool:
        return version <= NEAR or version <= self._counts[role]

    @cached_property
    def _counts(self) -> Counter[str]:
        return Counter(key.removesuffix(".json").rpartition(".")[2] for key in self.files.listed())


def _led_to(reach: _Reach, roots: tuple[Document, ...], key: str, data: bytes) -> dict[str, Document]:
    """The one state that a timestamp leads to."""
    files = reach.files
    timestamp = _held(files, key, parse(TIMESTAMP, data), _signed_by(roots, TIMESTAMP))
    if not reach.has(TIMESTAMP, timestamp.version):
        raise _far(files, TIMESTAMP, timestamp.version)
    snapshot = _listed(reach, SNAPSHOT, timestamp.signed.snapshot_meta, _signed_by(roots, SNAPSHOT))
    meta = snapshot.signed.meta
    if not {f"{role}.json" for role in LISTED} <= meta.keys():
        raise BadChannel(f"{snapshot.key} in {files.store.url} does not list all roles.")
    targets = _listed(reach, TARGETS, meta[f"{TARGETS}.json"], _signed_by(roots, TARGETS))
    found = {TIMESTAMP: timestamp, SNAPSHOT: snapshot, TARGETS: targets}
    for role in (MODELS, CHANNELS):
        found[role] = _listed(reach, role, meta[f"{role}.json"], delegated(targets.signed, role))
    return found


def _signed_by(roots: tuple[Document, ...], role: str) -> Check:
    checks = [delegated(root.signed, role) for root in reversed(roots)]
    return lambda document: any(check(document) for check in checks)


def _far(files: Files, role: str, version: int) -> BadChannel:
    named = key_of(role, version) if version <= limits.MOST else f"a {role} of a version above {limits.MOST}"
    return BadChannel(
        f"The timestamp in {files.store.url} leads to {named}, far above all that lie there, and is not followed.",
        mend="Somebody has a key of the channel: `slipway channel rotate-key timestamp snapshot channels`.",
    )


def _listed(reach: _Reach, role: str, meta: MetaFile, check: Check) -> Document:
    files = reach.files
    if not reach.has(role, meta.version):
        raise _far(files, role, meta.version)
    key = key_of(role, meta.version)
    data = files.data(key)
    found = parse(role, data) if data is not None and _matches(meta, data) else None
    return _held(files, key, found, check)


def _held(files: Files, key: str, document: Document | None, check: Check) -> Document:
    if document is None or not check(document):
        raise BadChannel(
            f"{key} in {files.store.url} is missing, damaged, or not signed by the channel's keys.",
            mend="Restore it from a copy that `slipway channel export` made, or from the bucket's versions.",
        )
    return document


def _matches(meta: MetaFile, data: bytes) -> bool:
    try:
        meta.verify_length_and_hashes(data)
    except LengthOrHashMismatchError:
        return False
    return True


def _adoptable(files: Files, root: Root, shown: Mapping[str, Document]) -> Check:
    """A snapshot that somebody signed and did not show: whole, and going back in nothing."""
    signature = delegated(root, SNAPSHOT)

    def check(document: Document) -> bool:
        if not signature(document):
            return False
        if document is shown.get(SNAPSHOT):
            return True
        signed: Snapshot = document.signed
        return {f"{role}.json" for role in LISTED} <= signed.meta.keys() and all(
            _still_there(files, role, signed.meta[f"{role}.json"], shown) for role in LISTED
        )

    return check


def _leading(files: Files, root: Root, shown: Mapping[str, Document]) -> Check:
    """A timestamp that somebody signed and did not show: its snapshot is there, and is none from before."""
    signature = delegated(root, TIMESTAMP)

    def check(document: Document) -> bool:
        return signature(document) and (
            document is shown.get(TIMESTAMP) or _still_there(files, SNAPSHOT, document.signed.snapshot_meta, shown)
        )

    return check


def _still_there(files: Files, role: str, meta: MetaFile, shown: Mapping[str, Document]) -> bool:
    before = shown.get(role)
    if not _Reach(files).has(role, meta.version):
        return False
    data = files.data(key_of(role, meta.version))
    return data is not None and _matches(meta, data) and (before is None or meta.version >= before.version)
