"""One trial under way, and its plain form: `slipway train` in a process of its own, as a person would have started it.

Ctrl-C in a terminal does not reach it; it is asked to stop, writes a checkpoint, and is found and gone on with by the
next one that wants the same work. What it says along the way goes to a log; its answer is JSON on standard output.
A trial that is a job on a target is `submitted`.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Final, Protocol, TypeAlias

INTERRUPTED: Final = frozenset({75, 130, 143, -signal.SIGINT, -signal.SIGTERM})
"""How a training ends that was asked to stop: with a checkpoint, without one, and before it listened."""
SLIPWAY: Final = ("-c", "from slipway.platform.cli.main import run; run()")
LAST: Final = 4096


@dataclass(frozen=True)
class Bill:
    """Where a trial runs, and what it has cost this sweep."""

    where: str = ""
    """Empty is this process's machine."""
    cost: Decimal = Decimal(0)
    currency: str = ""
    """Empty where nothing has a price."""


@dataclass(frozen=True)
class Glance:
    """A trial under way, as it is seen now."""

    words: str = ""
    bill: Bill = Bill()


UNSEEN: Final = Glance()


@dataclass(frozen=True)
class Ended:
    """How a trial's process ended."""

    code: int
    answer: Mapping[str, Any]
    reason: str
    """Why, where it is not done."""
    seconds: float
    bill: Bill = Bill()

    @property
    def interrupted(self) -> bool:
        """Whether it was asked to stop."""
        return self.code in INTERRUPTED


class Process(Protocol):
    """A trial under way."""

    def poll(self) -> Ended | None:
        """How it ended, if it has."""

    def stop(self, *, at_once: bool = False) -> None:
        """Ask it to stop, or make it."""

    def glance(self) -> Glance:
        """How it stands, without asking anybody."""


Starter: TypeAlias = Callable[[int, Sequence[str]], Process | None]
"""Starts the trial of a number with its overrides; None where it may not start before another has ended, or ever."""


class Training:
    """`slipway train` with these arguments."""

    def __init__(self, arguments: Sequence[str], log: Path, *, program: Sequence[str] = SLIPWAY) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log
        self._answer: Path = log.with_suffix(".json")
        self._began = time.monotonic()
        with log.open("ab") as errors, self._answer.open("wb") as answer:
            self._process = subprocess.Popen(
                [sys.executable, *program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=answer,
                stderr=errors,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    def poll(self) -> Ended | None:
        code = self._process.poll()
        if code is None:
            return None
        answer = self._read_answer()
        reason = str(answer.get("reason") or "") or _last_words(self._log, code)
        told = "" if code == 0 or code in INTERRUPTED else reason
        return Ended(code, answer, told, time.monotonic() - self._began)

    def stop(self, *, at_once: bool = False) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL) if at_once else self._process.terminate()

    def glance(self) -> Glance:
        return UNSEEN

    def _read_answer(self) -> Mapping[str, Any]:
        try:
            answer = json.loads(self._answer.read_bytes() or b"{}")
        except ValueError:
            return {}
        return answer if isinstance(answer, dict) else {}


def _last_words(log: Path, code: int) -> str:
    """Why it failed, in its own words."""
    with log.open("rb") as file:
        _seek_last(file)
        lines = file.read().decode(errors="replace").splitlines()
    said = [line.strip() for line in lines if line.strip()]
    own = [line.removeprefix("slipway: ") for line in said if line.startswith("slipway: ")]
    if own or said:
        return (own or said)[-1]
    return f"killed by signal {-code}" if code < 0 else f"ended with exit code {code}"


def _seek_last(file: IO[bytes]) -> None:
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - LAST))
