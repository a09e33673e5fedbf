"""Checkpoints in the store: uploaded whole, found again by whoever goes on, believed only when the digest is right.

A checkpoint counts when its record is there, which is written behind its bytes. With it goes the journal up to that
moment, so that an attempt that goes on from it knows every metric that the earlier ones measured.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import Field

from slipway.platform.jobs.spec import JobSpec
from slipway.platform.runs.layout import AttemptKeys, WorkKeys
from slipway.platform.runs.records import Record
from slipway.platform.runs.workplace import CHECKPOINT
from slipway.platform.store import ObjectMissing, Store

RECORD: Final = ".json"


class CheckpointRecord(Record):
    """Says that a checkpoint is whole."""

    step: int
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    size: int


@dataclass(frozen=True)
class Found:
    """A checkpoint that the store has."""

    attempt: int
    step: int
    keys: AttemptKeys

    @property
    def file(self) -> str:
        """The key of its bytes."""
        return self.keys.checkpoints + CHECKPOINT.format(self.step)

    @property
    def record(self) -> str:
        """The key of its record."""
        return self.file + RECORD


def step_of(name: str) -> int | None:
    """The step that a file's name says; None for other files."""
    digits = name.removeprefix("step-").removesuffix(".ckpt")
    return int(digits) if digits.isdigit() and name == CHECKPOINT.format(int(digits)) else None


def local(folder: Path) -> list[Path]:
    """The complete checkpoints of a workplace, oldest first."""
    with suppress(FileNotFoundError):
        return sorted(path for path in folder.iterdir() if step_of(path.name) is not None)
    return []


def told(job: JobSpec, found: Found) -> str:
    """It, in words; of a script only its number is known."""
    if job.is_script:
        return f"checkpoint {found.step}, of attempt {found.attempt}"
    return f"the checkpoint of attempt {found.attempt} at step {found.step}"


def upload(store: Store, keys: AttemptKeys, path: Path) -> None:
    """Put a checkpoint into the store, and its record behind it."""
    step = step_of(path.name)
    if step is None:
        raise ValueError(f"{path} is no checkpoint")
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    store.put_file(keys.checkpoints + path.name, path)
    store.put(keys.checkpoints + path.name + RECORD, CheckpointRecord(step=step, sha256=sha256, size=size).to_bytes())


def stored(store: Store, work: WorkKeys) -> list[Found]:
    """The checkpoints of all attempts, the one to go on from first: the furthest, of equal ones the newest."""
    found = list(_listed(store, work))
    return sorted(found, key=lambda one: (one.step, one.attempt), reverse=True)


def bring(store: Store, found: Found, folder: Path) -> Path | None:
    """The checkpoint as a file in `folder`, or None where it is damaged or gone."""
    target = folder / CHECKPOINT.format(found.step)
    with suppress(ObjectMissing, ValueError):
        record = CheckpointRecord.read(store.get(found.record))
        folder.mkdir(parents=True, exist_ok=True)
        store.get_file(found.file, target)
        with target.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == record.sha256:
                return target
        target.unlink()
    return None


def prune(store: Store, found: Sequence[Found], keep: int) -> None:
    """Remove all but the first `keep` of these."""
    for one in found[keep:]:
        store.delete(one.record)
        store.delete(one.file)


def _listed(store: Store, work: WorkKeys) -> Iterator[Found]:
    for key in store.list(work.attempts):
        number, _, rest = key.removeprefix(work.attempts).partition("/")
        folder, _, name = rest.partition("/")
        step = step_of(name.removesuffix(RECORD))
        if number.isdigit() and folder == "checkpoints" and name.endswith(RECORD) and step is not None:
            yield Found(int(number), step, work.attempt(int(number)))
