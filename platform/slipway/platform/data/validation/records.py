"""Verdicts in the store: nothing is judged twice.

A verdict is bound once under `validations/<key>.json`. The key is made of what is judged (the snapshot, and the earlier
one that it is compared with), by what (the suites, the validator's code), and of the newest retention date that has
passed: the only way in which time alone can change a verdict. Two validators that race store one; both return it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from slipway.platform.canonical import canonical
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.validation.runner import Progress, Request, run
from slipway.platform.data.validation.suite import Suite, suites_digest
from slipway.platform.data.validation.verdict import Verdict
from slipway.platform.errors import WrongUse
from slipway.platform.store import ObjectMissing, Store

PREFIX: Final = "validations/"


@dataclass(frozen=True)
class Judged:
    """A verdict, its key in the store, and whether it was there already."""

    verdict: Verdict
    key: str
    known: bool


@dataclass(frozen=True, kw_only=True)
class Question:
    """What should be judged, by what."""

    snapshot: Snapshot
    suites: Sequence[Suite]
    now: datetime
    previous: Snapshot | None = None
    threads: int = 1
    docs: Path | None = None
    sheet: Path | None = None
    again: bool = False


def validate(question: Question, store: Store, progress: Progress) -> Judged:
    """The verdict on a snapshot: the stored one, or a new one that is stored.

    Docs and contact sheets are not stored: asking for them judges again. What is stored under the key stays unless
    `again` says otherwise.
    """
    _refuse_twins(question.suites)
    key = key_of(question)
    stored = None if question.again else _stored(store, key)
    if stored is not None and not question.docs and not question.sheet:
        return Judged(stored, key, known=True)
    request = Request(
        snapshot=question.snapshot.folder,
        previous=question.previous.folder if question.previous else None,
        suites=question.suites,
        today=question.now.date(),
        threads=question.threads,
        docs=question.docs,
        sheet=question.sheet,
    )
    verdict = Verdict(
        snapshot=question.snapshot.digest,
        suites=suites_digest(question.suites),
        previous=question.previous.digest if question.previous else None,
        code=code_version(),
        judged_at=question.now.isoformat(timespec="seconds"),
        findings=run(request, progress),
    )
    if question.again:
        store.put(key, verdict.to_bytes())
        return Judged(verdict, key, known=False)
    bound = _parsed(store.put_if_absent(key, verdict.to_bytes()))
    return Judged(bound or verdict, key, known=bound is not None and bound != verdict)


def key_of(question: Question) -> str:
    """Where the verdict is kept."""
    parts = {
        "snapshot": question.snapshot.digest,
        "previous": question.previous.digest if question.previous else None,
        "suites": suites_digest(question.suites),
        "code": code_version(),
        "expired": expired_through(question.snapshot, question.now),
    }
    return f"{PREFIX}{hashlib.sha256(canonical(parts)).hexdigest()}.json"


def expired_through(snapshot: Snapshot, now: datetime) -> str:
    """The newest of the snapshot's retention dates that has passed; empty where none has."""
    today = now.date().isoformat()
    dates = snapshot.index.column("retention").unique().to_pylist()
    return max((date for date in dates if date and date < today), default="")


@cache
def code_version() -> str:
    """The validator's own code and the library that it runs on, as a digest."""
    digest = hashlib.sha256(version("great-expectations").encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _stored(store: Store, key: str) -> Verdict | None:
    try:
        return _parsed(store.get(key))
    except ObjectMissing:
        return None


def _parsed(data: bytes) -> Verdict | None:
    """A stored verdict; one that cannot be read counts as none."""
    try:
        return Verdict.model_validate_json(data)
    except ValidationError:
        return None


def _refuse_twins(suites: Sequence[Suite]) -> None:
    seen: dict[str, str] = {}
    for suite in suites:
        if suite.name in seen:
            raise WrongUse(
                f"Two suites are called `{suite.name}`: {seen[suite.name]} and {suite.place}.",
                mend="A suite is called after its file, or after its folder; rename one.",
            )
        seen[suite.name] = suite.place
