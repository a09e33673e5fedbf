"""Whether the owner of an attempt on this machine still lives, told at once by a lock that the kernel gives back.

Each owner holds `flock` on a file of its own, called after its nonce, in a state folder. The lock goes when the last
process that has the open file ends, however it ends; a child that inherits the descriptor keeps it, so an orphan that
still trains counts as alive. A file that is missing says nothing: the owner may be in another container or belong to
another person. Then only the age of the heartbeat speaks.
"""

import fcntl
import os
import re
from enum import StrEnum
from pathlib import Path
from typing import Final

from slipway.platform.errors import SlipwayError

_NONCE: Final = re.compile(r"[0-9a-z-]{8,64}")
BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


class Sign(StrEnum):
    """What the lock says."""

    HELD = "held"
    GONE = "gone"
    UNKNOWN = "unknown"


class Presence:
    """A lock that says that its holder lives, from its making until `close` or the end of all who inherited it."""

    def __init__(self, state: Path, nonce: str, inherited: int | None = None) -> None:
        """Take the lock, or the `inherited` descriptor of whoever started this process and took it for it."""
        self._path = _path(state, nonce)
        state.mkdir(parents=True, exist_ok=True)
        if inherited is None:
            self.descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        else:
            self.descriptor = _adopted(inherited, self._path)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self.descriptor)
            raise SlipwayError(
                f"{self._path} cannot be locked ({error.strerror}).", mend="Use a folder on a local disk for the state."
            ) from None

    @property
    def state(self) -> Path:
        """The folder of the locks."""
        return self._path.parent

    def close(self, *, settled: bool = True) -> None:
        """Give the lock up. The file goes too where all is settled; else it stays and says that its holder is gone."""
        if self.descriptor >= 0:
            if settled:
                self._path.unlink(missing_ok=True)
            os.close(self.descriptor)
            self.descriptor = -1


def sign_of(state: Path, nonce: str) -> Sign:
    """What the lock of an owner says, without touching it for longer than a look."""
    try:
        descriptor = os.open(_path(state, nonce), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return Sign.UNKNOWN
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return Sign.HELD
    except OSError:
        return Sign.UNKNOWN
    finally:
        os.close(descriptor)
    return Sign.GONE


def forget(state: Path, nonce: str) -> None:
    """Remove the file of an owner that is gone."""
    _path(state, nonce).unlink(missing_ok=True)


def boot_id(path: Path = BOOT) -> str:
    """Names this start of the machine; nothing where the system does not say it."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _adopted(descriptor: int, path: Path) -> int:
    """The descriptor, if it is that file; children are given it by name only."""
    try:
        same = os.path.samestat(os.fstat(descriptor), path.stat())
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - its only argument
    except OSError as error:
        raise SlipwayError(f"Descriptor {descriptor} is no lock: {error.strerror}.") from None
    if not same:
        raise SlipwayError(f"Descriptor {descriptor} is not {path}.")
    return descriptor


def _path(state: Path, nonce: str) -> Path:
    if not _NONCE.fullmatch(nonce):
        raise SlipwayError(f"`{nonce}` is no nonce.")
    return state / f"{nonce}.alive"
