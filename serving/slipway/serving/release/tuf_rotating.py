"""Drafts of what the holders of root and targets must agree on: the first metadata, other keys, a new expiry.

A draft that others began for the same version is gone on with when it
says the same; else it is in the way, and somebody must decide: sign it, or remove it.
"""

from collections.abc import Mapping, Sequence

from tuf.api.metadata import Root, Targets

from slipway.platform.errors import SlipwayError
from slipway.platform.identity import People
from slipway.serving.release.roles import DELEGATED, HOLDERS, ROOT, SNAPSHOT, TARGETS, TIMESTAMP, holders, threshold
from slipway.serving.release.tuf_drafts import Draft
from slipway.serving.release.tuf_making import Keys, keyids_of, make_root, make_targets
from slipway.serving.release.tuf_showing import Bench
from slipway.serving.release.tuf_state import State, delegated


class DraftInTheWay(SlipwayError):
    """Another draft of the same version waits for signatures."""


def keys_for(people: People, role: str, names: Sequence[str], *, protected: bool) -> Keys:
    """The keys that a role is to name."""
    held = holders(people, role, names)
    return Keys(held, threshold(role, held, protected=protected))


def propose_first(bench: Bench, people: People, named: Mapping[str, Sequence[str]], *, protected: bool) -> None:
    """Root and targets of a new channel."""
    keys = {role: keys_for(people, role, named.get(role, ()), protected=protected) for role in HOLDERS}
    rooted = {role: keys[role] for role in (ROOT, TARGETS, SNAPSHOT, TIMESTAMP)}
    _proposed(bench, ROOT, make_root(None, rooted, bench.now(), bench.expiries))
    listing = {role: keys[role] for role in DELEGATED}
    _proposed(bench, TARGETS, make_targets(None, 1, listing, bench.now(), bench.expiries))


def propose_keys(
    bench: Bench, people: People, state: State, roles: Sequence[str], names: Sequence[str], *, protected: bool
) -> None:
    """A root and, where it must follow, targets in which these roles name other keys; none where they do already."""
    kept = state.targets.document
    before = kept.signed if kept else None
    wanted = {role: keys_for(people, role, names, protected=protected) for role in roles}
    keys = {role: one for role, one in wanted.items() if not one.are(*keyids_of(role, state.root, before))}
    rooted = {role: one for role, one in keys.items() if role not in DELEGATED}
    listing = {role: one for role, one in keys.items() if role in DELEGATED}
    root = state.root
    if rooted:
        draft = _proposed(bench, ROOT, make_root(root, rooted, bench.now(), bench.expiries))
        root = draft.document.signed
    if listing or (kept is not None and not delegated(root, TARGETS)(kept)):
        _proposed(bench, TARGETS, make_targets(before, state.targets.free, listing, bench.now(), bench.expiries))


def propose_refreshed(bench: Bench, state: State, roles: Sequence[str]) -> None:
    """Root or targets with the same keys and a new expiry."""
    if ROOT in roles:
        _proposed(bench, ROOT, make_root(state.root, {}, bench.now(), bench.expiries))
    if TARGETS in roles:
        kept = state.targets.document
        targets = make_targets(kept.signed if kept else None, state.targets.free, {}, bench.now(), bench.expiries)
        _proposed(bench, TARGETS, targets)


def _proposed(bench: Bench, role: str, signed: Root | Targets) -> Draft:
    """The draft of that version, where it says the same."""
    draft = bench.drafts.propose(role, signed)
    if _meaning(draft.document.signed) != _meaning(signed):
        raise DraftInTheWay(
            f"Another draft of `{role}` {signed.version} waits for signatures: {draft.key} in {bench.files.store.url}.",
            mend="Look at it and sign it, or remove it, then ask again.",
        )
    return draft


def _meaning(signed: Root | Targets) -> object:
    """What a draft says of keys, without its dates."""
    fields = signed.to_dict()
    return {name: fields.get(name) for name in ("version", "keys", "roles", "delegations", "targets")}
