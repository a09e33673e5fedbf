"""A child process with limits: of time, of memory, and of what it may say. It ends with all that it has started.

What runs in a child may crash, hang or eat memory, and touches nobody else. Code and words of its end are told.
"""

import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from slipway.serving.errors import SlipwayError

MEBIBYTE: Final = 1024 * 1024
MOST_TOLD: Final = 16 * MEBIBYTE
LAST_WORDS: Final = 64 * 1024
LONGEST_WORDS: Final = 300
LOST: Final = 3
"""Exit code of a child whose owner is gone."""
_LOOK: Final = 0.25
"""Seconds between looks at a child's memory."""
_PIECE: Final = 1 << 16


class TookTooLong(SlipwayError):
    """It was ended after its time."""


class TookTooMuch(SlipwayError):
    """It was ended for its memory, or for saying too much."""


@dataclass(frozen=True)
class Ended:
    """How a child has ended."""

    code: int
    told: bytes
    """What it wrote to its standard output."""
    remarks: str
    """The end of what it wrote to its standard error."""

    @property
    def signal(self) -> str | None:
        """The name of the signal that ended it."""
        return signal.Signals(-self.code).name if self.code < 0 else None

    @property
    def last_words(self) -> str:
        """The last line of its remarks."""
        lines = self.remarks.strip().splitlines()
        return lines[-1][:LONGEST_WORDS] if lines else "it said nothing"


def run_child(
    arguments: Sequence[str],
    given: bytes,
    *,
    seconds: float,
    memory_mb: float | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    told: Callable[[bytes], None] | None = None,
) -> Ended:
    """Start a child, hand it its order and hear it to its end; `told` hears each line as it comes.

    Its standard input stays open as long as this process waits for it (see `end_with_owner`).

    `memory_mb` is looked at from outside: what the child itself has in memory, whoever reserved it.
    """
    child = subprocess.Popen(
        [*arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=None if environment is None else dict(environment),
        cwd=folder,
        start_new_session=True,
    )
    try:
        assert child.stdin is not None  # noqa: S101 - a pipe was asked for
        with suppress(BrokenPipeError):
            child.stdin.write(given)
            child.stdin.flush()
        hearing = _Hearing(child, told)
        hearing.to_the_end(seconds, memory_mb)
    finally:
        _end(child)
    return Ended(child.returncode, bytes(hearing.told), hearing.remarks.decode(errors="replace"))


class _Hearing:
    """Both of a child's outputs, until it has closed them."""

    def __init__(self, child: "subprocess.Popen[bytes]", line: Callable[[bytes], None] | None) -> None:
        self._child, self._line = child, line
        self.told, self.remarks = bytearray(), b""
        self._heard = 0

    def to_the_end(self, seconds: float, memory_mb: float | None) -> None:
        end = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            for stream, hear in ((self._child.stdout, self._out), (self._child.stderr, self._err)):
                selector.register(stream, selectors.EVENT_READ, hear)  # type: ignore[arg-type]
            while selector.get_map():
                left = end - time.monotonic()
                if left <= 0:
                    raise TookTooLong(f"was not done after {seconds:g} s")
                self._hear(selector, min(left, _LOOK))
                self._weigh(memory_mb)
                if _gone(self._child.pid) and not selector.select(0):
                    return  # somebody else holds its outputs open

    def _hear(self, selector: selectors.BaseSelector, seconds: float) -> None:
        for key, _ in selector.select(seconds):
            piece = os.read(key.fd, _PIECE)
            if piece:
                key.data(piece)
            else:
                selector.unregister(key.fileobj)

    def _out(self, piece: bytes) -> None:
        self.told += piece
        if len(self.told) > MOST_TOLD:
            raise TookTooMuch(f"said more than {MOST_TOLD:,} bytes")
        while self._line and (end := self.told.find(b"\n", self._heard)) >= 0:
            line, self._heard = bytes(self.told[self._heard : end]), end + 1
            self._line(line)

    def _err(self, piece: bytes) -> None:
        self.remarks = (self.remarks + piece)[-LAST_WORDS:]

    def _weigh(self, memory_mb: float | None) -> None:
        if memory_mb is not None and (found := memory_of(self._child.pid) / MEBIBYTE) > memory_mb:
            raise TookTooMuch(f"took {found:.0f} MB of memory; {memory_mb:.0f} are allowed")


def end_with_owner(life: int = 0) -> None:
    """Called in a child: end when this pipe does, whose other end its owner holds; nobody writes to it any more."""

    def wait() -> None:
        try:
            while os.read(life, _PIECE):
                pass
        finally:
            os._exit(LOST)

    threading.Thread(target=wait, name="owner", daemon=True).start()


def memory_of(pid: int, which: str = "VmRSS") -> int:
    """Bytes that a process has in memory, or with `VmHWM` the most it ever had; 0 where the system does not tell."""
    return memory_told(Path(f"/proc/{pid}/status"), which)


def memory_told(status: Path, which: str) -> int:
    """As the system tells it in a file."""
    try:
        text = status.read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    sizes = [line.split()[1] for line in text.splitlines() if line.startswith(f"{which}:")]
    return int(sizes[0]) * 1024 if sizes else 0


def _gone(pid: int) -> bool:
    """Whether it has ended; it stays to be waited for, so its number means no other process yet."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Kill what still runs, with whatever it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    for stream in (child.stdin, child.stdout, child.stderr):
        with suppress(OSError):
            if stream is not None:
                stream.close()
    child.wait()
