"""Submits work, and is killed before or behind one of its effects: `python submitting_killed.py ROOT SNAPSHOT FROM`.

For each number from FROM on a child process submits work of its own and is killed at the effect of that number, until
one is not killed any more; each prints its number, whether it was killed, and at which effect.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

from overseen.office import join_office
from slipway.platform.jobs.launchers.contract import Assignment, Status
from slipway.platform.jobs.launchers.local import LocalLauncher
from slipway.platform.store import Store


class Fuse:
    """Burns down with each effect, and kills at its end."""

    def __init__(self, number: int, report: int) -> None:
        self.left, self._report = number, report

    def burn(self, what: str) -> None:
        """One more moment at which a kill may come."""
        if self.left == 0:
            os.write(self._report, what.encode())
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1


class FusedStore:
    """A store whose user is killed around a write."""

    def __init__(self, store: Store, fuse: Fuse) -> None:
        self._store, self._fuse = store, fuse

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def _around(self, what: str, deed: Callable[[], Any]) -> Any:
        self._fuse.burn(f"before {what}")
        return deed()

    def put(self, key: str, data: bytes) -> None:
        self._around(f"put {key}", lambda: self._store.put(key, data))

    def put_if_absent(self, key: str, data: bytes) -> Any:
        return self._around(f"put_if_absent {key}", lambda: self._store.put_if_absent(key, data))

    def delete(self, key: str) -> None:
        self._around(f"delete {key}", lambda: self._store.delete(key))


class FusedLauncher(LocalLauncher):
    """A launcher whose user is killed around a submission."""

    fuse: Fuse

    def submit(self, assignment: Assignment) -> Status:
        self.fuse.burn("before submit")
        status = super().submit(assignment)
        self.fuse.burn("behind submit")
        return status


def submit(root: Path, snapshot: str, number: int, report: int) -> None:
    """One child's submission."""
    fuse = Fuse(number, report)
    office = join_office(root, snapshot, lambda store: cast("Store", FusedStore(store, fuse)))
    project = office.project
    launcher = FusedLauncher(project.loaded, project.store)
    launcher.fuse = fuse
    office.submit(project.work(f"killed-{number}"), launchers=lambda _: launcher)


def kill_at_each(submit: Callable[[int, int], None], first: int) -> None:
    """`submit` is given a number and where to report, in a process of its own each time."""
    number = first
    while True:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            submit(number, writing)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as told:
            what = told.read().decode()
        killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        sys.stdout.write(json.dumps({"number": number, "killed": killed, "at": what}) + "\n")
        sys.stdout.flush()
        if not killed:
            return
        number += 1


if __name__ == "__main__":
    kill_at_each(partial(submit, Path(sys.argv[1]), sys.argv[2]), int(sys.argv[3]))
