"""How a channel stands: its roles with what they are good for, what waits for signatures, what devices are told.

Nothing is signed and nothing written here. A life is what the settings give a role; half of it is when whoever keeps
the channel alive should have renewed it.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tuf.api.metadata import RootVerificationResult, VerificationResult

from slipway.platform.identity import People
from slipway.serving.bundle.canonical import sha256
from slipway.serving.channel import limits
from slipway.serving.channel.pointer import Pointer
from slipway.serving.channel.site import SitePointer
from slipway.serving.release.roles import CHANNELS, DELEGATED, HOLDERS, ROOT, SNAPSHOT, TARGETS, TIMESTAMP
from slipway.serving.release.tuf_drafts import Draft
from slipway.serving.release.tuf_files import BadChannel, Document
from slipway.serving.release.tuf_making import keyids_of
from slipway.serving.release.tuf_repository import TufRepository
from slipway.serving.release.tuf_showing import Waiting
from slipway.serving.release.tuf_state import State, read_state

UNKNOWN = "a key that nobody is known by"
POINTERS = "channels/"
TOLD = 3
"""How many paths are named, where there are many."""


@dataclass(frozen=True)
class RoleStanding:
    """A role, as devices see it."""

    role: str
    version: int
    signed_by: tuple[str, ...]
    holders: tuple[str, ...]
    """Whose keys may sign it."""
    threshold: int
    good_until: datetime
    life: timedelta
    here: bool
    """Whether the keys on this machine suffice to renew it."""
    newer: int | None = None
    """A version that was signed and is not shown to devices yet."""
    newer_until: datetime | None = None

    def left(self, now: datetime) -> timedelta:
        """How much of its life is left."""
        return self.good_until - now

    def late(self, now: datetime) -> bool:
        """Whether half of its life is gone."""
        return self.left(now) <= self.life / 2

    def due(self, now: datetime) -> bool:
        """Whether somebody should sign it anew."""
        left = (self.newer_until or self.good_until) - now
        return left <= self.life / 2

    def over(self, now: datetime) -> bool:
        """Whether devices install nothing any more because of it."""
        return self.left(now) <= timedelta()


@dataclass(frozen=True)
class ModelStanding:
    """What devices are told of a model."""

    pointer: Pointer
    shown: bool
    """False while a newer pointer was signed and not shown to them."""


@dataclass(frozen=True)
class SiteStanding:
    """What devices of a site are told."""

    pointer: SitePointer
    shown: bool
    """False while a newer one was signed and not shown to them."""


@dataclass(frozen=True)
class ChannelStanding:
    """A channel."""

    place: str
    first_root: str
    """sha256 of the root that devices are enrolled with; empty while too few have signed it."""
    roles: tuple[RoleStanding, ...]
    models: tuple[ModelStanding, ...]
    waiting: tuple[Waiting, ...]
    whole: bool
    """Whether devices see it: everything was signed once."""
    remarks: tuple[str, ...] = ()
    """What people should know besides."""
    sites: tuple[SiteStanding, ...] = ()

    def role(self, name: str) -> RoleStanding | None:
        """One of its roles, if it was ever signed."""
        return next((one for one in self.roles if one.role == name), None)


def standing_of(repository: TufRepository) -> ChannelStanding:
    """How a channel stands that was begun."""
    state = read_state(repository.bench.files)
    if state is None and any(drafts_in(repository, None)):
        return ChannelStanding(repository.store.url, "", (), (), tuple(waiting_in(repository, None)), whole=False)
    state = state or state_of(repository)
    roles = tuple(_role(repository, state, role) for role in HOLDERS if _document(state, role) is not None)
    pointers, sites = repository.pointers(), repository.sites()
    models = tuple(ModelStanding(one, _shown(path, state)) for path, one in pointers.items() if one is not None)
    configured = tuple(SiteStanding(one, _shown(path, state)) for path, one in sites.items() if one is not None)
    first = sha256(state.roots[0].data)
    remarks = (
        *(
            f"What is listed as {paths} cannot be believed: `slipway channel verify`."
            for paths in senseless_in({**pointers, **sites})
        ),
        *roots_left(state),
        *_revoked(repository.people, state),
    )
    waiting = tuple(waiting_in(repository, state))
    whole = bool(state.shown)
    return ChannelStanding(repository.store.url, first, roles, models, waiting, whole, remarks, configured)


def _revoked(people: People, state: State) -> Iterator[str]:
    """Roles that still name a key that was revoked."""
    for role in HOLDERS:
        held = [people.holder(keyid) for keyid in keys_of(state, role)[0]] if role != TARGETS else []
        names = sorted({person.name for person, key in filter(None, held) if key.revoked})
        if names:
            yield (
                f"`{role}` still names a key that was revoked, of {' and '.join(names)}: "
                f"`slipway channel rotate-key {role}` is due."
            )


def senseless_in(pointers: Mapping[str, Pointer | SitePointer | None]) -> Iterator[str]:
    """The paths of what cannot be believed, in words; nothing where all can."""
    paths = [path for path, pointer in pointers.items() if pointer is None]
    if paths:
        yield f"{', '.join(paths[:TOLD])}{f' and {len(paths) - TOLD:,} more' if len(paths) > TOLD else ''}"


def roots_left(state: State) -> Iterator[str]:
    """How many roots more a device follows in one look, when that is few."""
    left = limits.ROOT_ROTATIONS + 1 - len(state.roots)
    if left <= limits.ROOT_ROTATIONS // 4:
        yield (
            f"There are {len(state.roots)} roots, and a device follows {limits.ROOT_ROTATIONS} of them in one look: "
            f"{max(left, 0)} more, then those that were enrolled with an early one need several looks."
        )


def state_of(repository: TufRepository) -> State:
    """What the channel's files say."""
    state = read_state(repository.bench.files)
    if state is None:
        raise BadChannel(
            f"There is no channel at {repository.store.url}.",
            mend="`slipway channel sign` goes on with one that was begun."
            if any(drafts_in(repository, None))
            else "`slipway channel init` begins one.",
        )
    return state


def drafts_in(repository: TufRepository, state: State | None) -> tuple[Draft, ...]:
    """The drafts that are not metadata yet, root before targets."""
    return tuple(draft for draft in repository.bench.drafts_of(state) if draft is not None)


def waiting_in(repository: TufRepository, state: State | None) -> Iterator[Waiting]:
    """What wants signatures, without giving any."""
    before = state.root if state else None
    for draft in drafts_in(repository, state):
        result = draft.result(before)
        signed, unsigned = (tuple(sorted(keys)) for keys in (result.signed, result.unsigned))
        missing = max(one.missing for one in _parts(result))
        yield Waiting(draft.role, draft.version, signed, missing, unsigned)
        if draft.role == ROOT:
            before = draft.document.signed
    if state is None:
        return
    for role in (*DELEGATED, SNAPSHOT, TIMESTAMP):
        newest = state.newest(role)
        keyids, threshold = keys_of(state, role)
        if not newest.valid and keyids:
            yield Waiting(role, newest.free, (), threshold, tuple(sorted(keyids)))


def _parts(result: RootVerificationResult | VerificationResult) -> tuple[VerificationResult, ...]:
    """A new root must be signed as it says itself, and as the one before it says."""
    return (result.first, result.second) if isinstance(result, RootVerificationResult) else (result,)


def keys_of(state: State, role: str) -> tuple[list[str], int]:
    """The keys that a role names, and how many must sign."""
    targets = state.targets.document
    return keyids_of(role, state.root, targets.signed if targets else None)


def names_of(people: People, keyids: Collection[str]) -> tuple[str, ...]:
    """Whose keys these are; one that nobody is known by stands for itself."""
    found = {keyid: people.holder(keyid) for keyid in keyids}
    return tuple(sorted({held[0].name if held else f"{UNKNOWN} ({keyid[:12]})" for keyid, held in found.items()}))


def _document(state: State, role: str) -> Document | None:
    return state.roots[-1] if role == ROOT else state.shown.get(role)


def _role(repository: TufRepository, state: State, role: str) -> RoleStanding:
    document = _document(state, role)
    assert document is not None, role  # noqa: S101 - asked for before
    keyids, threshold = keys_of(state, role)
    days: int = getattr(repository.bench.expiries, role)
    here = repository.bench.keys.signers(keyids)
    newest = state.newest(role)
    newer = newest.document if newest.valid and newest.document and newest.document.data != document.data else None
    return RoleStanding(
        role=role,
        version=document.version,
        signed_by=names_of(repository.people, document.metadata.signatures),
        holders=names_of(repository.people, keyids),
        threshold=threshold,
        good_until=document.signed.expires,
        life=timedelta(days=days),
        here=len(here) >= threshold,
        newer=newer.version if newer else None,
        newer_until=newer.signed.expires if newer else None,
    )


def _shown(path: str, state: State) -> bool:
    """Whether devices see the newest that was signed of it."""
    newest, shown = state.newest(CHANNELS).document, state.shown.get(CHANNELS)
    there = shown.signed.targets.get(path) if shown else None
    return there is not None and newest is not None and there == newest.signed.targets.get(path)
