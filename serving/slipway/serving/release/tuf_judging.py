"""Whether a draft may be signed: it says what this code would have written, and names people who may.

Anyone who can write to the store can lay a draft there. So nobody signs one because it is there: it is written once
more from what holds now and the keys that it names, and must come out the same, but for its dates. What that leaves to
the person who signs is whether these are the right people; commands say who they are.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from tuf.api.metadata import Delegations, Role, Root, Targets

from slipway.platform.identity import People
from slipway.platform.settings import schema
from slipway.serving.channel.errors import Untrusted
from slipway.serving.channel.times import signed_at
from slipway.serving.release.roles import AGREEING, DELEGATED, HOLDERS, OFFLINE, ROOT, Held
from slipway.serving.release.tuf_drafts import Draft
from slipway.serving.release.tuf_files import BadChannel
from slipway.serving.release.tuf_making import Keys, keyids_of, make_root, make_targets

SLACK: Final = timedelta(days=1)
"""How far the clocks of two who sign may differ."""


class UnfitDraft(BadChannel):
    """A draft that nobody should sign."""


def check_draft(
    draft: Draft, root: Root | None, targets: Targets | None, people: People, expiries: schema.Expiries, now: datetime
) -> None:
    """Refuse a draft that is not what would be written here; `root` and `targets` are those that hold."""
    objections = [*_objections(draft, root, targets, people)] or [*_differences(draft, root, targets, people, expiries)]
    objections += _dates(draft, expiries, now)
    if objections:
        raise UnfitDraft(
            f"{draft.key} is not to be signed: {'; '.join(objections)}.",
            mend="If the people file here is an older one, fetch the newest. Else find out who wrote the draft, "
            "remove it, and ask for what is wanted again.",
        )


def _roles(draft: Draft) -> Mapping[str, Role]:
    if draft.role == ROOT:
        roles: Mapping[str, Role] = draft.document.signed.roles
        return roles
    delegations: Delegations | None = draft.document.signed.delegations
    return (delegations.roles or {}) if delegations else {}


def _changed(draft: Draft, root: Root | None, targets: Targets | None) -> dict[str, Role]:
    """The roles that it gives other keys to."""
    found = {}
    for name, role in _roles(draft).items():
        before = _before(name, root, targets)
        if (set(role.keyids), role.threshold) != (set(before[0]), before[1]):
            found[name] = role
    return found


def _before(role: str, root: Root | None, targets: Targets | None) -> tuple[Sequence[str], int]:
    if role not in HOLDERS or (root is None and role not in DELEGATED):
        return [], 0
    return keyids_of(role, root or Root(), targets)


def _objections(draft: Draft, root: Root | None, targets: Targets | None, people: People) -> Iterator[str]:
    """Keys that the people file does not vouch for, and too few who must agree."""
    for name, role in _changed(draft, root, targets).items():
        if name not in HOLDERS:
            yield f"there is no role `{name}`"
            continue
        persons = []
        for keyid in role.keyids:
            held = people.holder(keyid)
            persons.append(held[0].name if held else keyid)
            kept = held is not None and keyid in _before(name, root, targets)[0]
            if not kept and (held is None or not held[1].trusted_now() or HOLDERS[name] not in held[0].roles):
                yield f"it gives `{name}` to the key {keyid[:12]}, expected a trusted key of a {HOLDERS[name]}"
        if len(set(persons)) < len(persons):
            yield f"it gives `{name}` two keys of one person"
        expected = min(AGREEING, len(persons)) if name in OFFLINE else 1
        if role.threshold != expected:
            yield f"{role.threshold} would have to sign `{name}`, expected {expected}"


def _differences(
    draft: Draft, root: Root | None, targets: Targets | None, people: People, expiries: schema.Expiries
) -> Iterator[str]:
    """What it says beyond keys."""
    keys = {name: Keys(_held(role, people), role.threshold) for name, role in _changed(draft, root, targets).items()}
    at = draft.document.signed.expires
    expected: Root | Targets
    if draft.role == ROOT:
        expected = make_root(root, keys, at, expiries)
    else:
        expected = make_targets(targets, draft.version, keys, at, expiries)
    written, found = _content(expected), _content(draft.document.signed)
    unlike = sorted(name for name in written.keys() | found.keys() if written.get(name) != found.get(name))
    if unlike:
        yield f"it says something else of `{unlike[0]}` than would be written"


def _held(role: Role, people: People) -> list[Held]:
    found = [people.holder(keyid) for keyid in role.keyids]
    return [Held(*held) for held in found if held is not None]


def _content(signed: Root | Targets) -> dict[str, Any]:
    fields: dict[str, Any] = signed.to_dict()
    return {name: value for name, value in fields.items() if name not in {"expires", "signed_at"}}


def _dates(draft: Draft, expiries: schema.Expiries, now: datetime) -> Iterator[str]:
    days: int = getattr(expiries, draft.role)
    if draft.document.signed.expires > now + timedelta(days=days) + SLACK:
        yield f"it would be good for longer than {days} days"
    if draft.role == ROOT:
        try:
            late = signed_at(draft.document.signed) > now + SLACK
        except Untrusted as error:
            yield str(error)
        else:
            if late:
                yield "it bears a date in the future"
