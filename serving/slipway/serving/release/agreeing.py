"""Signing what waits for signatures, after it was said in words what that is.

What was described is what is signed: a draft that somebody replaces meanwhile gets no signature. A key that the people
file does not know in that role is no reason to sign, whoever proposed it. And who takes over `models` vouches for all
that is listed: a release that the ledger does not know, which a thief of the former key may have put there, is asked
about first.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from securesystemslib.signer import Signer
from tuf.api.metadata import Root, Targets

from slipway.platform.errors import SlipwayError
from slipway.platform.identity import People
from slipway.platform.registry.desk import Desk
from slipway.serving.release.inspecting import drafts_in, keys_of, names_of, waiting_in
from slipway.serving.release.reviewing import UNKNOWN_MEND, Reviewed, Unknown, entries, review
from slipway.serving.release.roles import DELEGATED, HOLDERS, MODELS, ROOT, TARGETS
from slipway.serving.release.signing import KeysAtHand
from slipway.serving.release.tuf_drafts import Draft
from slipway.serving.release.tuf_making import make_listing
from slipway.serving.release.tuf_making import sign as signed_document
from slipway.serving.release.tuf_repository import TufRepository
from slipway.serving.release.tuf_showing import Waiting, show
from slipway.serving.release.tuf_state import State, read_state

DIGITS: Final = 12

Named = Mapping[str, tuple[frozenset[str], int]]
"""By role, its keys and how many must sign."""


class Strangers(SlipwayError):
    """Something that nobody should sign as it is."""


@dataclass(frozen=True)
class Request:
    """Something that waits, in words, and the keys here that can sign it."""

    role: str
    version: int
    lines: tuple[str, ...]
    signers: Mapping[str, Signer] = field(repr=False)
    names: tuple[str, ...]
    """Whose keys these are."""
    problems: tuple[str, ...] = ()
    """Why it is not signed."""
    mend: str = "Ask who proposed it. `slipway channel sign --discard` forgets what waits."
    draft: Draft | None = field(default=None, repr=False)
    listing: Targets | None = field(default=None, repr=False)


def requests(repository: TufRepository, desk: Desk, unknown: Unknown = Unknown.ASK) -> tuple[Request, ...]:
    """All that waits; those without signers wait for others."""
    state = read_state(repository.bench.files)
    found = list(_drafts(repository, state))
    if state is not None:
        found += _listings(repository, state, desk, unknown)
    return tuple(found)


def sign(repository: TufRepository, wanted: tuple[Request, ...]) -> tuple[Waiting, ...]:
    """Sign these with the keys that are here, and show devices what is whole then; what waits for others."""
    for request in wanted:
        if request.problems:
            raise Strangers(f"`{request.role}` {request.version}: {request.problems[0]}", mend=request.mend)
    for request in wanted:
        if request.draft is not None:
            repository.bench.drafts.add(request.draft, request.signers)
        elif request.listing is not None and request.signers:
            repository.bench.files.bind(signed_document(request.role, request.listing, request.signers))
    show(repository.bench)
    return tuple(waiting_in(repository, read_state(repository.bench.files)))


def withholding(repository: TufRepository, refused: Iterable[Request]) -> TufRepository:
    """The channel without the keys here that would sign these."""
    keyids = frozenset(keyid for request in refused for keyid in request.signers)
    bench = repository.bench
    keys = _Withheld(bench.keys.identity, bench.keys.people, keyids)
    return replace(repository, bench=replace(bench, keys=keys))


@dataclass(frozen=True)
class _Withheld(KeysAtHand):
    """As if these keys were not here."""

    keyids: frozenset[str]

    def signers(self, keyids: Iterable[str]) -> dict[str, Signer]:
        return super().signers(keyid for keyid in keyids if keyid not in self.keyids)


def discard(repository: TufRepository) -> tuple[str, ...]:
    """Forget the drafts that wait; what they were."""
    state = read_state(repository.bench.files)
    drafts = drafts_in(repository, state)
    for draft in drafts:
        repository.bench.drafts.remove(draft)
    removed = [f"`{role}` {version}" for role, version in senseless_drafts(repository, state)]
    for role, version in senseless_drafts(repository, state):
        repository.bench.drafts.remove_senseless(role, version)
    return (*(f"`{draft.role}` {draft.version}" for draft in drafts), *removed)


def senseless_drafts(repository: TufRepository, state: State | None) -> tuple[tuple[str, int], ...]:
    """Roles and versions of which something lies in the place of a draft that is none."""
    places = [(ROOT, len(state.roots) + 1 if state else 1), (TARGETS, state.targets.free if state else 1)]
    return tuple(one for one in places if repository.bench.drafts.senseless(*one))


def renews_only(draft: Draft, state: State) -> bool:
    """Whether a draft changes dates alone."""
    before = state.root if draft.role == ROOT else state.targets.document and state.targets.document.signed
    return before is not None and _named(draft.document.signed) == _named(before)


def _drafts(repository: TufRepository, state: State | None) -> Iterator[Request]:
    before_root = state.root if state else None
    before: Root | Targets | None
    for draft in drafts_in(repository, state):
        if draft.role == ROOT:
            before = before_root
        else:
            before = state.targets.document.signed if state and state.targets.document else None
        signers = repository.bench.keys.signers(draft.result(before_root).unsigned)
        yield Request(
            role=draft.role,
            version=draft.version,
            lines=tuple(_changes(draft, before, repository.people)),
            signers=signers,
            names=names_of(repository.people, signers),
            problems=tuple(_strangers(draft, before, repository.people)),
            draft=draft,
        )
        if draft.role == ROOT:
            before_root = draft.document.signed


def _changes(draft: Draft, before: Root | Targets | None, people: People) -> Iterator[str]:
    """What a draft says, against what held before."""
    was = _named(before) if before is not None else {}
    now = _named(draft.document.signed)
    for role, (keyids, threshold) in now.items():
        old = was.get(role)
        if old == (keyids, threshold):
            continue
        agree = f", {threshold} of them sign" if len(keyids) > 1 else ""
        if old is None:
            yield f"`{role}` is held by {_words(people, keyids)}{agree}"
            continue
        for keyid in sorted(keyids - old[0]):
            yield f"`{role}`: from now on {_words(people, {keyid})}"
        for keyid in sorted(old[0] - keyids):
            yield f"`{role}`: no longer {_words(people, {keyid})}"
        if threshold != old[1]:
            yield f"`{role}`: {threshold} must sign instead of {old[1]}"
    if was == now:
        yield "the same keys, good for longer"
    yield f"good until {draft.document.signed.expires:%Y-%m-%d}"


def _words(people: People, keyids: frozenset[str] | set[str]) -> str:
    told = []
    for keyid in keyids:
        held = people.holder(keyid)
        revoked = " which was revoked" if held and not held[1].trusted_now() else ""
        told.append(f"{held[0].name if held else 'nobody known'} (key {keyid[:DIGITS]}{revoked})")
    return ", ".join(sorted(told))


def _named(signed: Any) -> Named:  # noqa: ANN401 - Root or Targets
    """What it says of keys."""
    if isinstance(signed, Root):
        roles = signed.roles
    else:
        roles = dict(signed.delegations.roles or {}) if signed.delegations else {}
    return {role: (frozenset(roles[role].keyids), roles[role].threshold) for role in HOLDERS if role in roles}


def _strangers(draft: Draft, before: Root | Targets | None, people: People) -> Iterator[str]:
    """New keys that the people file does not vouch for."""
    was = _named(before) if before is not None else {}
    for role, (keyids, _) in _named(draft.document.signed).items():
        for keyid in sorted(keyids - was.get(role, (frozenset(), 0))[0]):
            held = people.holder(keyid)
            if held is None or not held[1].trusted_now() or HOLDERS[role] not in held[0].roles:
                yield (
                    f"it gives `{role}` to {_words(people, {keyid})}; expected a trusted key of somebody who is "
                    f"{HOLDERS[role]} in {people.source}."
                )


def _listings(repository: TufRepository, state: State, desk: Desk, unknown: Unknown) -> Iterator[Request]:
    """Models and channels that must be signed by their new keys."""
    bench = repository.bench
    for role in DELEGATED:
        newest = state.newest(role)
        keyids, _ = keys_of(state, role)
        if newest.valid or not keyids:
            continue
        signers = bench.signers(state, role)
        before = newest.document.signed if newest.document else None
        reviewed = Reviewed((), None)
        if role == MODELS and before and signers:
            reviewed = review(before, desk, repository.store)
        listing = make_listing(before, newest.free, {}, role, now=bench.now(), expiries=bench.expiries)
        mended = reviewed.mended if unknown is Unknown.DROP else None
        if mended is not None:
            listing.targets = dict(mended)
        yield Request(
            role=role,
            version=newest.free,
            lines=(*entries(role, listing), f"good until {listing.expires:%Y-%m-%d}"),
            signers=signers,
            names=names_of(repository.people, signers),
            problems=reviewed.problems if unknown is not Unknown.KEEP and mended is None else (),
            mend=UNKNOWN_MEND,
            listing=listing,
        )


def waits_told(found: Iterable[Waiting], people: People) -> tuple[str, ...]:
    """For whom things wait, a sentence for each whom."""
    grouped: dict[tuple[tuple[str, ...], tuple[str, ...], int], list[Waiting]] = {}
    for one in found:
        grouped.setdefault((one.keys, one.signed, one.missing), []).append(one)
    return tuple(_told(together, people) for together in grouped.values())


def _told(together: Sequence[Waiting], people: People) -> str:
    first = together[0]
    names = names_of(people, first.keys)
    what = " and ".join(f"`{one.role}` {one.version}" for one in together)
    signed = f" (signed by {', '.join(names_of(people, first.signed))})" if first.signed else ""
    who = names[0] if len(names) == 1 else f"{first.missing} of {', '.join(names)}"
    verb = "waits" if len(together) == 1 else "wait"
    return f"{what}{signed} {verb} for {who}: `slipway channel sign`, where that key is."
