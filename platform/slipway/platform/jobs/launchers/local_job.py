"""What the local launcher keeps of a job, and what it can tell from it about each node's runner.

    .slipway/alive/<nonce>.alive       the first node's lock; `<nonce>-<i>.alive` of the others. A runner writes its
                                       process id into its lock, and takes the file away when all is recorded
    .slipway/jobs/<nonce>/job.json     which attempt this is
                          output-<i>   what that node's runner printed itself
                          submitting   locked by whoever starts runners or is about to end them
                          ending       locked by the process that sees that they end

Whether a runner lives, only its lock says. A lock that is free and was never written in belongs to a runner that was
not started, unless there is output, or a record in the store, of one that was.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final, Self

from slipway.platform.runs.presence import Sign, sign_of
from slipway.platform.runs.records import AttemptSpec, Record
from slipway.platform.runs.workplace import write_whole

FOLDER: Final = "jobs"
RECORD: Final = "job.json"


class Life(Enum):
    """Of one node's runner."""

    NONE = "it was not started"
    LIVES = "it lives"
    OVER = "it has ended"


class LocalJob(Record):
    """An attempt that this machine was given."""

    key: str
    number: int
    nonce: str
    name: str
    nodes: int
    boot: str
    """Start of the machine on which it was submitted."""
    store: str
    """Address of the store that has its records."""


@dataclass(frozen=True)
class Files:
    """Where the files of one job are."""

    state: Path
    """The folder of the locks."""
    nonce: str

    @property
    def folder(self) -> Path:
        """Of all but the locks."""
        return self.state.parent / FOLDER / self.nonce

    @property
    def record(self) -> Path:
        """Which attempt it is."""
        return self.folder / RECORD

    def nonce_of(self, node: int) -> str:
        """What a node's lock is called after."""
        return f"{self.nonce}-{node}" if node else self.nonce

    def lock(self, node: int) -> Path:
        """Of a node's runner."""
        return self.state / f"{self.nonce_of(node)}.alive"

    def output(self, node: int) -> Path:
        """What a node's runner printed."""
        return self.folder / f"output-{node}"

    def load(self) -> LocalJob | None:
        """The job, if this machine was given it."""
        try:
            return LocalJob.read(self.record.read_bytes(), str(self.record))
        except FileNotFoundError:
            return None

    def kept_at(self) -> float | None:
        """When the record was written; None where it is gone."""
        with suppress(FileNotFoundError):
            return self.record.stat().st_mtime
        return None

    def pid(self, node: int) -> int:
        """What a node's runner wrote as its process id; 0 where none did."""
        with suppress(FileNotFoundError):
            word = next(iter(self.lock(node).read_text().split()), "")
            return int(word) if word.isdecimal() else 0
        return 0

    def life(self, node: int, *, recorded: bool) -> Life:
        """Of a node's runner; `recorded` says whether the store has heard of one."""
        if sign_of(self.state, self.nonce_of(node)) is Sign.HELD:
            return Life.LIVES
        if recorded or self.pid(node) or self.printed(node):
            return Life.OVER
        return Life.NONE

    def printed(self, node: int) -> bytes:
        """What a node's runner printed."""
        with suppress(FileNotFoundError):
            return self.output(node).read_bytes()
        return b""

    def delete(self, nodes: int) -> None:
        """Everything; the record last, so that whoever is killed here finds it again."""
        for node in range(nodes):
            self.lock(node).unlink(missing_ok=True)
            self.output(node).unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def keep(files: Files, job: LocalJob) -> None:
    """Write down which attempt it is."""
    if not files.record.exists():
        write_whole(files.record, job.to_bytes())


def job_of(attempt: AttemptSpec, key: str, nodes: int, boot: str, store: str) -> LocalJob:
    """The record of an attempt."""
    return LocalJob(
        key=key, number=attempt.number, nonce=attempt.nonce, name=attempt.name, nodes=nodes, boot=boot, store=store
    )


def all_jobs(state: Path) -> Iterator[Files]:
    """All that this project's jobs on this machine left."""
    with suppress(FileNotFoundError):
        for folder in sorted((state.parent / FOLDER).iterdir()):
            if (folder / RECORD).is_file():
                yield Files(state, folder.name)


def _opened(path: Path) -> int:
    """The file; its folder is made again where somebody who removes the job takes it away meanwhile."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


class Turn:
    """A lock between those who act on the same job; a killed one gives it back."""

    def __init__(self, path: Path, *, wait: bool) -> None:
        self.descriptor = _opened(path)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BaseException:
            os.close(self.descriptor)
            raise

    def close(self) -> None:
        """Give it up, unless a process inherited it."""
        os.close(self.descriptor)

    @classmethod
    @contextmanager
    def at(cls, path: Path, *, wait: bool = True) -> Iterator[Self]:
        """Have it for a while."""
        turn = cls(path, wait=wait)
        try:
            yield turn
        finally:
            turn.close()
