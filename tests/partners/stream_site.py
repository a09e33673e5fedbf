"""Streams run to their end, with events and telemetry kept to be looked at."""

import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from slipway.serving.edge.streams.events import OutGone
from slipway.serving.edge.streams.running import Camera, Lives, Settings, Streams, read_camera
from slipway.serving.edge.streams.telling import Decided
from slipway.serving.runtime.cameras.reconnecting import Timing
from slipway.serving.runtime.source import Notice

QUICK = Timing(deadline=0.5, first_wait=0.02, longest_wait=0.1, ending=0.5)
SETTINGS = Settings("gate-pc", timing=QUICK)
RED, GREEN, BLUE = range(3)


@dataclass
class Kept:
    """Events and telemetry, kept to be looked at."""

    lines: list[str] = field(default_factory=list)
    decisions: list[Decided] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    notices: list[Notice] = field(default_factory=list)
    gone_after: int | None = None

    def write(self, line: str) -> None:
        if self.gone_after is not None and len(self.lines) >= self.gone_after:
            raise OutGone("gone")
        self.lines.append(line)

    def close(self) -> None:
        pass

    def decided(self, one: Decided) -> None:
        self.decisions.append(one)

    def count(self, name: str, times: int = 1) -> None:
        self.counts[name] += times

    def noticed(self, notice: Notice) -> None:
        self.notices.append(notice)

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in list(self.lines)]
        return [one for one in found if kind in {None, one["event"]}]


def run(kept: Kept, cameras: Any, lives: Lives, **parts: Any) -> dict[str, dict[str, int]]:
    """To the end of all cameras."""
    listed = [one if isinstance(one, Camera) else read_camera(one) for one in cameras]
    parts.setdefault("settings", SETTINGS)
    stop = parts.pop("stop", threading.Event())
    counts = Streams(listed, lives, kept, kept, **parts).run(stop)
    for one in counts.values():
        assert one["in"] == one["dropped"] + one["refused"] + one["failed"] + one["decided"]
    return counts
