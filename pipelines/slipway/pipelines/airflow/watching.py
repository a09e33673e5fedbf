"""Watching submitted work from a trigger: short looks, each of which may be the last one this process makes.

A look does the one thing that comes next for the work, as every overseer does, and reads what its log has grown by. So
a triggerer that is restarted, or two that have the same trigger for a while, neither lose nor double anything. Calls
block and belong into a thread.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from slipway.pipelines.airflow.project import Project
from slipway.platform.jobs.asking import submitted_by
from slipway.platform.jobs.cancelling import Cancelled, cancel
from slipway.platform.jobs.launchers.contract import LauncherUnreachable
from slipway.platform.jobs.launchers.opening import open_launcher
from slipway.platform.jobs.overseeing.overseer import Overseer
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.pieces import piece_at
from slipway.platform.runs.records import State
from slipway.platform.runs.results import load_result
from slipway.platform.runs.standing import Here, Standing
from slipway.platform.store import Store, StoreUnreachable, open_store

LINES: Final = 2000
"""Of a log that one look passes on at most; a trigger's loop belongs to others as well."""


@dataclass
class Position:
    """How far the log was read."""

    attempt: int = 0
    offset: int = 0
    rest: bytes = b""


@dataclass(frozen=True)
class Look:
    """What one look found."""

    lines: tuple[str, ...] = ()
    event: Mapping[str, Any] | None = None
    """How it ended, when it has."""


@dataclass
class JobWatch:
    """One piece of work."""

    project: Project
    key: str
    position: Position = field(default_factory=Position)

    def __post_init__(self) -> None:
        self._loaded = self.project.load()
        self._store: Store = open_store(self._loaded.settings.store, self._loaded.settings.s3)
        opened = partial(open_launcher, loaded=self._loaded, store=self._store)
        self._said: list[str] = []
        self._overseer = Overseer(self._loaded, self._store, Here.at(self._loaded.root), opened, _Telling(self._said))
        self._told = ""

    def look(self) -> Look:
        """Do what comes next, and read on; a store or a launcher that is away is told, and is no answer."""
        try:
            ended = self._overseer.once(self.key)
            now = ended or self._overseer.standing(self.key)
            grown = self._read(now)
        except (StoreUnreachable, LauncherUnreachable) as error:
            return Look(self._news(f"{error} Asking again."))
        said = tuple(self._said)
        self._said.clear()
        lines = (*self._news(now.told()), *said, *grown)
        return Look(lines, self._event(ended) if ended else None)

    def cancel(self) -> Cancelled:
        """End it, unless others want it as well, whoever submitted it first."""
        person = submitted_by(self._loaded.settings.identity)
        return cancel(self.key, person, self._loaded, only_detach=True, why="its Airflow task was ended")

    def _news(self, text: str) -> tuple[str, ...]:
        if text == self._told:
            return ()
        self._told = text
        return (text,)

    def _read(self, now: Standing) -> tuple[str, ...]:
        """The log's new lines; the next piece is called after the offset at which it begins."""
        position = self.position
        lines: list[str] = []
        if now.number != position.attempt:
            position.attempt, position.offset, position.rest = now.number, 0, b""
        prefix = WorkKeys(self.key).attempt(now.number).log
        while now.number and len(lines) < LINES:
            piece = piece_at(self._store, prefix, position.offset)
            if piece is None:
                break
            position.offset += len(piece)
            *whole, position.rest = (position.rest + piece).split(b"\n")
            lines += [line.decode(errors="replace") for line in whole]
        return tuple(lines)

    def _event(self, ended: Standing) -> Mapping[str, Any]:
        """Plain JSON for the task that goes on."""
        result, outcome = load_result(self._store, self.key), ended.outcome
        return {
            "key": self.key,
            "name": ended.spec.name if ended.spec else self.key,
            "state": (ended.state or State.LOST).value,
            "cause": outcome.cause.value if outcome and outcome.cause else None,
            "reason": outcome.reason if outcome else ended.reason,
            "mend": outcome.mend if outcome else "",
            "attempt": ended.number,
            "metrics": dict(result.metrics) if result else {},
        }


class _Telling:
    """Keeps what an overseer says until it is passed on."""

    def __init__(self, said: list[str]) -> None:
        self._said = said

    def note(self, text: str) -> None:
        """Keep it."""
        self._said.append(text)

    def progress(self, told: Mapping[str, Any], remark: str) -> None:
        """The log says more."""
