"""Starting a node's runner as a process of its own, and ending it.

A runner is started in its own session, with its own output, without the submitter's terminal and secrets, and with the
lock of its node, which it holds to its end: whoever started it may be gone by then. It runs in the project's folder
with this Python. `-P` keeps what lies in that folder from standing in for a library.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from slipway.platform.jobs.launchers.holding import open_holder, open_holders
from slipway.platform.jobs.launchers.local_job import Files, Turn

RUNNER: Final = "slipway.platform.jobs.runner"
ENDER: Final = Path(__file__).with_name("ender.py")


@dataclass(frozen=True)
class Start:
    """What a node's runner is started with."""

    key: str
    number: int
    node: int
    root: Path
    environ: Mapping[str, str]

    def words(self, lock: int) -> list[str]:
        """The command line; `lock` is the inherited descriptor."""
        which = [self.key, "--attempt", str(self.number), "--node", str(self.node)]
        return [sys.executable, "-P", "-m", RUNNER, *which, "--lock", str(lock)]


def start_runner(start: Start, lock: int, output: Path) -> None:
    """Start it; it holds the lock from now on."""
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        _detached(start.words(lock), pass_fds=(lock,), output=descriptor, folder=start.root, environ=start.environ)
    finally:
        os.close(descriptor)


def end_runners(files: Files, nodes: int, seconds: float) -> bool:
    """Ask all runners of a job to stop, and see that they have after so many seconds; False when that happens already.

    They are asked once: a second request would mean that there is no time for a checkpoint.
    """
    try:
        turn = Turn(files.folder / "ending", wait=False)
    except BlockingIOError:
        return False
    asked, others = _processes(files, nodes)
    try:
        if asked or others:
            words = [sys.executable, "-I", "-S", str(ENDER), str(seconds), *map(str, asked), "--", *map(str, others)]
            _detached(words, pass_fds=(*asked, *others, turn.descriptor), output=subprocess.DEVNULL)
    finally:
        turn.close()
        for descriptor in (*asked, *others):
            os.close(descriptor)
    return bool(asked or others)


def _processes(files: Files, nodes: int) -> tuple[list[int], list[int]]:
    """The runners, and what else holds their locks, such as a child whose runner is gone."""
    asked: list[int] = []
    others: list[int] = []
    for node in range(nodes):
        lock, pid = files.lock(node), files.pid(node)
        runner = open_holder(pid, lock) if pid else None
        if runner is not None:
            asked.append(runner)
            continue
        # Without an id it has only just started, and nothing hangs on it; with one it is gone, and left these behind.
        others_here = [opened for _, opened in open_holders(lock)] if lock.exists() else []
        (others if pid else asked).extend(others_here)
    return asked, others


def _detached(
    words: Sequence[str],
    *,
    pass_fds: tuple[int, ...],
    output: int,
    folder: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> None:
    """A process in a session of its own. It is waited for in the background, as long as this one lives."""
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        cwd=folder,
        env=dict(environ) if environ is not None else {},
        pass_fds=pass_fds,
        start_new_session=True,
    )
    threading.Thread(target=process.wait, name=f"slipway-waiting-{process.pid}", daemon=True).start()
