"""Who acts in a request, and which roles they hold at this moment."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from slipway.platform.errors import SlipwayError
from slipway.platform.identity import People, Person, Role, load_people


@dataclass(frozen=True)
class Acting:
    """A person, as a request or a session proves it."""

    person: Person
    keyid: str
    grant: bytes
    """What the person has signed: the request, or the one that began the session."""
    session: str | None = None
    """The session's name, where it is one."""

    def holds(self, *roles: Role) -> bool:
        """Whether one of these roles is this person's."""
        return any(role in self.person.roles for role in roles)


class RoleMissing(SlipwayError):
    """Somebody known who may not."""


def check_roles(acting: Acting, roles: tuple[Role, ...]) -> None:
    """Refuse where none of the roles is held; none asked for is everybody who is known."""
    if roles and not acting.holds(*roles):
        wanted = " or ".join(f"{role} ({role.meaning})" for role in roles)
        held = ", ".join(acting.person.roles) or "none"
        raise RoleMissing(
            f"This takes someone who is {wanted}; roles of `{acting.person.name}`: {held}.",
            mend=f"Someone who is does it, or `slipway identity trust {acting.person.name} --role {roles[0]}`, which "
            "a colleague reviews.",
        )


class KnownPeople:
    """The people file as it is now: read again when it was changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._state: tuple[int, int, int] | None = None
        self._people = People()

    def __call__(self) -> People:
        with self._lock:
            state = self._look()
            if state is None or state != self._state:
                self._people, self._state = load_people(self._path), state
            return self._people

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


Everybody = Callable[[], People]
Now = Callable[[], datetime]
