"""What the runner makes of the journal: how far the child is, for heartbeats, for people, and for the record."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.runs.journal import events

if TYPE_CHECKING:
    from collections.abc import Mapping

CARRIED_ON: Final = frozenset({"metrics", "facts"})
"""Kinds of events of an earlier attempt that the next one's journal begins with."""


class Following:
    """Reads on from where it was."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        self._path, self._offset = path, offset
        self.progress: Mapping[str, Any] = {}
        """The last event of that kind."""
        self.checkpoint: int | None = None
        """The step of the last complete checkpoint."""

    @property
    def step(self) -> int:
        """Optimizer steps that are done."""
        return int(self.progress.get("step", 0))

    def read(self) -> list[str]:
        """Take in what is new; the notes among it."""
        notes = []
        for event, offset in events(self._path, self._offset):
            self._offset = offset
            if event["kind"] == "progress":
                self.progress = {name: value for name, value in event.items() if name != "kind"}
            elif event["kind"] == "checkpoint":
                self.checkpoint = int(event["step"])
            elif event["kind"] == "note":
                notes.append(str(event["text"]))
        return notes


def carried_on(earlier: bytes, step: int) -> bytes:
    """What of an earlier journal belongs before the checkpoint of `step`: measured values, and facts."""
    kept = []
    for line in earlier.splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        event = json.loads(line)
        if event["kind"] in CARRIED_ON and int(event.get("step", 0)) <= step:
            kept.append(line)
    return b"".join(kept)
