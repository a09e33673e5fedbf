"""Submits an attempt: `python submitting.py ROOT KEY [N]`; says `ready`, waits for a line, says the phase.

With N it kills itself, with SIGKILL, before its N-th effect behind the beginning of `submit`.
"""

import os
import signal
import sys
from pathlib import Path

from slipway.platform.jobs.launchers.contract import Assignment
from slipway.platform.jobs.launchers.opening import open_launcher
from slipway.platform.jobs.spec import JobSpec
from slipway.platform.runs.standing import last_spec
from slipway.platform.settings import load
from slipway.platform.store import open_store

EFFECTS = {"os.mkdir", "os.rename", "fcntl.flock", "subprocess.Popen", "_thread.start_new_thread"}
WRITING = os.O_WRONLY | os.O_RDWR


def main(root: Path, key: str, kill_at: int) -> None:
    loaded = load(root, os.environ)
    store = open_store(loaded.settings.store, loaded.settings.s3)
    spec = last_spec(store, key)
    assert spec is not None
    job = JobSpec.load(store, spec.job)
    launcher = open_launcher(job.target, loaded, store)
    launcher.status(Assignment(job, spec))  # so that everything is imported
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    if kill_at:
        die_at(kill_at)
    sys.stdout.write(launcher.submit(Assignment(job, spec)).phase)


def die_at(effect: int) -> None:
    left = effect

    def count(name: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        opens = name == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
        if name in EFFECTS or opens:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 0)
