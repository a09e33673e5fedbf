"""How an attempt ended: what an exit code means together with what was asked and what the child left behind."""

import signal
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from slipway.platform.jobs.runner.child import Usage
from slipway.platform.jobs.runner.masking import NOTHING, Masks
from slipway.platform.jobs.runner.stopping import Halt
from slipway.platform.runs.records import Cause, Outcome, State
from slipway.platform.runs.workplace import RESUME, Failure, Workplace
from slipway.platform.telling import duration

LAST_WORDS: Final = 4000
"""Characters of the log that stand in for a traceback where the child left none."""
MORE: Final = "Submit it to a target with more memory (`slipway targets`), or lower the batch size."
_BY: Final = {number: (-number, 128 + number) for number in (signal.SIGTERM, signal.SIGKILL)}
"""How a process that was ended by a signal tells it, itself or through torchrun."""


@dataclass(frozen=True)
class Ended:
    """What the runner saw."""

    code: int
    step: int | None
    seconds: float
    usage: Usage
    asked: bool = False
    """Whether a signal asked it to stop."""
    at_once: bool = False
    lost: Exception | None = None
    halted: Halt | None = None
    submitted: bool = False
    memory_killed: bool = False
    """Whether the kernel has ended a process here for want of memory."""
    script: bool = False
    """Whether it knows no steps."""

    @property
    def where(self) -> str:
        """How far it was, a clause."""
        if self.script:
            return f"after {duration(self.seconds)}"
        return f"at step {self.step}" if self.step else "before the first step"

    @property
    def killed(self) -> bool:
        """Whether nothing was left to it to finish what it was writing."""
        return self.at_once or self.memory_killed or self.code in _BY[signal.SIGKILL]

    @property
    def on_request(self) -> bool:
        """Whether it ended the way that what is asked to stop does."""
        return self.at_once or self.code in {RESUME, *_BY[signal.SIGTERM], *_BY[signal.SIGKILL]}


@dataclass(frozen=True)
class Judged:
    """What it means."""

    state: State
    reason: str
    cause: Cause | None
    mend: str = ""
    traceback: str = ""


def outcome_of(ended: Ended, workplace: Workplace, now: datetime, masks: Masks = NOTHING) -> Outcome:
    """The record of it."""
    failure = read_failure(workplace)
    judged = _judged(ended, workplace, failure)
    failed = judged.state is State.FAILED
    told = failure if failed and judged.cause is not Cause.STALLED else None
    words = judged.traceback or (told.traceback if told else last_words(workplace.log))
    return Outcome(
        state=judged.state,
        reason=masks.text(judged.reason),
        cause=judged.cause,
        exit_code=ended.code,
        ended=now,
        seconds=ended.seconds,
        step=told.step if told and told.step is not None else ended.step,
        mend=masks.text(judged.mend or (told.mend if told else "")),
        traceback=masks.text(words) if failed else "",
        samples=told.samples if told else (),
        memory_peak=ended.usage.memory_peak,
        cpu_seconds=ended.usage.cpu_seconds,
    )


def halted_before(halt: Halt | None, *, submitted: bool) -> Judged:
    """It ended on request before there was a child."""
    if halt is not None:
        return Judged(halt.state, halt.reason, halt.cause, halt.mend)
    if submitted:
        return Judged(State.RESUMABLE, "Its place was taken away before it began.", Cause.EVICTED)
    return Judged(State.RESUMABLE, "Stopped on request before it began.", Cause.STOPPED)


def _judged(ended: Ended, workplace: Workplace, failure: Failure | None) -> Judged:
    halt = ended.halted
    if ended.code == 0 and workplace.summary.is_file():
        return Judged(State.DONE, "Done.", None)
    if ended.lost is not None:
        return Judged(State.LOST, str(ended.lost), Cause.LOST)
    if halt is not None and (ended.on_request or halt.state is State.CANCELLED):
        reason = f"{halt.reason.rstrip('.')}, {ended.where}."
        return Judged(halt.state, reason, halt.cause, halt.mend, halt.traceback)
    if ended.asked and ended.on_request:
        return _stopped(ended)
    if ended.memory_killed and (failure is None or _is_memory(failure)):
        return Judged(State.FAILED, f"Out of memory {ended.where}: the kernel ended it.", Cause.OUT_OF_MEMORY, MORE)
    if ended.code == RESUME:
        return Judged(State.RESUMABLE, f"It wants another attempt, {ended.where}.", Cause.EXIT_CODE)
    cause = Cause.OUT_OF_MEMORY if failure is not None and _is_memory(failure) else Cause.EXIT_CODE
    killed = failure is None and ended.code in _BY[signal.SIGKILL]
    return Judged(State.FAILED, failure.error if failure else _silent_end(ended), cause, MORE if killed else "")


def _stopped(ended: Ended) -> Judged:
    """A signal in a job is its place being taken away; where a person waits, it is that person's."""
    if ended.submitted:
        how = " before it had written a checkpoint" if ended.at_once and not ended.script else ""
        reason = f"Its place was taken away {ended.where}{how}."
        return Judged(State.RESUMABLE, reason, Cause.EVICTED)
    how = "Stopped at once" if ended.at_once else "Stopped"
    return Judged(State.RESUMABLE, f"{how} on request {ended.where}.", Cause.STOPPED)


def _is_memory(failure: Failure) -> bool:
    """Whether the error is one of memory, the machine's or a device's."""
    return failure.error.partition(":")[0].rpartition(".")[2].strip() in {"MemoryError", "OutOfMemoryError"}


def _silent_end(ended: Ended) -> str:
    code, step = ended.code, ended.where
    number = -code if code < 0 else code - 128
    if code == 0:
        return "The training ended without a result."
    if number not in {one.value for one in signal.Signals}:
        return f"The training ended with code {code}, {step}."
    name = signal.Signals(number).name
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
