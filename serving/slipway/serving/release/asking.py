"""What people ask for, held against what a pointer can say, before anything is decided."""

from pydantic import ValidationError

from slipway.platform.errors import WrongUse
from slipway.serving.channel.pointer import Sampling, Wave
from slipway.serving.release.rollouts import NO_MINIMUM

EVERYBODY = 100.0


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
