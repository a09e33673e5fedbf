"""What of a journal is sent to MLflow at once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from slipway.platform.runs.journal import events
from slipway.platform.runs.tracking.described import key_name, shortened
from slipway.platform.runs.tracking.tracker import LONGEST_TAG, MOST_PARAMS, MOST_POINTS, Point

STEPS: Final = 2**63
"""More steps than MLflow can count."""


@dataclass
class Chunk:
    """What is sent at once."""

    end: int
    """The journal's offset behind it."""
    events: int = 0
    points: list[Point] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    pictures: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """What cannot be sent at all."""
    last: dict[str, int] = field(default_factory=dict)
    """The last step of each metric in it."""

    def take(self, event: Mapping[str, Any], known: Mapping[str, int]) -> None:
        """Add one event; points that are `known` to be there already are left out."""
        self.events += 1
        if event["kind"] == "metrics":
            self._take_values(event, known)
        elif event["kind"] == "facts":
            for name, value in event["values"].items():
                text = value if isinstance(value, str) else json.dumps(value)
                self.facts[key_name(name)] = shortened(text, LONGEST_TAG)
        elif event["kind"] == "picture":
            self.pictures.append(str(event["file"]))

    def _take_values(self, event: Mapping[str, Any], known: Mapping[str, int]) -> None:
        step, moment = int(event["step"]), int(event["time"] * 1000)
        for name, value in event["values"].items():
            metric, number = key_name(name), as_float(value)
            if number is None or not 0 <= step < STEPS:
                # MLflow answers such a request with success and drops what follows in it
                self.refused.append(f"{name}: {value!r:.50} at step {step} is no point of a curve")
            elif step > self.last.get(metric, known.get(metric, -1)):
                self.points.append(Point(metric, number, step, moment))
                self.last[metric] = step

    @property
    def full(self) -> bool:
        """Whether it should go now."""
        return len(self.points) >= MOST_POINTS or len(self.facts) >= MOST_PARAMS


def as_float(value: object) -> float | None:
    """A journal's value as MLflow can keep it, or nothing."""
    try:
        return float(value) if isinstance(value, int | float) else None
    except OverflowError:
        return None


def read_chunk(journal: Path, offset: int, known: Mapping[str, int]) -> Chunk | None:
    """The next chunk from `offset` on, or nothing when nothing is new."""
    chunk = Chunk(offset)
    for event, chunk.end in events(journal, offset):
        chunk.take(event, known)
        if chunk.full:
            break
    return chunk if chunk.events else None
