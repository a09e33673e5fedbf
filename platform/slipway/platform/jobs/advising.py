"""What a person may do about work that has ended without a result, with the commands, and from where it would go on.

A pure function of what the record says. What is under way or done needs no advice.
"""

from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from typing import Final

from slipway.platform.jobs.runner.checkpoints import Found, told
from slipway.platform.jobs.spec import JobSpec
from slipway.platform.runs.entries import GOES_ON
from slipway.platform.runs.records import Cause, State
from slipway.platform.runs.standing import Standing

CENT: Final = Decimal("0.01")
TRAINING: Final = "train"
"""The kind of work that `slipway debug` knows; of a script, or of what is made of a training, it knows nothing."""
OWN_COMMANDS: Final = frozenset({TRAINING, "export"})
"""Kinds of work that are called after their command."""


@dataclass(frozen=True)
class Known:
    """What the advice goes by."""

    now: Standing
    job: JobSpec | None
    checkpoint: Found | None
    """What it would go on from."""
    looked_after: bool
    """Whether somebody has to do what comes next for it."""
    spent: Decimal = Decimal(0)


def advice(known: Known) -> str:
    """One or more sentences, or nothing."""
    now = known.now
    if now.spec is None or now.state is None or now.under_way or now.result is not None:
        return ""
    goes_on = now.outcome is None or now.outcome.cause in GOES_ON
    if known.job is not None and known.looked_after and goes_on:
        return f"Whoever waits for it, or `slipway jobs reconcile`, takes it up again {_from(known)}."
    sentences = [now.outcome.mend if now.outcome and now.state is State.FAILED else ""]
    if now.state is State.FAILED and known.job is not None and now.spec.kind == TRAINING:
        sentences.append(f"`slipway debug {now.spec.name}` restores what it had.")
    sentences.append(f"{_again(known)} {_from(known)}.")
    return " ".join(filter(None, sentences))


def _again(known: Known) -> str:
    """The command, as the beginning of a sentence."""
    now, job = known.now, known.job
    if job is None or now.spec is None:
        kind = now.spec.kind if now.spec else TRAINING
        return f"Starting the same {f'`slipway {kind}`' if kind in OWN_COMMANDS else 'work'} goes on"
    command = f"slipway rerun {now.spec.name}"
    budget = job.limits.budget
    if budget is not None and (known.spent >= budget or (now.outcome and now.outcome.cause is Cause.BUDGET)):
        command += f" --budget {(known.spent + budget).quantize(CENT, ROUND_UP)}"
    return f"`{command}` goes on"


def _from(known: Known) -> str:
    found = known.checkpoint
    if found is None or known.job is None:
        return "from its last checkpoint" if found else "from the beginning: there is no checkpoint"
    return f"from {told(known.job, found)}"
