"""How the local stack stands, as its supervisor writes it and everybody else reads it: `stack.json`.

Whether a stack runs, a lock says that its guardian and its supervisor hold together; it goes when both have ended. The
file alone proves nothing: it stays as the last word of a stack that ended.
"""

import fcntl
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from slipway.pipelines.local.keeping import READY, RUNNING, Phase
from slipway.pipelines.local.place import Place, write_private

LOCK: Final = "stack.lock"
FILE: Final = "stack.json"


@dataclass(frozen=True, kw_only=True)
class ComponentStanding:
    """One component."""

    name: str
    group: str
    phase: Phase = Phase.WAITING
    since: float = 0.0
    """When its process was started, or when it ended, by the system's clock."""
    took: float = 0.0
    """Seconds from its start to its first health."""
    pid: int = 0
    """Also its session; 0 when it has no process."""
    restarts: int = 0
    why: str = ""
    address: str = ""
    last: Sequence[str] = ()
    """What it said last, where it was given up."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The stack."""

    supervisor: int
    by: str
    """Who started it."""
    since: float
    detached: bool
    only: Sequence[str] = ()
    agents: int = 0
    stopping: bool = False
    ended: bool = False
    error: str = ""
    """Why it did not start."""
    components: Sequence[ComponentStanding] = field(default_factory=tuple)

    @property
    def word(self) -> str:
        """All of it in one."""
        phases = {one.phase for one in self.components}
        if self.ended:
            return "failed" if self.error else "stopped"
        if self.stopping:
            return "stopping"
        if not phases or phases <= READY:
            return "healthy" if phases else "starting"
        return "unwell" if phases & {Phase.GIVEN_UP, Phase.UNWELL, Phase.PAUSING} else "starting"

    @property
    def healthy(self) -> bool:
        """Whether all of it is."""
        return self.word == "healthy"

    def write(self, place: Place) -> None:
        """For others."""
        write_private(place.folder / FILE, json.dumps(asdict(self), indent=1))


def read(place: Place) -> Standing | None:
    """The last word of this project's stack, if there ever was one."""
    with suppress(FileNotFoundError, ValueError, TypeError, KeyError):
        told: dict[str, Any] = json.loads((place.folder / FILE).read_text())
        components = tuple(component(**one) for one in told.pop("components"))
        return Standing(**told, components=components)
    return None


def component(**told: Any) -> ComponentStanding:  # noqa: ANN401 - out of a file
    """One as the file has it."""
    found = ComponentStanding(**{**told, "phase": Phase(told["phase"])})
    return found if found.phase in RUNNING else replace(found, pid=0)


class Lock:
    """Says that a stack runs. Children that inherit the descriptor hold it too."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    def take(cls, place: Place) -> "Lock | None":
        """The lock, unless somebody has it; whose process it is stands in the file."""
        descriptor = os.open(place.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        return cls(descriptor)

    def close(self) -> None:
        """Give this process's share of it up."""
        os.close(self.descriptor)


def runs(place: Place) -> bool:
    """Whether a stack of this project runs, or is being started or ended."""
    path = place.folder / LOCK
    if not path.exists():
        return False
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def holder(place: Place) -> int:
    """The process that took the lock last; whoever starts a stack, until its supervisor tells of itself."""
    with suppress(FileNotFoundError, ValueError):
        return int((place.folder / LOCK).read_text())
    return 0
