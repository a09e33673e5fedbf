"""From what was signed to what devices see.

Each step looks for its own result and is bound once; whoever is killed anywhere is repeated, and two at once end in one
state. The order keeps readers whole: a new root and what must follow it, then models and channels, then the snapshot,
and last the timestamp.

A root that replaces the keys of others is published only when its followers are ready: targets signed by the new keys,
and the new keys of snapshot and timestamp at hand here. While new keys of models or channels have not signed yet, the
state under the old ones goes on being shown and refreshed.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from securesystemslib.signer import Signer
from tuf.api.metadata import Root, RootVerificationResult, Signed, Targets

from slipway.platform.errors import SlipwayError
from slipway.platform.settings import schema
from slipway.serving.channel.times import signed_at, written
from slipway.serving.release.roles import DELEGATED, MODELS, ROOT, SNAPSHOT, TARGETS, TIMESTAMP
from slipway.serving.release.signing import KeysAtHand
from slipway.serving.release.tuf_drafts import Draft, Drafts
from slipway.serving.release.tuf_files import TIMESTAMP_KEY, BadChannel, Document, Files, key_of
from slipway.serving.release.tuf_judging import SLACK, check_draft
from slipway.serving.release.tuf_making import (
    keyids_of,
    leads_to,
    lists,
    make_listing,
    make_snapshot,
    make_timestamp,
    sign,
)
from slipway.serving.release.tuf_state import Newest, State, delegated, read_state

ATTEMPTS: Final = 20
Clock = Callable[[], datetime]

log = logging.getLogger(__name__)


Review = Callable[[Targets], Sequence[str]]
"""What speaks against a new key's vouching for a list of releases that a former one signed."""
UNREVIEWED_MEND: Final = "`slipway channel sign` tells all of it, and signs."


def unreviewed(_: Targets) -> Sequence[str]:
    """Whoever opens a channel without a ledger at hand vouches for nothing that others listed."""
    return ("it was listed by a former key, and nothing here holds it against the ledger.",)


class Unreviewed(SlipwayError):
    """A key of models would vouch for what the ledger does not know."""


class Busy(SlipwayError):
    """Others keep changing the channel."""


@dataclass(frozen=True)
class Waiting:
    """A role whose next version wants signatures that this machine cannot give."""

    role: str
    version: int
    signed: tuple[str, ...]
    """Keys that have signed."""
    missing: int
    """How many more must."""
    keys: tuple[str, ...]
    """Keys that can."""


@dataclass(frozen=True)
class Bench:
    """What signing needs: files, keys, the time and how long signatures are good."""

    files: Files
    keys: KeysAtHand
    expiries: schema.Expiries
    now: Clock
    review: Review = unreviewed
    drafts: Drafts = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "drafts", Drafts(self.files))

    def signers(self, state: State, role: str) -> dict[str, Signer]:
        """The keys at hand that a role names, as many as must sign; none where too few are."""
        targets = state.targets.document
        keyids, threshold = keyids_of(role, state.root, targets.signed if targets else None)
        found = self.keys.signers(keyids)
        return dict(list(found.items())[:threshold]) if len(found) >= threshold else {}

    def objections(self, role: str, newest: Newest) -> Sequence[str]:
        """Why a role's list is not signed once more by its new keys; none while a key that holds the role signed it."""
        if role != MODELS or newest.valid or newest.document is None or not newest.document.signed.targets:
            return ()
        return self.review(newest.document.signed)

    def drafts_of(self, state: State | None) -> tuple[Draft | None, Draft | None]:
        """The drafts of the next root and the next targets."""
        root = self.drafts.read(ROOT, len(state.roots) + 1 if state else 1)
        return root, self.drafts.read(TARGETS, state.targets.free if state else 1)

    def sign_drafts(self, state: State | None) -> None:
        """Sign what waits and may be signed with the keys that are here, as far as signatures are missing."""
        before = state.root if state else None
        root, targets = self.drafts_of(state)
        if root is not None:
            self._sign(root, before, state)
            before = root.document.signed
        if targets is not None:
            self._sign(targets, before, state)

    def _check(self, draft: Draft, state: State | None) -> None:
        kept = state.targets.document if state else None
        held = (state.root if state else None, kept.signed if kept else None)
        check_draft(draft, *held, self.keys.people, self.expiries, self.now())

    def _sign(self, draft: Draft, root: Root | None, state: State | None) -> None:
        """Keys that devices know already come first: what they sign holds before a new root and after it."""
        known = state.root.roles[TARGETS].keyids if state else ()
        wanted = sorted(draft.result(root).unsigned, key=lambda keyid: (keyid not in known, keyid))
        signers = self.keys.signers(wanted)
        if signers:
            self._check(draft, state)
        for keyid, signer in signers.items():
            if not draft.result(root):
                draft = self.drafts.add(draft, {keyid: signer})


def show(bench: Bench, fresh: Collection[str] = ()) -> tuple[Waiting, ...]:
    """Bring the channel as far as the keys at hand allow; `fresh` roles get a new version in any case."""
    due = set(fresh)
    for _ in range(ATTEMPTS):
        state = read_state(bench.files)
        if _publish_drafts(bench, state):
            continue
        if state is None:
            return _unfinished_drafts(bench, None)
        if _sign_listings(bench, state, due):
            continue
        waiting = _lead(bench, state, due)
        if waiting is not None and not _root_follows(bench, state):
            return (*_unfinished_drafts(bench, state), *_unsigned_listings(state), *waiting)
    raise Busy(f"{bench.files.store.url} was changed by others {ATTEMPTS} times in a row.", mend="Try again.")


def _publish_drafts(bench: Bench, state: State | None) -> bool:
    """Make metadata of what enough have signed; whether there was any.

    Targets that hold by the root that devices know go first: once they are shown, the new root makes nothing void.
    """
    root, targets = bench.drafts_of(state)
    before = state.root if state else None
    if before is not None and targets is not None and targets.result(before):
        _publish(bench, targets)
        return True
    if root is None or not root.result(before) or not _followed(bench, state, root, targets):
        return False
    _publish(bench, root)
    if targets is not None and targets.result(root.document.signed):
        _publish(bench, targets)
    return True


def _root_follows(bench: Bench, before: State) -> bool:
    """Whether a root that waited for what was just shown can be published now."""
    if bench.drafts_of(before)[0] is None:
        return False
    state = read_state(bench.files)
    root, targets = bench.drafts_of(state)
    if state is None or root is None:
        return False
    return bool(root.result(state.root)) and _followed(bench, state, root, targets)


def _publish(bench: Bench, draft: Draft) -> None:
    """What stands under its name afterwards is valid, whoever was quicker; the draft has done its work."""
    bench.files.bind(draft.document)
    bench.drafts.remove(draft)


def _followed(bench: Bench, state: State | None, root: Draft, targets: Draft | None) -> bool:
    """Whether devices that take a new root go on believing what they see, or it can be signed anew at once."""
    signed: Root = root.document.signed
    anew = targets is not None and bool(targets.result(signed))
    if state is None:
        return anew
    holds, void = delegated(signed, TARGETS), []
    if (shown := state.shown.get(TARGETS)) is not None and not holds(shown):
        newest = state.targets.document
        if newest is not None and holds(newest):
            return False  # it waits for being shown, and the root for that
        if not anew:
            return False
        void = [SNAPSHOT, TIMESTAMP]
    void += [role for role in (SNAPSHOT, TIMESTAMP) if _made_void(state, role, signed)]
    return all(len(bench.keys.signers(signed.roles[one].keyids)) >= signed.roles[one].threshold for one in void)


def _made_void(state: State, role: str, root: Root) -> bool:
    document = state.newest(role).document
    return document is not None and not delegated(root, role)(document)


def _sign_listings(bench: Bench, state: State, due: set[str]) -> bool:
    """Sign models and channels where they must be, if the keys are here; whether any was bound."""
    bound = False
    for role in DELEGATED:
        newest = state.newest(role)
        if newest.valid and role not in due:
            continue
        signers = bench.signers(state, role)
        if signers and not bench.objections(role, newest):
            before = newest.document.signed if newest.document else None
            listing = make_listing(before, newest.free, {}, role, now=bench.now(), expiries=bench.expiries)
            if bench.files.bind(sign(role, listing, signers)):
                due.discard(role)
            bound = True
    return bound


def _lead(bench: Bench, state: State, due: set[str]) -> tuple[Waiting, ...] | None:
    """Snapshot and timestamp of what holds; None where others were quicker."""
    listed = _showable(state)
    if listed is None:
        return ()
    now = bench.now()
    snapshot = state.snapshot
    document = snapshot.document
    if document is None or not snapshot.valid or SNAPSHOT in due or not lists(document, listed):
        made = _bound(bench, state, SNAPSHOT, make_snapshot(listed, snapshot.free, now, bench.expiries))
        if not isinstance(made, Document):
            return made
        document = made
        due.discard(SNAPSHOT)
    timestamp = state.timestamp
    leading = timestamp.document
    if leading is not None and timestamp.valid:
        _check_clock(leading, now)
    if leading is None or not timestamp.valid or TIMESTAMP in due or not leads_to(leading, document):
        made = _bound(bench, state, TIMESTAMP, make_timestamp(document, timestamp.free, now, bench.expiries))
        if not isinstance(made, Document):
            return made
        leading = made
        due.discard(TIMESTAMP)
    if bench.files.data(TIMESTAMP_KEY) != leading.data:
        bench.files.store.put(TIMESTAMP_KEY, leading.data)
    return None if _overtaken(bench, leading) else ()


def _overtaken(bench: Bench, timestamp: Document) -> bool:
    """Whether somebody signed a newer one meanwhile; a file in its place that does not hold is none."""
    if bench.files.data(key_of(TIMESTAMP, timestamp.version + 1)) is None:
        return False
    state = read_state(bench.files)
    newest = state.timestamp.document if state else None
    return newest is not None and newest.version > timestamp.version


def _check_clock(timestamp: Document, now: datetime) -> None:
    """Refuse to sign before the channel's own date: devices believe the newest that they have seen."""
    date = signed_at(timestamp.signed)
    if date > now + SLACK:
        raise BadChannel(
            f"The channel's timestamp bears the date {written(date)}, and here it is {written(now)}.",
            mend="If this clock is wrong, set it. If the other one was, or somebody has the key: "
            "`slipway channel rotate-key timestamp`, after which devices forget that date.",
        )


def _bound(bench: Bench, state: State, role: str, signed: Signed) -> Document | tuple[Waiting, ...] | None:
    """The signed document once it is bound; who must sign, or None where others were quicker."""
    signers = bench.signers(state, role)
    if not signers:
        return (_waiting_for(state, role, signed.version),)
    document = sign(role, signed, signers)
    return document if bench.files.bind(document) else None


def _showable(state: State) -> Mapping[str, Document] | None:
    """The newest targets with models and channels that hold under them, else what is shown with its newest."""
    for targets in (state.targets.document if state.targets.valid else None, state.shown.get(TARGETS)):
        if targets is None:
            continue
        found = {role: state.newest(role, targets) for role in DELEGATED}
        listed = {role: one.document for role, one in found.items() if one.valid and one.document is not None}
        if len(listed) == len(DELEGATED):
            return {TARGETS: targets, **listed}
    return None


def _unfinished_drafts(bench: Bench, state: State | None) -> tuple[Waiting, ...]:
    root, targets = bench.drafts_of(state)
    found = []
    before = state.root if state else None
    if root is not None:
        found.append(_waiting(root, before))
        before = root.document.signed
    if targets is not None:
        found.append(_waiting(targets, before))
    return tuple(found)


def _waiting(draft: Draft, root: Root | None) -> Waiting:
    result = draft.result(root)
    missing = (
        max(result.first.missing, result.second.missing)
        if isinstance(result, RootVerificationResult)
        else result.missing
    )
    return Waiting(draft.role, draft.version, tuple(sorted(result.signed)), missing, tuple(sorted(result.unsigned)))


def _unsigned_listings(state: State) -> tuple[Waiting, ...]:
    pending = [(role, state.newest(role)) for role in DELEGATED]
    return tuple(_waiting_for(state, role, newest.free) for role, newest in pending if not newest.valid)


def _waiting_for(state: State, role: str, version: int) -> Waiting:
    targets = state.targets.document
    keyids, threshold = keyids_of(role, state.root, targets.signed if targets else None)
    return Waiting(role, version, (), threshold, tuple(sorted(keyids)))
