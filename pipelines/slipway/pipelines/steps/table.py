"""Which steps there are. A step's module is imported when it is asked for; each has its step as `STEP`."""

from importlib import import_module
from typing import Final

from slipway.pipelines.steps.step import Step
from slipway.platform.errors import WrongUse
from slipway.platform.names import suggestion

STEPS: Final = (
    "cause",
    "snapshot",
    "validate",
    "train",
    "export",
    "gate",
    "register",
    "approve",
    "promote",
    "rollout",
    "watch",
    "ingest",
)


def step_named(name: str) -> Step:
    """The step of that name."""
    if name not in STEPS:
        raise WrongUse(f"There is no step `{name}`.", mend=suggestion(name, STEPS))
    found: Step = import_module(f"slipway.pipelines.steps.{name}").STEP
    return found
