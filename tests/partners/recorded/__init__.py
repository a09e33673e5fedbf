"""Runs as their records: named, assigned, begun, beaten, logged and ended by the functions that real ones use."""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from slipway.platform.jobs.spec import JobSpec
from slipway.platform.runs.attempts import Attempt, Claimant, assign, begin
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.names import bind_name
from slipway.platform.runs.parts import CodeFile, Parts
from slipway.platform.runs.pieces import NAME
from slipway.platform.runs.presence import Presence
from slipway.platform.runs.records import Cause, Outcome, Place, Result, State
from slipway.platform.runs.results import bind_result
from slipway.platform.runs.standing import Here
from slipway.platform.store import Store

DAY = 86400
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
CODE = (CodeFile(path="main.py", sha256="0" * 64),)


@dataclass
class Recorder:
    """Makes runs in a store, each a minute after the one before."""

    store: Store
    here: Here
    count: int = 0
    attempts: dict[str, Attempt] = field(default_factory=dict)
    logged: dict[str, int] = field(default_factory=dict)

    @classmethod
    def at(cls, store: Store, folder: Path) -> "Recorder":
        """With the locks of this machine in a folder."""
        return cls(store, Here("here", "boot", folder / "alive"))

    def parts(self, model: str, seed: int) -> Parts:
        """What names a run; the seed makes it another."""
        return Parts(model=model, snapshot="5" * 64, view={}, code=CODE, config={"seed": seed}, lock=())

    def job(self, parts: Parts, target: str) -> str:
        """What its runner is told."""
        job = JobSpec(
            key=parts.key, model=parts.model, package="", config={}, snapshot=parts.snapshot, view={},
            code=parts.code_digest, target=target,
        )  # fmt: skip
        return job.keep(self.store)

    def pending(
        self, *, model: str = "bird", team: str = "sky", person: str = "ada", target: str = "local", seed: int = -1
    ) -> str:
        """The key of a run that nobody has begun."""
        self.count += 1
        created = FIRST + timedelta(minutes=self.count)
        parts = self.parts(model, self.count if seed < 0 else seed)
        name = bind_name(self.store, parts.key, model=model, now=created)
        place = Place(target=target)
        claimant = Claimant(
            submitted_by=person, name=name, place=place, created=created, team=team, job=self.job(parts, target)
        )
        assign(self.store, parts, claimant, self.here, again=True)
        return parts.key

    def running(self, **said: object) -> str:
        """The key of one whose process lives."""
        key = self.pending(**said)  # type: ignore[arg-type]
        self.begin(key)
        return key

    def begin(self, key: str, number: int = 1) -> Attempt:
        """Let this process be its runner."""
        place = Place(host="here", boot="boot", pid=1)
        lock = Presence(self.here.state, f"{key[3:11]}-{number}")
        attempt = begin(self.store, key, number, place, lock)
        self.attempts[key] = attempt
        attempt.beat(step=3, steps=10, phase="train")
        return attempt

    def fall_silent(self, key: str, number: int = 1) -> None:
        """Let it have given its last sign of life a day ago, as one does whose process is gone."""
        keys = WorkKeys(key).attempt(number)
        for days, record in ((2, keys.spec), (2, keys.begun), (1, keys.heartbeat)):
            path = Path(self.store.url) / record
            written = path.stat().st_mtime - days * DAY
            os.utime(path, (written, written))

    def end(self, key: str, state: State = State.DONE, cause: Cause | None = None, cost: str = "0") -> None:
        """Record how it ended."""
        attempt = self.attempts[key]
        ended = FIRST + timedelta(days=1)
        if state is State.DONE:
            result = Result(
                key=key, attempt=attempt.number, finished=ended, files={}, metrics={"loss": 0.5}, steps=10, seconds=50.0
            )
            bind_result(self.store, result)
        outcome = Outcome(
            state=state, reason=f"It is {state}.", cause=cause, ended=ended, seconds=60.0, cost=Decimal(cost),
            currency="USD" if Decimal(cost) else "",
        )  # fmt: skip
        attempt.finish(outcome)
        attempt.close()

    def done(self, **said: object) -> str:
        """The key of one that is done."""
        key = self.running(**said)
        self.end(key)
        return key

    def log(self, key: str, text: str, number: int = 1) -> None:
        """A piece of its log."""
        prefix = WorkKeys(key).attempt(number).log
        offset = self.logged.get(prefix, 0)
        self.store.put(prefix + NAME.format(offset), text.encode())
        self.logged[prefix] = offset + len(text.encode())

    def close(self) -> None:
        """Give all locks back."""
        for attempt in self.attempts.values():
            attempt.close()
