"""The roles of a channel: who may hold each, how many must sign, how long a signature is good.

`root` and `targets` belong to the holders of channel-root, offline, two of whom must agree; `models` to releasers; what
is `ONLINE` to the rollout service. The keys are those of the people file: a role names the newest trusted key of each
holder, never two keys of one person, so that two signatures are always those of two people.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from slipway.platform.errors import WrongUse
from slipway.platform.identity import People, Person, Role, TrustedKey
from slipway.platform.names import suggestion
from slipway.serving.channel.paths import CHANNELS_ROLE, MODELS_ROLE

ROOT: Final = "root"
TARGETS: Final = "targets"
MODELS: Final = MODELS_ROLE
CHANNELS: Final = CHANNELS_ROLE
SNAPSHOT: Final = "snapshot"
TIMESTAMP: Final = "timestamp"

HOLDERS: Final = {
    ROOT: Role.CHANNEL_ROOT,
    TARGETS: Role.CHANNEL_ROOT,
    MODELS: Role.RELEASER,
    CHANNELS: Role.ROLLOUT_SERVICE,
    SNAPSHOT: Role.ROLLOUT_SERVICE,
    TIMESTAMP: Role.ROLLOUT_SERVICE,
}
"""Whose keys a role may name."""
OFFLINE: Final = (ROOT, TARGETS)
DELEGATED: Final = (MODELS, CHANNELS)
"""By `targets`; the others by `root`."""
LISTED: Final = (TARGETS, MODELS, CHANNELS)
"""What a snapshot lists."""
ONLINE: Final = (CHANNELS, SNAPSHOT, TIMESTAMP)
AGREEING: Final = 2
ROOT_HOLDERS: Final = 3
"""As many as it takes so that one key may be lost."""


@dataclass(frozen=True)
class Held:
    """A key of a role, and whose it is."""

    person: Person
    key: TrustedKey


def role_named(name: str) -> str:
    """A role of that name."""
    if name not in HOLDERS:
        raise WrongUse(f"A channel has no role `{name}`.", mend=suggestion(name, HOLDERS))
    return name


def holders(people: People, role: str, names: Sequence[str] = ()) -> tuple[Held, ...]:
    """Who is to hold a role: those named, else all who may; each with the newest trusted key."""
    wanted = HOLDERS[role_named(role)]
    persons = [people.person(name) for name in dict.fromkeys(names)] or list(people.persons)
    for person in persons if names else ():
        if wanted not in person.roles:
            raise WrongUse(
                f"`{person.name}` is no {wanted} ({wanted} {wanted.meaning}), and `{role}` is held by such only.",
                mend=f"`slipway identity trust {person.name} --role {wanted}`, or name somebody else.",
            )
    found = tuple(Held(person, key) for person in persons if wanted in person.roles for key in _newest(person.keys))
    if not found:
        service = " --service" if role in ONLINE else ""
        raise WrongUse(
            f"{people.source} has nobody who is {wanted} and has a trusted key; `{role}` needs one.",
            mend=f"`slipway identity trust NAME{service} --role {wanted} --key FILE`.",
        )
    return found


def threshold(role: str, held: Sequence[Held], *, protected: bool) -> int:
    """How many must sign. In a context that is not protected a lone developer may hold everything."""
    if role not in OFFLINE:
        return 1
    if protected and len(held) < ROOT_HOLDERS:
        names = ", ".join(one.person.name for one in held)
        raise WrongUse(
            f"Expected {ROOT_HOLDERS} holders of {Role.CHANNEL_ROOT}, so that {AGREEING} agree and one key may be "
            f"lost; found {len(held)}: {names}.",
            mend=f"`slipway identity trust NAME --role {Role.CHANNEL_ROOT} --key FILE`.",
        )
    return min(AGREEING, len(held))


def _newest(keys: Iterable[TrustedKey]) -> tuple[TrustedKey, ...]:
    trusted = sorted((key for key in keys if key.trusted_now()), key=lambda key: key.since)
    return tuple(trusted[-1:])
