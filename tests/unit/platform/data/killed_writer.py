"""A writer is killed before each of its steps in turn; prints how many steps there were.

Arguments: a folder, and `exchange` for all steps where two names are swapped at once, or `renames` for the steps of a
system that cannot do that. Each writer is a forked child that kills itself when its n-th system event comes. A kill
loses nothing that the system has taken, so nothing waits for the disk. The parent touches no table, so that the
children may start the table library's threads themselves.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from slipway.platform.data import staging
from slipway.platform.data.rows import Box, Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.writer import SnapshotWriter

RENAMES = {"os.rename", "shutil.rmtree"}
STEPS = RENAMES | {"os.link", "os.mkdir", "os.rmdir", "os.remove", "open", "ctypes.dlsym"}


def write(target: Path, numbers: range, base: Snapshot | None = None) -> None:
    with SnapshotWriter(target, base=base) as writer:
        for number in numbers:
            image = Image(width=1, height=1, split="train", source=str(number))
            writer.add(b"\xff\xd8\xff%d" % number, image, [Box(category="car", x=0, y=0, w=1, h=1)])
        writer.finish([], "unknown")


def forked(work: Callable[[], None]) -> bool:
    """Whether a child did its work; False when it was killed."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.waitstatus_to_exitcode(status) == 0
    return True


def killed_at(step: int, steps: set[str], target: Path) -> None:
    left = step
    parent = str(target.parent)

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        ours = event == "ctypes.dlsym" or (arguments and parent in str(arguments[0]))
        if event in steps and ours:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    base = Snapshot(target)
    sys.addaudithook(count)
    write(target, range(3, 5), base)


def main(folder: Path, way: str) -> None:
    steps = RENAMES if way == "renames" else STEPS
    os.fsync = lambda fd: None  # noqa: ARG005 - named as the system call names it
    if way == "renames":
        staging._exchange = lambda *_: False
    first, second = folder / "first", folder / "second"
    assert forked(lambda: write(first, range(3)))
    shutil.copytree(first, second)
    assert forked(lambda: write(second, range(3, 5), Snapshot(second)))
    allowed = {Snapshot(first).digest, Snapshot(second).digest}
    step, finished = 0, False
    while not finished:
        step += 1
        target = folder / str(step) / "data"
        shutil.copytree(first, target)
        finished = forked(lambda: killed_at(step, steps, target))  # noqa: B023 - called at once
        if way == "renames":
            staging.recover(target)
        snapshot = Snapshot(target)
        assert snapshot.digest in allowed, step
        assert all((target / name).stat().st_size == one.size for name, one in snapshot.manifest.files.items()), step
        staging.Staging(target).close()  # what the next writer does first and last
        assert [path.name for path in target.parent.iterdir()] == ["data"], step
    sys.stdout.write(str(step - 1))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
