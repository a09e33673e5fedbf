"""Recorded work done once more, beside the record: neither the store's record nor MLflow hears of it.

Code, snapshot, configuration and what that refers to come from the record, fetched and verified; the child is the one
that a runner would start. It begins at the first step, and ends with whoever asked for it.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway.platform.errors import SlipwayError
from slipway.platform.jobs.runner.child import Child
from slipway.platform.jobs.runner.ending import last_words, read_failure
from slipway.platform.jobs.runner.environment import child_environment
from slipway.platform.jobs.runner.following import Following
from slipway.platform.jobs.runner.preparing import prepare
from slipway.platform.jobs.runner.stopping import listening
from slipway.platform.jobs.spec import JobSpec
from slipway.platform.jobs.watching import SILENT, Watcher
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.workplace import Workplace
from slipway.platform.store import Store

if TYPE_CHECKING:
    from slipway.platform.settings import Settings

TICK: Final = 0.1
LAST_LINES: Final = 800


class NotRepeated(SlipwayError):
    """The child did not come to its end."""


def repeat(
    parts: Parts,
    package: str,
    folder: Path,
    *,
    store: Store,
    settings: "Settings",
    environ: Mapping[str, str],
    watcher: Watcher = SILENT,
) -> Workplace:
    """Do the work in `folder`, which is replaced; the workplace with its result."""
    job = JobSpec(
        key=parts.key,
        model=parts.model,
        package=package,
        config=parts.config,
        snapshot=parts.snapshot,
        view=parts.view,
        code=parts.code_digest,
        references=parts.references,
        fresh=True,
    )
    place = Workplace(folder)
    with _alone(folder) as lock, listening() as stop:
        shutil.rmtree(folder, ignore_errors=True)
        place.checkpoints.mkdir(parents=True)
        prepare(job, 0, place, store, settings, watcher.note)
        stop.phase = "running"
        child = _start(job, place, environ, lock)
        following = Following(place.journal)
        try:
            while (code := child.poll()) is None:
                if stop.requests:
                    raise KeyboardInterrupt
                for text in following.read():
                    watcher.note(text)
                watcher.progress(following.progress, "")
                time.sleep(TICK)
        finally:
            child.kill()
            child.wait()
    if code != 0 or not place.summary.is_file():
        failure = read_failure(place)
        why = failure.error if failure else last_words(place.log, LAST_LINES)
        raise NotRepeated(f"The repetition ended with code {code}: {why}", mend=f"Its whole log is {place.log}.")
    return place


def _start(job: JobSpec, place: Workplace, environ: Mapping[str, str], lock: int) -> Child:
    log = os.open(place.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        clean = child_environment(environ, threads=job.threads)
        return Child.start(place.folder, job.module, environ=clean, processes=job.processes, lock=lock, log=log)
    finally:
        os.close(log)


@contextmanager
def _alone(folder: Path) -> Iterator[int]:
    """Hold the folder; the child inherits the lock, so it counts as long as the child lives."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder.with_name(f"{folder.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor
    except BlockingIOError:
        raise NotRepeated(
            f"Another process repeats work in {folder}.", mend="Wait until it has ended, or stop it."
        ) from None
    finally:
        os.close(descriptor)
