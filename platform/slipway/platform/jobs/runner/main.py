"""A node's runner, from its command line to its exit code.

The first node begins the attempt, which exactly one process may, and executes it; another node joins it. What went
wrong is one message on standard error, never a traceback of an error that a person can do something about.
"""

import argparse
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.errors import SlipwayError
from slipway.platform.jobs.runner.child import Ahead
from slipway.platform.jobs.runner.environment import child_environment
from slipway.platform.jobs.runner.orphans import adopt, end_adopted
from slipway.platform.jobs.spec import LEFT, TRAIN_MODULE, JobSpec
from slipway.platform.runs.attempts import begin
from slipway.platform.runs.errors import BegunElsewhere, RunsError
from slipway.platform.runs.presence import Presence, Sign, boot_id, sign_of
from slipway.platform.runs.records import AttemptSpec, Outcome, Place, State
from slipway.platform.runs.standing import spec_of
from slipway.platform.runs.workplace import RESUME
from slipway.platform.settings import Loaded, load
from slipway.platform.store import Store, open_store

if TYPE_CHECKING:
    from slipway.platform.jobs.runner.attempt import Surroundings

PROGRAM: Final = "slipway runner"
HOST: Final = "SLIPWAY_HOST"
"""A launcher's variable: what this machine is called."""
IMPORTED_AHEAD: Final = ("numpy", "pydantic", "torch")
KEY_SHOWN: Final = 15
CODES: Final = {State.DONE: 0, State.RESUMABLE: RESUME, State.LOST: LEFT}
FAILED: Final = 1


@dataclass(frozen=True)
class Here:
    """What this process was started for, and where."""

    loaded: Loaded
    store: Store
    environ: Mapping[str, str]
    key: str
    number: int
    node: int
    lock: int | None

    @property
    def state(self) -> Path:
        """The folder of the locks."""
        return self.loaded.root / ".slipway" / "alive"

    @property
    def workplace(self) -> Path:
        """The folder of this node's workplaces, apart from those of other nodes."""
        of_node = f"-node{self.node}" if self.node else ""
        return self.loaded.root / ".slipway" / "work" / f"{self.key[:KEY_SHOWN]}{of_node}"

    def place(self, spec: AttemptSpec) -> Place:
        """Where the attempt runs now."""
        return Place(
            host=self.environ.get(HOST) or socket.gethostname(),
            boot=boot_id(),
            pid=os.getpid(),
            workplace=str(self.workplace),
            target=spec.place.target,
        )

    def hold(self, nonce: str) -> Presence:
        """The lock of this node: the one that was handed over, or a new one."""
        try:
            return Presence(self.state, nonce, inherited=self.lock)
        except SlipwayError:
            if self.lock is None and sign_of(self.state, nonce) is Sign.HELD:
                raise BegunElsewhere(f"Attempt {self.number} is held by another process of this machine.") from None
            raise


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Execute what the command line says; the exit code."""
    options = _options(arguments)
    try:
        return _execute(options, environ)
    except BegunElsewhere as error:
        _say(f"{PROGRAM}: {error}")
        return 0
    except KeyboardInterrupt:  # before it began; its launcher knows why
        return RESUME
    except Exception as error:  # noqa: BLE001 - the one place where every error becomes a message
        from slipway.platform.cli.failure import failure_of

        if environ.get("SLIPWAY_DEBUG") == "1" or not isinstance(error, SlipwayError | OSError):
            import traceback

            traceback.print_exception(error)
        failure = failure_of(error)
        _say(failure.text(PROGRAM))
        return failure.exit_code


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=PROGRAM, description="Runs one node of an attempt that a launcher was given.")
    parser.add_argument("key", help="the work")
    parser.add_argument("--attempt", type=int, required=True, metavar="N")
    parser.add_argument("--node", type=int, default=0, metavar="I")
    parser.add_argument("--lock", type=int, metavar="FD", help="descriptor of the lock that says that this node lives")
    return parser.parse_args(arguments)


def _execute(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    loaded = load(Path.cwd(), environ)
    store = open_store(loaded.settings.store, loaded.settings.s3)
    here = Here(loaded, store, environ, options.key, options.attempt, options.node, options.lock)
    spec = spec_of(store, here.key, here.number)
    if spec is None or not spec.job:
        raise RunsError(
            f"{here.key[:KEY_SHOWN]} has no attempt {here.number} for a launcher in {store.url}.",
            mend="See that SLIPWAY_STORE__URL is the store that the work was submitted to.",
        )
    job = JobSpec.load(store, spec.job)
    adopt()
    if here.node:
        return _further(here, spec, job)
    ahead = _ahead(job, environ)
    try:
        return _first(here, spec, job, ahead)
    finally:
        if ahead is not None:
            ahead.dismiss()


def _ahead(job: JobSpec, environ: Mapping[str, str]) -> Ahead | None:
    """Let the child import its libraries while its workplace is being prepared."""
    if job.nodes > 1 or job.processes > 1 or job.secrets or job.module != TRAIN_MODULE:
        return None
    return Ahead(IMPORTED_AHEAD, environ=child_environment(environ, threads=job.threads))


def _further(here: Here, spec: AttemptSpec, job: JobSpec) -> int:
    """Join an attempt that the first node leads."""
    if here.node >= job.nodes:
        raise RunsError(f"The job has {job.nodes} nodes; the last one is {job.nodes - 1}, not {here.node}.")
    from slipway.platform.jobs.runner.joining import join

    return _code(join(here, spec, job, surroundings(here), Told()).outcome)


def _first(here: Here, spec: AttemptSpec, job: JobSpec, ahead: Ahead | None) -> int:
    """Own the attempt and see it through."""
    deadline = timedelta(seconds=job.limits.silence_seconds)
    lock = here.hold(spec.nonce)
    try:
        attempt = begin(here.store, here.key, here.number, here.place(spec), lock, deadline=deadline)
    except BaseException:
        lock.close(settled=False)
        raise
    from slipway.platform.jobs.runner.attempt import run_attempt

    ran = run_attempt(job, attempt, surroundings(here), Told(), ahead)
    if ran.same is not None:
        told = "the same as" if ran.same else "others than"
        _say(f"Its weights are {told} those of the result that there was, compared bit by bit.")
    return _code(ran.outcome)


def _code(outcome: Outcome) -> int:
    """The exit code that says how it ended."""
    _say(f"{PROGRAM}: {outcome.state}: {outcome.reason}")
    return CODES.get(outcome.state, FAILED)


def surroundings(here: Here) -> "Surroundings":
    """What a runner uses here."""
    from slipway.platform.jobs.runner.attempt import Surroundings
    from slipway.platform.runs.tracking.tracker import open_tracker

    settings, root = here.loaded.settings, here.loaded.root
    return Surroundings(
        here.store, settings, lambda: open_tracker(settings.mlflow, root), here.environ, end_orphans=end_adopted
    )


class Told:
    """Remarks of the runner go to standard error, which the launcher keeps."""

    def note(self, text: str) -> None:
        """One line."""
        _say(text)

    def progress(self, told: Mapping[str, Any], remark: str) -> None:
        """Heartbeats say it."""


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
