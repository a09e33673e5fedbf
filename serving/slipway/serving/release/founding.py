"""Beginning a channel: who holds which role, and its first metadata.

Create-or-adopt: begun again, a channel is gone on with where it stands, and one that is whole is left alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from slipway.platform.errors import WrongUse
from slipway.serving.release.agreeing import waits_told
from slipway.serving.release.inspecting import waiting_in
from slipway.serving.release.roles import HOLDERS, ROOT, TARGETS, holders, role_named, threshold
from slipway.serving.release.tuf_repository import TufRepository
from slipway.serving.release.tuf_showing import show
from slipway.serving.release.tuf_state import read_state


@dataclass(frozen=True)
class Founded:
    """What beginning a channel led to."""

    place: str
    was_there: bool
    """Whether devices could see it before."""
    whole: bool
    """Whether they can now."""
    waits: tuple[str, ...]
    """For whom, a sentence each."""


def holders_named(given: Iterable[str]) -> dict[str, list[str]]:
    """`ROLE=NAME` as people write it; several for a role are several holders. Who holds `root` holds `targets`."""
    found: dict[str, list[str]] = {}
    for one in given:
        role, sign, name = one.partition("=")
        if not sign or not name:
            raise WrongUse(f"`{one}` is no ROLE=NAME.", mend="Such as --holder timestamp=clock.")
        found.setdefault(role_named(role), []).append(name)
    for one, other in ((ROOT, TARGETS), (TARGETS, ROOT)):
        if one in found:
            found.setdefault(other, found[one])
    return found


def planned(repository: TufRepository, named: Mapping[str, Sequence[str]]) -> list[str]:
    """Who would hold what, a sentence each."""
    lines = []
    for role in HOLDERS:
        held = holders(repository.people, role, named.get(role, ()))
        needed = threshold(role, held, protected=repository.protected)
        names = ", ".join(one.person.name for one in held)
        lines.append(f"`{role}`: {names}{f'; {needed} of them sign' if len(held) > 1 else ''}")
    return lines


def found(repository: TufRepository, named: Mapping[str, Sequence[str]]) -> Founded:
    """Begin a channel, or go on with it, as far as the keys here allow."""
    state = read_state(repository.bench.files)
    was_there = bool(state and state.shown)
    if state is None:
        repository.found(named)
    elif not was_there:
        show(repository.bench)
    state = read_state(repository.bench.files)
    waits = waits_told(waiting_in(repository, state), repository.people)
    return Founded(repository.store.url, was_there, bool(state and state.shown), waits)
