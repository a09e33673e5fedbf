"""How an attempt ended: what an exit code means together with what was asked and what the child left behind."""

import signal
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from slipway.platform.jobs.runner.child import Usage
from slipway.platform.runs.records import Outcome, State
from slipway.platform.runs.workplace import RESUME, Failure, Workplace

LAST_WORDS: Final = 4000
"""Characters of the log that stand in for a traceback where the child left none."""


@dataclass(frozen=True)
class Ended:
    """What the runner saw."""

    code: int
    step: int | None
    seconds: float
    usage: Usage
    asked: bool = False
    at_once: bool = False
    lost: Exception | None = None


def outcome_of(ended: Ended, workplace: Workplace, now: datetime) -> Outcome:
    """The record of it."""
    failure = read_failure(workplace)
    state, reason = _judged(ended, workplace, failure)
    told = failure if state is State.FAILED else None
    return Outcome(
        state=state,
        reason=reason,
        exit_code=ended.code,
        ended=now,
        seconds=ended.seconds,
        step=told.step if told and told.step is not None else ended.step,
        mend=told.mend if told else "",
        traceback=(told.traceback if told else last_words(workplace.log)) if state is State.FAILED else "",
        samples=told.samples if told else (),
        memory_peak=ended.usage.memory_peak,
        cpu_seconds=ended.usage.cpu_seconds,
    )


def _judged(ended: Ended, workplace: Workplace, failure: Failure | None) -> tuple[State, str]:
    step = f"at step {ended.step}" if ended.step else "before the first step"
    if ended.code == 0 and workplace.summary.is_file():
        return State.DONE, "Done."
    if ended.lost is not None:
        return State.LOST, str(ended.lost)
    if ended.asked and (ended.at_once or ended.code in {RESUME, -signal.SIGTERM, -signal.SIGKILL}):
        how = "Stopped at once" if ended.at_once else "Stopped"
        return State.RESUMABLE, f"{how} on request {step}; starting it again goes on."
    if ended.code == RESUME:
        return State.RESUMABLE, f"It wants another attempt, {step}."
    if failure is not None:
        return State.FAILED, failure.error
    if ended.code == 0:
        return State.FAILED, "The training ended without a result."
    return State.FAILED, _silent_end(ended.code, step)


def _silent_end(code: int, step: str) -> str:
    if code >= 0:
        return f"The training ended with code {code}, {step}."
    name = signal.Signals(-code).name
    why = ": mostly that is the kernel, out of memory" if name == "SIGKILL" else ""
    return f"The training was ended by {name} {step}{why}."


def read_failure(workplace: Workplace) -> Failure | None:
    """What the child said of its failure, if it could."""
    try:
        return Failure.model_validate_json(workplace.failure.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def last_words(log: Path, longest: int = LAST_WORDS) -> str:
    """The end of what the child printed."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - longest))
            return file.read().decode(errors="replace").strip()
    except FileNotFoundError:
        return ""
