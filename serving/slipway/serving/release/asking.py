"""What people ask for, held against what a pointer can say, before anything is decided."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from slipway.platform.errors import WrongUse
from slipway.platform.models.finder import installed_models
from slipway.serving.channel.pointer import Sampling, Wave
from slipway.serving.release.plan import FORM, Plan, span_in
from slipway.serving.release.rollouts import NO_MINIMUM

EVERYBODY: Final = 100.0
PLAN_FILE: Final = "rollout.yaml"
"""The plan of a model, in its folder."""


def wave_asked(share: float | None, cohort: str | None) -> Wave:
    """A wave in the words of a command."""
    try:
        return Wave(share=EVERYBODY if share is None else share, cohort=cohort)
    except ValidationError as error:
        where = str(error.errors()[0]["loc"][0])
        said = f"`{cohort}` is no name of a cohort" if where == "cohort" else f"{share} is no share in per cent"
        raise WrongUse(
            f"{said}.",
            mend="A cohort is written in lower-case letters, digits and `-`; a share lies between 0 and 100.",
        ) from None


def sampling_asked(share: float, below: float | None, above: float | None, per_day: int) -> Sampling:
    """A policy of samples in the words of a command; the share is in per cent."""
    if per_day and not share and below is None and above is None:
        raise WrongUse(
            f"--per-day {per_day} says how many pictures, and nothing says which.",
            mend="Add --share, --confidence-below or --novelty-above; --per-day 0 is for none.",
        )
    try:
        return Sampling(share=share / 100, confidence_below=below, novelty_above=above, per_day=per_day)
    except ValidationError as error:
        detail = error.errors()[0]
        name = str(detail["loc"][0]).replace("_", "-")
        raise WrongUse(
            f"--{name}: {detail['msg']}.", mend="`slipway rollout sample --help` shows the ranges."
        ) from None


def agent_asked(version: str = NO_MINIMUM) -> str:
    """A version of the agent."""
    parts = version.split(".")
    if len(parts) == 3 and all(part.isascii() and part.isdecimal() and len(part) < 5 for part in parts):  # noqa: PLR2004
        return version
    raise WrongUse(f"`{version}` is no version of an agent.", mend="Write three numbers, such as 0.2.0.")


def plan_asked(model: str, file: Path | None, *, usual: Path | None, by_hand: bool, said: bool) -> Plan | None:
    """The plan in this file, else the one in the model's folder, else the `usual` one of the settings.

    None where a person leads it by hand. `said` is whether somebody named a wave, which a plan has its own word for.
    """
    if file is not None and (by_hand or said):
        raise WrongUse("A plan says its waves itself.", mend="Leave out --by-hand, --share and --cohort, or --plan.")
    found = None if by_hand else file or _own_plan(model) or usual
    if found is None:
        return None
    if said:
        raise WrongUse(
            f"{model} has a plan, which says its waves itself: {found}.",
            mend="Leave out --share and --cohort, or lead it yourself: --by-hand.",
        )
    return FORM.read(found)


def _own_plan(model: str) -> Path | None:
    there = installed_models().get(model)
    own = there.folder / PLAN_FILE if there else None
    return own if own is not None and own.exists() else None


def until_asked(given: str, now: datetime) -> datetime:
    """A moment in the words of a command: a time with its zone, or how long from now on."""
    try:
        return (now + span_in(given)).replace(microsecond=0)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(given)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    tomorrow = (now + timedelta(days=1)).replace(hour=8, minute=0, second=0, microsecond=0)
    raise WrongUse(
        f"`{given}` is no moment with its zone, and no span of time.",
        mend=f"Such as {tomorrow.isoformat()}, or 30m, 24h or 7d from now on.",
    )
