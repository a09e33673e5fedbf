"""A stack of tiny real processes below the real guardian and supervisor, and looks at what they did."""

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slipway.pipelines.local import processes, standing
from slipway.pipelines.local.keeping import Phase
from slipway.pipelines.local.place import Place
from slipway.pipelines.local.standing import ComponentStanding, Standing
from slipway.pipelines.local.starting import Started, start
from slipway.pipelines.local.stopping import stop

SUPERVISING = Path(__file__).parent / "supervising.py"
PATIENCE_SECONDS = 60.0

LIVES = """
import os, signal, sys, time
def note(what):
    out = os.open("events", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(out, f"{NAME} {what}\\n".encode())
    os.close(out)
def end(*_):
    note("ends")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
note("starts")
def live():
    while True:
        time.sleep(60)
"""
LIVE = "open(NAME, 'w').close(); live()"
"""Healthy as soon as its file is there."""


@dataclass(frozen=True, kw_only=True)
class Tiny:
    """One component: a few lines of Python after the ones that make it note its start and its end."""

    name: str
    does: str = LIVE
    after: Sequence[str] = ()
    once: bool = False
    start_seconds: float = 60.0
    hung_seconds: float = 60.0
    stop_seconds: float = 20.0
    program: str = ""
    """Another than Python, which is not there."""


@dataclass
class TinyStack:
    """Its project is a folder; everything ends with the test that calls `down`."""

    root: Path
    components: Sequence[Tiny]
    pauses: Sequence[float] = (0.05,)
    deaths: int = 3
    steady_seconds: float = 0.0
    told: list[str] = field(default_factory=list)
    prepared: int = 0

    @property
    def place(self) -> Place:
        self.root.mkdir(parents=True, exist_ok=True)
        return Place(self.root, {"HOME": str(self.root), "PATH": os.environ["PATH"]})

    def prepare(self, tell: Callable[[str], None]) -> Sequence[str]:
        tell("prepared")
        self.prepared += 1
        spec = self.place.folder / "spec.json"
        patience = {"pauses": self.pauses, "deaths": self.deaths, "steady_seconds": self.steady_seconds}
        patience["first_deaths"] = self.deaths
        spec.write_text(json.dumps({"components": [one.__dict__ for one in self.components], "patience": patience}))
        return [self.place.python, "-P", str(SUPERVISING), str(self.root), str(spec)]

    def up(self, *, detached: bool = True) -> Started:
        return start(self.place, self, detached=detached, tell=self.told.append)

    def down(self) -> bool:
        return stop(self.place, self.told.append)

    @property
    def standing(self) -> Standing:
        found = standing.read(self.place)
        assert found is not None
        return found

    def one(self, name: str) -> ComponentStanding:
        return next(one for one in self.standing.components if one.name == name)

    def is_(self, name: str, phase: Phase, **more: Any) -> Callable[[], bool]:
        def look() -> bool:
            one = self.one(name)
            return one.phase is phase and all(getattr(one, field) == value for field, value in more.items())

        return look

    @property
    def events(self) -> list[str]:
        with suppress(FileNotFoundError):
            return (self.root / "events").read_text().splitlines()
        return []

    @property
    def log(self) -> str:
        return self.place.log.read_text()

    @property
    def living(self) -> Mapping[int, str]:
        """Everything that bears the stack's mark."""
        return {one.pid: " ".join(one.cmdline()[-3:])[:100] for one in processes.of_stack(self.place.name)}

    @property
    def guardian(self) -> int:
        import psutil

        return psutil.Process(self.standing.supervisor).ppid()


def wait(condition: Callable[[], bool], what: str) -> None:
    """Until it holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.02)
