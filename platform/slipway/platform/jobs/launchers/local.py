"""The launcher for this machine: each node of a job is a runner process with a lock of its own.

* A runner is started once. Whoever submits takes the job's turn, looks at each node, and starts what was not started;
  killed in between, it leaves what the next one goes on from. The first node comes last, because it alone begins the
  attempt: as long as it was not started, the job counts as absent, and is submitted again.
* Whether a runner lives, its lock says; whether it began and how it ended, the store. One that ended without a word
  before it began left its reason in its output.
* A runner is signalled only as a process that holds the lock, whatever its process id says.
* The grace of a job that is cancelled is kept by a small process of its own, so `cancel` returns at once.

Jobs are those of one project folder on one machine. What runs elsewhere cannot be asked here.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway.platform.errors import SlipwayError
from slipway.platform.jobs.launchers.contract import (
    Assignment,
    Capacity,
    Found,
    LauncherRefused,
    LauncherUnreachable,
    Phase,
    Status,
)
from slipway.platform.jobs.launchers.local_capacity import free_here
from slipway.platform.jobs.launchers.local_job import Files, Life, LocalJob, Turn, all_jobs, job_of, keep
from slipway.platform.jobs.launchers.local_process import Start, end_runners, start_runner
from slipway.platform.jobs.launchers.local_secrets import read_secrets
from slipway.platform.jobs.launchers.local_status import NodeSeen, judge, see
from slipway.platform.jobs.runner.environment import runner_environment
from slipway.platform.jobs.targets import named_target
from slipway.platform.runs.layout import AttemptKeys, WorkKeys
from slipway.platform.runs.presence import Presence, Sign, sign_of
from slipway.platform.runs.records import Begun
from slipway.platform.runs.standing import Here
from slipway.platform.store import Store

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

AFTER_GRACE_SECONDS: Final = 30.0
"""What a runner has for storing what its child left, before it is killed as well."""
GLANCE_SECONDS: Final = 0.01
GLANCES: Final = 200
CONTEXT: Final = "SLIPWAY_CONTEXT"
OWN: Final = frozenset({"SLIPWAY_HOST", "SLIPWAY_RENDEZVOUS"})
"""Variables of the submitter's own launcher, where it is a job itself."""
DEVICES: Final = "CUDA_VISIBLE_DEVICES"


class LocalLauncher:
    """Runs jobs on this machine, in the project's folder."""

    def __init__(
        self,
        loaded: "Loaded",
        store: Store,
        *,
        environ: Callable[[], Mapping[str, str]] = lambda: os.environ,
        after_grace: float = AFTER_GRACE_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._root, self._context = loaded.settings, loaded.root, loaded.context
        self._store, self._here = store, Here.at(loaded.root)
        self._environ, self._after_grace, self._clock = environ, after_grace, clock

    @property
    def address(self) -> str:
        """Where it is, for messages."""
        return f"this machine ({self._here.host})"

    def submit(self, assignment: Assignment) -> Status:
        """Start what of the job was not started."""
        self._check_here(assignment)
        files, job = self._files(assignment), assignment.job
        secrets = read_secrets(job.secrets, job.target, named_target(job.target, self._settings), self._secrets)
        keep(
            files,
            job_of(assignment.attempt, assignment.key, job.nodes, self._here.boot, self._store.url),
        )
        with Turn.at(files.folder / "submitting"):
            seen = self._see(assignment)
            if any(node.life is Life.LIVES for node in seen) or all(node.life is Life.NONE for node in seen):
                for node in reversed(seen):
                    if node.life is Life.NONE:
                        self._start(assignment, node.node, secrets)
        return self.status(assignment)

    def status(self, assignment: Assignment) -> Status:
        """What becomes of it."""
        self._check_here(assignment)
        job = self._files(assignment).load()
        if job is None:
            return Status(Phase.ABSENT)
        return judge(self._see(assignment), rebooted=job.boot != self._here.boot, host=self._here.host)

    def logs(self, assignment: Assignment, node: int = 0) -> bytes:
        """What a node's runner printed itself; the training's own output is in the store."""
        self._check_here(assignment)
        return self._files(assignment).printed(node)

    def cancel(self, assignment: Assignment) -> None:
        """Ask all its runners to stop; another process kills those that have not after the job's grace."""
        self._check_here(assignment)
        files = self._files(assignment)
        if files.load() is None:
            return
        with Turn.at(files.folder / "submitting"):
            end_runners(files, assignment.job.nodes, assignment.job.limits.grace_seconds + self._after_grace)

    def remove(self, found: Found) -> None:
        """Delete locks, output and work folders of a job whose runners have ended."""
        files = Files(self._here.state, found.nonce)
        job = files.load()
        if job is None:
            return
        with Turn.at(files.folder / "submitting"):
            if self._lives(files, job):
                raise LauncherRefused(
                    f"{job.name}, attempt {job.number}, still runs on {self.address}.",
                    mend=f"slipway cancel {job.name}",
                )
            for node in range(job.nodes):
                self._delete_workplace(job, node)
            files.delete(job.nodes)

    def list(self) -> Iterator[Found]:
        """All jobs of this project on this machine."""
        for files in all_jobs(self._here.state):
            job, kept_at = files.load(), files.kept_at()
            if job is not None and kept_at is not None:  # others may remove it meanwhile
                age = timedelta(seconds=max(0.0, self._clock() - kept_at))
                yield Found(job.key, job.number, job.nonce, self._phase(files, job), age, job.name)

    def capacity(self, target: str) -> Capacity:
        """What is free on this machine."""
        named_target(target, self._settings)
        running = sum(found.phase is Phase.RUNNING for found in self.list())
        return Capacity(words=free_here(running))

    @property
    def _secrets(self) -> Path:
        return self._settings.jobs.secrets

    def _files(self, assignment: Assignment) -> Files:
        return Files(self._here.state, assignment.attempt.nonce)

    def _keys(self, key: str, number: int, node: int) -> AttemptKeys:
        return WorkKeys(key).attempt(number).node(node)

    def _see(self, assignment: Assignment) -> tuple[NodeSeen, ...]:
        files = self._files(assignment)
        return tuple(
            see(self._store, self._keys(assignment.key, assignment.number, node), files, node)
            for node in range(assignment.job.nodes)
        )

    def _check_here(self, assignment: Assignment) -> None:
        """A job of another machine's project folder is not to be started here as well, nor taken for ended."""
        attempt = assignment.attempt
        host = attempt.place.host
        if not host and not self._files(assignment).record.exists():
            begun = Begun.load(self._store, self._keys(assignment.key, assignment.number, 0).begun)
            host = begun.place.host if begun else ""
        if host and host != self._here.host:
            raise LauncherUnreachable(
                f"Attempt {attempt.number} of {attempt.name} is a local job of {host}; this is {self._here.host}.",
                mend=f"Ask on {host}.",
            )

    def _start(self, assignment: Assignment, node: int, secrets: Mapping[str, str]) -> None:
        files = self._files(assignment)
        lock = self._take(files, node)
        if lock is None:
            return
        unused = False
        try:
            seen = see(self._store, self._keys(assignment.key, assignment.number, node), files, node, held=True)
            if seen.life is Life.NONE:
                environ = {**self._runner_environment(assignment, node), **secrets}
                start = Start(assignment.key, assignment.number, node, self._root, environ)
                start_runner(start, lock.descriptor, files.output(node))
            unused = seen.life is Life.OVER and not files.pid(node)
        finally:
            lock.close(settled=unused)

    def _take(self, files: Files, node: int) -> Presence | None:
        """The node's lock; None where a runner has it. Somebody who looks has it for a moment, too."""
        for _ in range(GLANCES):
            try:
                return Presence(self._here.state, files.nonce_of(node))
            except SlipwayError:
                if files.pid(node):
                    return None
            time.sleep(GLANCE_SECONDS)
        return None

    def _runner_environment(self, assignment: Assignment, node: int) -> dict[str, str]:
        passed = runner_environment(self._environ())
        environ = {name: value for name, value in passed.items() if name not in OWN} | {CONTEXT: self._context}
        job = assignment.job
        if job.gpus and job.nodes > 1:  # on one machine each node has its share of the devices
            mine = range(node * job.gpus, (node + 1) * job.gpus)
            listed = [word for word in environ.get(DEVICES, "").split(",") if word]
            environ[DEVICES] = ",".join(listed[one] if one < len(listed) else str(one) for one in mine)
        return environ

    def _lives(self, files: Files, job: LocalJob) -> bool:
        return any(sign_of(self._here.state, files.nonce_of(node)) is Sign.HELD for node in range(job.nodes))

    def _phase(self, files: Files, job: LocalJob) -> Phase:
        if self._lives(files, job):
            return Phase.RUNNING
        began = any(files.life(node, recorded=not files.lock(node).exists()) is Life.OVER for node in range(job.nodes))
        return Phase.ENDED if began else Phase.ABSENT

    def _delete_workplace(self, job: LocalJob, node: int) -> None:
        begun = Begun.load(self._store, self._keys(job.key, job.number, node).begun)
        if begun is None or begun.place.host != self._here.host or not begun.place.workplace:
            return
        place = Path(begun.place.workplace)
        if self._here.state.parent in place.parents:
            shutil.rmtree(place / str(job.number), ignore_errors=True)
            if place.is_dir() and not any(place.iterdir()):
                place.rmdir()
