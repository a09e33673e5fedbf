"""Founding a little company: its people, its channel, and what its sites' cameras see.

Each part looks for what is there and makes what is missing, so it may be killed anywhere and asked again.
"""

import getpass
from typing import TYPE_CHECKING, Final

from slipway.pipelines.local.founding import channel, sites, staff
from slipway.pipelines.local.parts import Founded, Tell
from slipway.pipelines.local.place import Place
from slipway.platform.errors import WrongUse

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

PERSON: Final = "SLIPWAY_IDENTITY__PERSON"


def found_all(place: Place, loaded: "Loaded", tell: Tell) -> Founded:
    """Keys, people, channel and sites; what was made is told in a line each."""
    settings = loaded.settings
    if settings.protected:
        raise WrongUse(
            f"The context `{loaded.context}` is protected, and the local stack makes keys and people by itself.",
            mend="It is for contexts on this machine, such as `local`.",
        )
    place.make()
    people = staff.hire(settings.identity, user(), tell)
    channel.found_channel(loaded, people, tell)
    sites.found_sites(loaded, people, tell)
    return founded(people)


def founded(people: staff.Staff) -> Founded:
    """Who acts, as the stack's parts take it."""
    return Founded(
        person=people.person,
        services={name: {PERSON: who} for name, who in people.services.items()},
        settings={"identity.person": people.person},
    )


def user() -> str:
    """Who is logged in; somebody without a name is nobody."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def staff_of(loaded: "Loaded") -> staff.Staff:
    """Who acts; nothing is changed."""
    from slipway.platform.identity import load_people

    identity = loaded.settings.identity
    return staff.find_staff(identity, load_people(identity.people), user())
