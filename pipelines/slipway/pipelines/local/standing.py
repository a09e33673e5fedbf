"""How the local stack stands, as its supervisor writes it and everybody else reads it: `stack.json`.

Whether a stack runs, a lock says that its guardian and its supervisor hold together; it goes when both have ended. The
file alone proves nothing: it stays as the last word of a stack that ended.
"""

import fcntl
import os
import time
from contextlib import suppress
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from slipway.pipelines.local.keeping import READY, Phase
from slipway.pipelines.local.place import Place, write_private
from slipway.pipelines.local.processes import born

LOCK: Final = "stack.lock"
GLANCES: Final = 5
GLANCE_SECONDS: Final = 0.02
FILE: Final = "stack.json"
CLOCK_SECONDS: Final = 1.0
"""The system tells when a process was started less exactly than what time it is."""


class ComponentStanding(BaseModel):
    """One component."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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
    last: tuple[str, ...] = ()
    """What it said last, where it was given up."""


class Standing(BaseModel):
    """The stack."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    supervisor: int
    by: str
    """Who started it."""
    since: float
    detached: bool
    only: tuple[str, ...] = ()
    agents: int = 0
    stopping: bool = False
    ended: bool = False
    error: str = ""
    """Why it did not start."""
    components: tuple[ComponentStanding, ...] = ()

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

    def given_up(self, since: float = 0.0) -> list[ComponentStanding]:
        """Components that are not tried any more, where that was decided since then."""
        return [one for one in self.components if one.phase is Phase.GIVEN_UP and one.since >= since]

    def write(self, place: Place) -> None:
        """For others."""
        write_private(place.folder / FILE, self.model_dump_json(indent=1))


def read(place: Place) -> Standing | None:
    """The last word of this project's stack, if there ever was one.

    A supervisor that was killed had no last word: what it left is being ended, whatever the file says.
    """
    with suppress(FileNotFoundError, ValidationError):
        told = Standing.model_validate_json((place.folder / FILE).read_bytes())
        lives = told.ended or 0 < born(told.supervisor) <= told.since + CLOCK_SECONDS
        return told if lives else told.model_copy(update={"stopping": True})
    return None


class Lock:
    """Says that a stack runs. Children that inherit the descriptor hold it too."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    def take(cls, place: Place) -> "Lock | None":
        """The lock, unless somebody has it; whose process it is stands in the file."""
        descriptor = os.open(place.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _locked(descriptor):
            os.close(descriptor)
            return None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        return cls(descriptor)

    def close(self) -> None:
        """Give this process's share of it up."""
        os.close(self.descriptor)


def _locked(descriptor: int) -> bool:
    """Asked a few times: somebody who only looks holds it for a moment, too."""
    for _ in range(GLANCES):
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(GLANCE_SECONDS)
    return False


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
