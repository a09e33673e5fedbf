"""What steps take from those before them, and what they tell where there is nothing to take."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from slipway.pipelines.steps.step import Ask, How, Told, Values
from slipway.platform.errors import WrongUse

if TYPE_CHECKING:
    from slipway.pipelines.steps.site import Site
    from slipway.platform.registry.finding import Picked

BY: Final[Mapping[str, str]] = {
    "snapshot": "snapshot",
    "run": "train",
    "bundle": "export",
    "verdict": "gate",
    "version": "register",
}
"""Which step tells a value."""


def needed(given: Values, name: str, step: str) -> str:
    """A value that must be there."""
    if name not in given:
        raise WrongUse(
            f"The step {step} needs `{name}`, which the step {BY[name]} tells.",
            mend="--given takes the values of the steps before, as JSON.",
        )
    return given[name]


def later(given: Values, name: str, step: str) -> Told | None:
    """For a look: not to be said before an earlier step is done; None where it can be said."""
    if name in given:
        return None
    return Told(step=step, how=How.TO_DO, line=f"After {BY[name]}.")


def picked_version(site: "Site", ask: Ask, given: Values) -> "Picked":
    """The version that was registered, as it stands now."""
    from slipway.platform.registry.finding import pick

    return pick(site.desk, f"{ask.model}/{given['version']}")
