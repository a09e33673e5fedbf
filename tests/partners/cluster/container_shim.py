"""Between the kubelet and a container's process: stands for the runtime. Run by its path, needs the standard library.

The first line of standard input says what to run. What follows there are orders: `T` delivers SIGTERM to the
container's first process, if that handles it, as the kernel does for PID 1; `K` kills everything. When standard input
closes, whoever started this is gone, and everything is killed. As in a container nothing outlives the first process:
whatever it left behind, in other process groups too, is killed with it. Reports are lines of JSON on standard output.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import Any, Final

PR_SET_PDEATHSIG: Final = 1
PR_SET_CHILD_SUBREAPER: Final = 36
MEMORY_SECONDS: Final = 0.05
LIBC: Final = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Run it, obey, report."""
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    orders = sys.stdin.fileno()
    spec = json.loads(_first_line(orders))
    wake, alarm = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, _nothing)
    signal.set_wakeup_fd(alarm)
    try:
        first = _start(spec)
    except OSError as error:
        _report(failed=f"{error.strerror}: {error.filename}")
        return
    _report(pid=first)
    limit, out_of_memory = spec.get("memory"), False
    while (code := _reaped(first)) is None:
        ready, _, _ = select.select([orders, wake], [], [], MEMORY_SECONDS if limit else None)
        if wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(wake, 4096)
        if orders in ready:
            _obey(os.read(orders, 4096), first)
        if limit and _memory() > limit:
            out_of_memory = True
            _kill_all()
    _kill_all()
    _report(code=code, out_of_memory=out_of_memory)


def _first_line(orders: int) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        more = os.read(orders, 1)
        if not more:
            sys.exit(0)
        line += more
    return line


def _start(spec: dict[str, Any]) -> int:
    with Path(spec["log"]).open("ab", buffering=0) as log:
        process = subprocess.Popen(
            spec["command"],
            cwd=spec["folder"],
            env=spec["environment"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_die_with_us,  # noqa: PLW1509 - this process has one thread
        )
    process.returncode = 0  # reaped here, by number
    return process.pid


def _die_with_us() -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _reaped(first: int) -> int | None:
    """Bury what has died; the first process's exit code, once it has."""
    code = None
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == first:
                code = os.waitstatus_to_exitcode(status)
    return code


def _obey(order: bytes, first: int) -> None:
    if not order or b"K" in order:
        _kill_all()
    elif b"T" in order and _handles_sigterm(first):
        os.kill(first, signal.SIGTERM)


def _handles_sigterm(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return False
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def _kill_all() -> None:
    """Until none is left: orphans become children of this process. The first one's status is left to `_reaped`."""
    while living := [pid for pid in _descendants() if _alive(pid)]:
        for pid in living:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        select.select([], [], [], 0.002)


def _descendants() -> list[int]:
    found, todo = [], [os.getpid()]
    while todo:
        pid = todo.pop()
        for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                children = [int(child) for child in tasks.read_text(encoding="ascii").split()]
                found += children
                todo += children
    return found


def _alive(pid: int) -> bool:
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0] != "Z"
        )
    except OSError:
        return False


def _memory() -> int:
    """Bytes that the processes have for themselves or as shared memory: what a cgroup charges them for."""
    total = 0
    for pid in _descendants():
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
                if line.startswith(("RssAnon:", "RssShmem:")):
                    total += int(line.split()[1]) * 1024
    return total


def _report(**facts: object) -> None:
    with contextlib.suppress(BrokenPipeError):
        os.write(1, json.dumps(facts).encode() + b"\n")


def _nothing(number: int, frame: FrameType | None) -> None:
    """Only the wake-up counts."""


if __name__ == "__main__":
    main()
