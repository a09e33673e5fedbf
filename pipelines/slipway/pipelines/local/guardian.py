"""Ends the local stack when its supervisor is gone, however that ended: `guardian.py LAYER COMMAND…`.

The supervisor is its child, and everything below that loses its parent becomes its own: a component, what Airflow
forked, a job in a session of its own. So whatever the stack ever started is among its descendants, nothing has to be
recorded to be found, and when the last one has ended there is nobody left. It needs the standard library alone and is
run by its path, without site-packages, so it is small and has little to die of.

It passes on signals that ask to stop, removes the stack's layer of settings (LAYER) at the end, and holds a pipe that
tells the supervisor when it is the guardian that was killed.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

PR_SET_CHILD_SUBREAPER = 36
GRACE_SECONDS = 20.0
"""For what the supervisor left behind: jobs keep a checkpoint in that time."""
LOOK_SECONDS = 0.1
FIRST_COMMAND_WORD = 2


def main(arguments: list[str]) -> int:
    """Run the supervisor to its end, then end what is left."""
    layer, command = Path(arguments[1]), arguments[FIRST_COMMAND_WORD:]
    adopt()
    held, mine = os.pipe()
    os.set_inheritable(held, True)  # noqa: FBT003 - its only argument
    child = subprocess.Popen([*command, "--hold", str(held)], close_fds=False)
    os.close(held)

    def pass_on(number: int, frame: FrameType | None) -> None:
        del frame
        with suppress(ProcessLookupError):
            os.kill(child.pid, number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, pass_on)
    code = wait_for(child.pid)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if anybody():
        say(f"the supervisor ended with {code}; ending the rest")
    end_adopted()
    layer.unlink(missing_ok=True)
    os.close(mine)
    return code


def say(text: str) -> None:
    """Into the stack's log, where its output goes."""
    sys.stdout.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} guardian         | {text}\n")
    sys.stdout.flush()


def adopt() -> None:
    """From now on, where the system can do it."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def wait_for(supervisor: int) -> int:
    """Its exit code; others that end meanwhile are taken from the system's table."""
    while True:
        pid, status = os.wait()
        if pid == supervisor:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def end_adopted() -> None:
    """Ask all that is left to end, and kill it when its time is over, until there is nobody."""
    for pid in children():
        send(pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while anybody():
        if time.monotonic() > deadline:
            for pid in children():
                send(pid, signal.SIGKILL)
        time.sleep(LOOK_SECONDS)


def anybody() -> bool:
    """Whether a child is left, after those that ended are taken from the system's table."""
    with suppress(ChildProcessError):
        while True:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return True
    return False


def children() -> list[int]:
    """Processes whose parent is this one; what is below them becomes so when they end."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == os.getpid():
                found.append(int(folder.name))
    return found


def send(pid: int, number: signal.Signals) -> None:
    """To a child, whose id nobody else can have before it was waited for."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
