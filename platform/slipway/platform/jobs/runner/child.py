"""The process that does the work, from its start to its last resource figures.

It may be started *ahead*: then it imports its libraries while the runner still prepares, and is given its work over a
socket. It is a session of its own, so a terminal's Ctrl-C reaches the runner alone. It inherits the lock of its
attempt: as long as it lives, nobody takes the attempt for dead. It dies with the runner.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BOOT: Final = Path(__file__).with_name("boot.py")
KIB: Final = 1024


@dataclass(frozen=True)
class Usage:
    """What a child has used, with all that it started."""

    memory_peak: int = 0
    """Bytes of the largest process."""
    cpu_seconds: float = 0.0


@dataclass(frozen=True)
class Nodes:
    """The machines, or what stands for them, whose processes train together."""

    count: int
    node: int
    """Which of them this is."""
    address: str
    """Where all processes meet, `host:port`."""
    patience: float
    """Seconds until the others have to be there."""


class Child:
    """A started process. `poll` must be called until it gives an exit code."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._asked: set[int] = set()
        self.usage = Usage()
        self.started = time.monotonic()

    @classmethod
    def start(
        cls,
        workplace: Path,
        module: str,
        *,
        environ: Mapping[str, str],
        processes: int,
        lock: int,
        log: int,
        nodes: Nodes | None = None,
    ) -> "Child":
        """Start the work at once, in so many processes here."""
        words = _words(workplace, module, processes, nodes)
        return cls(_popen(words, environ, (lock,), log))

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code if it has ended, negative for a signal."""
        if self._process.returncode is not None:
            return self._process.returncode
        try:
            pid, status, used = os.wait4(self.pid, os.WNOHANG)
        except InterruptedError:
            return None
        if pid == 0:
            return None
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self.usage = Usage(used.ru_maxrss * KIB, used.ru_utime + used.ru_stime)
        return self._process.returncode

    def ask_to_stop(self) -> None:
        """SIGTERM, once for each process that does the work; call it again for those that begin later.

        Where torchrun has none yet, it is asked itself; then none will begin.
        """
        for pid in self._workers() - self._asked:
            self._asked.add(pid)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it now; what it started ends with it."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def wait(self, pause: float = 0.05) -> int:
        """The exit code, when it has ended."""
        while (code := self.poll()) is None:
            time.sleep(pause)
        return code

    def _workers(self) -> set[int]:
        """The process, or those below torchrun, which would kill them instead of letting them finish."""
        if "--processes" not in _arguments(self._process):
            return {self.pid}
        import psutil

        try:
            workers = {one.pid for one in psutil.Process(self.pid).children()}
        except psutil.NoSuchProcess:
            return set()
        return workers or (set() if self._asked else {self.pid})  # those that were asked may be gone already


class Ahead:
    """A process that imports and waits. `begin` makes it the child; `dismiss` ends one that is not needed."""

    def __init__(self, names: Sequence[str], *, environ: Mapping[str, str]) -> None:
        self._place, theirs = socket.socketpair()
        words = ["--ahead", str(theirs.fileno()), *names]
        with theirs:
            self._process = _popen(words, environ, (theirs.fileno(),), subprocess.DEVNULL)
        self.environ = dict(environ)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def begin(self, workplace: Path, module: str, *, lock: int, log: int) -> Child:
        """Give it the work; it inherits the lock and writes to the log."""
        message = json.dumps(_words(workplace, module, 1)).encode()
        with self._place:
            socket.send_fds(self._place, [message], [lock, log])
        return Child(self._process)

    def dismiss(self) -> None:
        """There is nothing to do after all."""
        self._place.close()
        self._process.kill()
        self._process.wait()


def _words(workplace: Path, module: str, processes: int, nodes: Nodes | None = None) -> list[str]:
    several = ["--processes", str(processes)] if processes > 1 or nodes is not None else []
    if nodes is not None:
        several += ["--nodes", str(nodes.count), "--node", str(nodes.node)]
        several += ["--address", nodes.address, "--patience", str(nodes.patience)]
    return [*several, str(workplace), module]


def _arguments(process: "subprocess.Popen[bytes]") -> Sequence[str]:
    arguments: Sequence[str] = process.args  # type: ignore[assignment]
    return arguments


def _popen(
    words: Sequence[str], environ: Mapping[str, str], descriptors: tuple[int, ...], log: int
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-P", str(BOOT), "--parent", str(os.getpid()), *words],
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        pass_fds=descriptors,
        start_new_session=True,
    )
