"""Other keys for a role: planned, or because one was lost or stolen.

A role names the newest trusted key of each of its holders. So somebody with a new key only asks for the rotation, and
another holder is named by name. `root` and `targets` have the same holders and change together. What devices do is the
same for every role: they follow at their next look, and nothing that is installed stops.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from slipway.platform.errors import WrongUse
from slipway.platform.identity import People
from slipway.platform.names import suggestion
from slipway.serving.release.agreeing import waits_told
from slipway.serving.release.inspecting import drafts_in, keys_of, names_of, state_of, waiting_in
from slipway.serving.release.roles import (
    DELEGATED,
    ROOT,
    SNAPSHOT,
    TARGETS,
    TIMESTAMP,
    holders,
    role_named,
    threshold,
)
from slipway.serving.release.tuf_repository import TufRepository
from slipway.serving.release.tuf_rotating import DraftInTheWay
from slipway.serving.release.tuf_showing import show
from slipway.serving.release.tuf_state import State, read_state


@dataclass(frozen=True)
class Exchange:
    """Who is to hold a role instead of whom."""

    replace: str | None = None
    by: str | None = None
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rotation:
    """Roles with the keys that they are to name."""

    roles: tuple[str, ...]
    names: tuple[str, ...]
    lines: tuple[str, ...]
    """What changes, a sentence each; none where nothing does."""


def roles_asked(names: Sequence[str]) -> tuple[str, ...]:
    """The roles that change together with those that were named."""
    found = [role_named(name) for name in names]
    if ROOT in found or TARGETS in found:
        found = [ROOT, TARGETS, *found]
    return tuple(dict.fromkeys(found))


def planned(repository: TufRepository, roles: Sequence[str], exchange: Exchange) -> Rotation:
    """What a rotation would change."""
    state = state_of(repository)
    wanted = roles_asked(roles)
    names = {role: _names(repository.people, state, role, exchange) for role in wanted}
    if len(set(names.values())) > 1:
        told_names = "; ".join(f"`{role}`: {', '.join(found)}" for role, found in names.items())
        raise WrongUse(f"These roles would have different holders: {told_names}.", mend="Rotate them one by one.")
    lines = [line for role in wanted for line in _lines(repository, state, role, names[role])]
    return Rotation(wanted, names[wanted[0]], tuple(lines))


def rotate(repository: TufRepository, rotation: Rotation) -> tuple[str, ...]:
    """Propose it and sign with the keys that are here; for whom it waits."""
    before = read_state(repository.bench.files)
    drafts = drafts_in(repository, before)
    strange = [one for one in drafts if one.role not in _touched(rotation)]
    if strange:
        raise DraftInTheWay(
            f"`{strange[0].role}` {strange[0].version} waits for signatures, and is not part of this.",
            mend="`slipway channel sign --dry-run` says what it is; sign it first, or forget it with --discard.",
        )
    if rotation.lines:
        repository.rotate(rotation.roles, rotation.names)
    else:
        show(repository.bench)  # somebody was killed who had asked for the same
    state = read_state(repository.bench.files)
    return waits_told(waiting_in(repository, state), repository.people)


def effect(roles: Sequence[str]) -> str:
    """What devices do, in words."""
    if set(roles) & {SNAPSHOT, TIMESTAMP}:
        return (
            "Devices take the new keys at their next look, and forget versions and dates that they learned under the "
            "old ones."
        )
    if set(roles) & set(DELEGATED):
        return "Devices take the new keys at their next look; what is installed goes on."
    return "Devices follow the new root at their next look, over every root in between; what is installed goes on."


def _touched(rotation: Rotation) -> set[str]:
    """The metadata whose drafts this makes."""
    found = {TARGETS if role in DELEGATED else ROOT for role in rotation.roles}
    return found | ({TARGETS} & set(rotation.roles))


def _names(people: People, state: State, role: str, exchange: Exchange) -> tuple[str, ...]:
    keyids, _ = keys_of(state, role)
    held = [people.holder(keyid) for keyid in keyids]
    names = list(dict.fromkeys(one[0].name for one in held if one))
    gone = [*exchange.remove, *([exchange.replace] if exchange.replace else [])]
    for name in gone:
        if name not in names:
            raise WrongUse(f"`{name}` holds no key of `{role}`.", mend=suggestion(name, names))
    new = [*exchange.add, *([exchange.by] if exchange.by else [])]
    found = tuple(sorted({*(name for name in names if name not in gone), *new}))
    if not found:
        raise WrongUse(f"Nobody would hold `{role}`.", mend="Name who does: --replace NAME --with NAME, or --add NAME.")
    return found


def _lines(repository: TufRepository, state: State, role: str, names: Sequence[str]) -> list[str]:
    people = repository.people
    held = holders(people, role, names)
    without = sorted(set(names) - {one.person.name for one in held})
    if without:
        raise WrongUse(
            f"`{without[0]}` has no trusted key in {people.source}.",
            mend=f"`slipway identity init {without[0]}` makes one where it is to be kept, and `slipway identity trust "
            f"{without[0]} --key FILE` trusts it; or leave them out: --remove {without[0]}.",
        )
    needed = threshold(role, held, protected=repository.protected)
    now, before = {one.key.keyid for one in held}, keys_of(state, role)
    if now == set(before[0]) and needed == before[1]:
        return []
    lines = [f"`{role}`: from now on {_told(people, keyid)}" for keyid in sorted(now - set(before[0]))]
    lines += [f"`{role}`: no longer {_told(people, keyid)}" for keyid in sorted(set(before[0]) - now)]
    if needed != before[1]:
        lines.append(f"`{role}`: {needed} must sign instead of {before[1]}")
    return lines


def _told(people: People, keyid: str) -> str:
    held = people.holder(keyid)
    revoked = ", revoked" if held and not held[1].trusted_now() else ""
    return f"{names_of(people, [keyid])[0]} (key {keyid[:12]}{revoked})"
