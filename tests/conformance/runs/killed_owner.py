"""An owner is killed before each of its steps in turn; after each, the next one claims at once. Prints how many.

Argument: a folder. Each owner is a forked child that kills itself when its n-th system event comes, somewhere between
its first look at the work and its result. Nothing waits for the disk: a kill loses nothing that the system has taken.
"""

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from slipway.platform.runs.attempts import Attempt, Claimant, claim
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.presence import boot_id
from slipway.platform.runs.records import Outcome, Place, Result, State
from slipway.platform.runs.results import bind_result
from slipway.platform.runs.standing import Here, Standing, numbers, standing
from slipway.platform.store.directory import DirectoryStore

STEPS = {"open", "os.link", "os.mkdir", "os.remove", "os.rename", "fcntl.flock"}
PARTS = Parts(model="bird", snapshot="5" * 64, view={}, code=(), config={}, lock=())
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def claimed(folder: Path) -> Attempt | Standing:
    here = Here("here", boot_id(), folder / "state")
    place = Place(host=here.host, boot=here.boot, pid=os.getpid(), workplace="nowhere")
    claimant = Claimant(submitted_by="grace", name="x", place=place, created=NOW)
    return claim(DirectoryStore(folder / "store"), PARTS, claimant, here)


def work(folder: Path) -> None:
    attempt = claimed(folder)
    assert isinstance(attempt, Attempt)
    attempt.beat(step=1)
    result = Result(key=PARTS.key, attempt=attempt.number, finished=NOW, files={}, metrics={}, steps=1, seconds=1)
    bind_result(DirectoryStore(folder / "store"), result)
    attempt.finish(Outcome(state=State.DONE, reason="done", ended=NOW, seconds=1))
    attempt.close()


def killed_at(step: int, folder: Path) -> None:
    left = step
    parent = str(folder)

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event == "fcntl.flock" or (event in STEPS and parent in str(arguments[0])):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    work(folder)


def finished(step: int, folder: Path) -> bool:
    """Whether the child came to its end before its step."""
    child = os.fork()
    if child == 0:
        try:
            killed_at(step, folder)
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.waitstatus_to_exitcode(status) == 0
    return True


def main(place: Path) -> None:
    os.fsync = lambda fd: None  # noqa: ARG005 - named as the system call names it
    step, done = 0, False
    while not done:
        step += 1
        folder = place / str(step)
        folder.mkdir()
        done = finished(step, folder)
        store = DirectoryStore(folder / "store")
        before = numbers(store, PARTS.key)
        assert before in ([], [1]), (step, before)
        found = claimed(folder)
        if isinstance(found, Attempt):
            assert found.number == len(before) + 1, step
            assert found.before.state in (None, State.LOST), step
            found.close()
        else:
            assert found.state is State.DONE, (step, found.state)
        stands = standing(store, PARTS.key, Here("here", boot_id(), folder / "state"))
        assert not stands.under_way or isinstance(found, Attempt), step
    sys.stdout.write(str(step - 1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
