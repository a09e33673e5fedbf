"""Who acts in a little company: one person, four services, and three keys that hold the channel's root.

A role that somebody trusted holds already, with a key on this machine, is that one's: nobody new is made for it. The
person is whoever acts here already, else whoever owns the only personal key, else somebody new who is called as the
user is. A role that was taken away from somebody does not come back by itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from slipway.platform.errors import WrongUse
from slipway.platform.identity import People, Person, Role
from slipway.platform.identity.key_ring import KeyRing
from slipway.platform.identity.names import is_name
from slipway.platform.identity.people_changes import Trust, trusting
from slipway.platform.identity.people_store import PeopleStore
from slipway.platform.settings import schema

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

Tell = Callable[[str], None]

SERVICES: Final[Mapping[str, tuple[Role, ...]]] = {
    "flows": (Role.TRAINER, Role.GATE_SERVICE, Role.RELEASER, Role.FLOW_SERVICE),
    "guard": (Role.GUARD_SERVICE,),
    "rollout": (Role.ROLLOUT_SERVICE,),
    "fleet": (Role.FLEET_SERVICE,),
}
PERSON: Final = (Role.APPROVER, Role.RELEASER, Role.OPERATOR, Role.ON_CALL)
ROOTS: Final = ("laptop-root-1", "laptop-root-2", "laptop-root-3")
"""Holders of the channel's root, two of whom sign. All three lie on one machine, so they protect nothing."""
ROOT_NAME: Final = "Root key {} of a laptop's channel: no more safe than the laptop"
NOBODYS: Final = frozenset({"root", "admin", "administrator", "nobody"})
"""Users that are no person's name."""
UNNAMED: Final = "you"


@dataclass(frozen=True)
class Staff:
    """Who acts: a person, and the services by what they are for (`flows`, `guard`, `rollout`, `fleet`)."""

    person: str
    services: Mapping[str, str]


def find_staff(identity: schema.Identity, people: People, user: str) -> Staff:
    """Who acts, or will once they are hired; nothing is changed."""
    here = KeyRing(identity.keys).names()
    return Staff(
        person=_person(identity, people, here, user),
        services={name: _service(name, roles, people, here) for name, roles in SERVICES.items()},
    )


def hire(identity: schema.Identity, user: str, tell: Tell) -> Staff:
    """All of them have keys on this machine, and are trusted with their roles."""
    store = PeopleStore(identity.people)
    staff = find_staff(identity, store.people(), user)
    _employ(identity, store, Trust(name=staff.person, roles=PERSON), tell)
    for what, name in staff.services.items():
        _employ(identity, store, Trust(name=name, roles=SERVICES[what], service=True), tell)
    return staff


def hire_roots(identity: schema.Identity, tell: Tell) -> Sequence[str]:
    """Three holders of the channel's root, with keys on this machine."""
    store = PeopleStore(identity.people)
    for number, name in enumerate(ROOTS, start=1):
        wanted = Trust(name=name, roles=(Role.CHANNEL_ROOT,), full_name=ROOT_NAME.format(number))
        _employ(identity, store, wanted, tell)
    return ROOTS


def _employ(identity: schema.Identity, store: PeopleStore, wanted: Trust, tell: Tell) -> None:
    """A key first, then trust: whoever was killed in between goes on with the same key."""
    ring = KeyRing(identity.keys)
    made = ring.make(wanted.name)
    key = ring.load(wanted.name).public_key
    now = datetime.now(UTC)

    def change(people: People) -> People:
        before = people.get(wanted.name)
        gone = {one.role for one in before.former} if before else set()
        kept = before.full_name if before else None
        roles = tuple(role for role in wanted.roles if role not in gone)
        trust = Trust(
            name=wanted.name, key=key, roles=roles, full_name=kept or wanted.full_name, service=wanted.service
        )
        return trusting(people, trust, now)

    trusted = store.update(change)
    if made or trusted:
        roles = ", ".join(store.people().person(wanted.name).roles)
        tell(f"`{wanted.name}` has {'a new key' if made else 'a key that was there'} and is trusted as {roles}.")


def _service(name: str, roles: tuple[Role, ...], people: People, here: Sequence[str]) -> str:
    """Who does the work of a service: one of that name, else a single one that may do all of it."""
    known = people.get(name)
    if known is not None and not known.service:
        raise WrongUse(
            f"{people.source} has a person called `{name}`, and the local stack's service is called so.",
            mend=f"Give the person another name, or trust a service that is {' and '.join(roles)}.",
        )
    if known is None:
        able = [one.name for one in people.persons if one.service and one.name in here and set(roles) <= set(one.roles)]
        if len(able) == 1:
            return able[0]
    return name


def _person(identity: schema.Identity, people: People, here: Sequence[str], user: str) -> str:
    """Who sits here."""
    if identity.person is not None and not _is_service(people.get(identity.person)):
        return identity.person
    personal = [name for name in here if name not in ROOTS and name not in SERVICES]
    known = [name for name in personal if (one := people.get(name)) and not one.service and one.roles]
    candidates = known or [name for name in personal if people.get(name) is None]
    named = _named_after(user)
    if len(candidates) == 1:
        return candidates[0]
    if known and named not in known:
        raise WrongUse(
            f"There are keys of several people in {identity.keys}: {', '.join(known)}.",
            mend=f"Say who you are: SLIPWAY_IDENTITY__PERSON={known[0]}, or identity.person in slipway.toml.",
        )
    return named


def _is_service(person: Person | None) -> bool:
    return person is not None and person.service


def _named_after(user: str) -> str:
    name = user.strip().lower()
    taken = name in NOBODYS or name in SERVICES or name in ROOTS
    return name if is_name(name) and not taken else UNNAMED


def acting_as(loaded: "Loaded", name: str) -> "Loaded":
    """The same settings, with who acts."""
    identity = loaded.settings.identity.model_copy(update={"person": name})
    return replace(loaded, settings=loaded.settings.model_copy(update={"identity": identity}))
