"""Adds a day to a project's branch, and prints the snapshot's digest.

Arguments: project, day, home; and with a number also kills itself at every so many-th of its steps, in forked children,
then does it to the end: prints how many were killed and how many steps there are.
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from slipway.platform.data.added import adding
from slipway.platform.data.branch import By
from slipway.platform.data.project import Project
from slipway.platform.data.revising import Revised, revise
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.settings import load

STEPS = {"os.rename", "os.link", "os.mkdir", "subprocess.Popen", "os.remove"}


def add(root: Path, day: Path, home: str) -> Revised:
    project = Project(root, load(root, {"HOME": home}).settings)
    at = datetime(2026, 11, 29, 12, tzinfo=UTC)
    return revise(project, adding(Snapshot(day)), message="Data: a day", by=By("ada"), at=at)


def forked(work: Callable[[], object], at: int) -> int:
    """The steps that a child took before it ended, or was killed at its n-th."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        taken = 0

        def count(event: str, _: tuple[object, ...]) -> None:
            nonlocal taken
            if event in STEPS:
                taken += 1
                if taken == at:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            work()
            os.write(writing, str(taken).encode())
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    said = os.read(reading, 100)
    os.close(reading)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return 0
    assert os.waitstatus_to_exitcode(status) == 0
    return int(said)


def main() -> None:
    root, day, home = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    if len(sys.argv) == 4:
        sys.stdout.write(add(root, day, home).pointer.digest)
        return
    every, killed, at = int(sys.argv[4]), 0, 1
    while not (steps := forked(lambda: add(root, day, home), at)):
        killed += 1
        at += every
    sys.stdout.write(f"{killed} {steps}")


if __name__ == "__main__":
    main()
