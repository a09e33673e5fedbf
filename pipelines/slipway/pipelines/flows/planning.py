"""What a flow would do, and why: each step looks, and nothing is changed.

Behind the first step that has something to do not everything can be said: what a run's bundle will be worth is known
when it is there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from slipway.pipelines.flows.running import TROUBLE
from slipway.pipelines.flows.table import CAUSE, TRAIN, steps_of
from slipway.pipelines.steps.step import ASKED, SCHEDULE, Ask, How, Told, Values
from slipway.pipelines.steps.table import step_named
from slipway.platform.cli.failure import failure_of

if TYPE_CHECKING:
    from slipway.pipelines.steps.site import Site


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What running a flow would find and do."""

    flow: str
    ask: Ask
    told: Sequence[Told] = ()
    error: Exception | None = None
    """Why it could not be said to the end."""
    unasked: str = ""
    """What it would do where nobody asks: retrain for a cause, or not, and why."""

    @property
    def next(self) -> Told | None:
        """The first step with something to do, or to wait for."""
        return next((one for one in self.told if not one.how.goes_on), None)

    @property
    def line(self) -> str:
        """In a sentence; of the step that `next` names, where there is one."""
        if self.error is not None:
            return f"It would fail: {failure_of(self.error).message}"
        if skipped := next((one for one in self.told if one.how is How.SKIPPED), None):
            return skipped.line
        return self.next.line if self.next else "Nothing would be done: everything is there."

    @property
    def price(self) -> tuple[Decimal, str] | None:
        """What it would cost at most, as far as earlier runs tell."""
        found = next((one for one in self.told if one.how is How.TO_DO and one.cost is not None), None)
        return (found.cost, found.currency) if found and found.cost is not None else None


def plan(site: "Site", flow: str, ask: Ask) -> Outlook:
    """Look at each step."""
    outlook = Outlook(flow=flow, ask=ask)
    values: Values = {}
    for name in steps_of(flow, ask.cause):
        try:
            told = step_named(name).look(site, ask, values)
        except TROUBLE as error:
            return replace(outlook, error=error)
        values = {**values, **told.values}
        outlook = replace(outlook, told=(*outlook.told, told))
        if told.how in (How.REFUSED, How.SKIPPED):
            break
    return replace(outlook, unasked=_unasked(site, outlook, values))


def _unasked(site: "Site", outlook: Outlook, values: Values) -> str:
    """Why it would be trained, or not, when its time came; nothing where that was the question, or it is trained."""
    trains = any(one.step == TRAIN and one.how is How.TO_DO for one in outlook.told)
    if outlook.ask.cause != ASKED or not trains:
        return ""
    try:
        return step_named(CAUSE).look(site, replace(outlook.ask, cause=SCHEDULE), values).line
    except TROUBLE as error:
        return f"nobody can say: {failure_of(error).message}"
