"""Running a flow: its steps one after the other, each doing what is not there yet, until one does not go on.

Nothing is kept between two runs of a flow but what the steps keep: the same command again finds what is done, attaches
to what is under way and goes on behind it. A step that waits for a person, was refused, or is not needed, ends the flow
there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Protocol

from slipway.pipelines.flows.table import steps_of
from slipway.pipelines.steps.step import Ask, How, Step, Told, Values
from slipway.pipelines.steps.table import step_named
from slipway.pipelines.steps.work import LeftRunning
from slipway.platform.cli.failure import failure_of
from slipway.platform.errors import SlipwayError
from slipway.serving.errors import SlipwayError as ServingError

if TYPE_CHECKING:
    from slipway.pipelines.steps.site import Site

TROUBLE: Final = (SlipwayError, ServingError, OSError)
"""What a step fails with; anything else is a bug."""


class Display(Protocol):
    """Who looks on."""

    def begin(self, step: str) -> None:
        """A step begins."""

    def note(self, line: str) -> None:
        """What happens in it."""

    def end(self, told: Told) -> None:
        """How it went."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What came of a flow."""

    flow: str
    ask: Ask
    told: Sequence[Told] = ()
    """Of each step that was done, in their order."""
    left: Sequence[str] = ()
    """Steps that were not come to."""
    error: Exception | None = None
    """What the last step failed with."""
    interrupted: bool = False
    values: Values = field(default_factory=dict)

    @property
    def last(self) -> Told:
        """How the flow ended."""
        return self.told[-1]

    @property
    def nothing_done(self) -> bool:
        """Whether all was there already, or not needed."""
        return not self.error and all(one.how in (How.FOUND, How.SKIPPED) for one in self.told)

    @property
    def costs(self) -> Mapping[str, Decimal]:
        """What it spent now, by currency."""
        found: dict[str, Decimal] = {}
        for one in self.told:
            if one.cost:
                found[one.currency] = found.get(one.currency, Decimal(0)) + one.cost
        return found

    @property
    def seconds(self) -> float:
        """How long its steps took."""
        return sum(one.seconds for one in self.told)


def run(site: "Site", flow: str, ask: Ask, display: Display) -> Ran:
    """Do what is not there yet."""
    names = steps_of(flow, ask.cause)
    ran = Ran(flow=flow, ask=ask, left=names)
    for place, name in enumerate(names):
        display.begin(name)
        told, error, interrupted = _done(step_named(name), site, ask, ran.values, display)
        if error is None:
            display.end(told)
        values = {**ran.values, **told.values}
        ran = replace(
            ran, told=(*ran.told, told), left=names[place + 1 :], error=error, interrupted=interrupted, values=values
        )
        if error or not told.how.goes_on or told.how is How.SKIPPED:
            break
    return ran


def _done(step: Step, site: "Site", ask: Ask, values: Values, display: Display) -> tuple[Told, Exception | None, bool]:
    """How the step went, what it failed with, and whether somebody stopped looking on."""
    try:
        return step.do(site, ask, values, display.note), None, False
    except LeftRunning as left:
        told = Told(
            step=step.name,
            how=How.UNDER_WAY,
            line=f"{left.name} goes on; the same command looks on again.",
            links={"end it": f"slipway cancel {left.name}"} if left.key else {},
            work=left.key,
        )
        return told, None, True
    except KeyboardInterrupt:
        line = "Interrupted. What is done stays done: the same command goes on from there."
        return Told(step=step.name, how=How.TO_DO, line=line), None, True
    except TROUBLE as error:
        return Told(step=step.name, how=How.TO_DO, line=failure_of(error).message), error, False
