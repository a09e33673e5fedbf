"""What work will probably take and cost, and how long a target lets one wait, by what earlier runs did.

A run of the same model counts by what it needed to start, and its nodes for an epoch; the range is that of the latest.
It is a range of experience and no promise.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.jobs.advising import TRAINING
from slipway.platform.jobs.spec import JobSpec, Price
from slipway.platform.runs import index
from slipway.platform.runs.entries import Entry
from slipway.platform.runs.records import State
from slipway.platform.store import Store
from slipway.platform.telling import duration, money

if TYPE_CHECKING:
    from slipway.platform.jobs.submitting.placing import Placement
    from slipway.platform.jobs.submitting.planning import Planned
    from slipway.platform.settings import Settings

LATEST: Final = 20


@dataclass(frozen=True)
class Forecast:
    """What is to be expected."""

    runs: int
    """How many it goes by; none means that nothing can be said."""
    target: str = ""
    """Where those ran; empty for several places."""
    low: float = 0.0
    """Seconds."""
    high: float = 0.0
    price: Price = field(default_factory=Price)
    nodes: int = 1
    scaled: bool = False
    """Whether some of those had another number of nodes."""

    @property
    def costs(self) -> tuple[Decimal, Decimal]:
        """The range, in the price's currency."""
        return self.price.of(self.low, self.nodes), self.price.of(self.high, self.nodes)

    def told(self) -> str:
        """For a person, before anything is started."""
        hourly = self.price.per_hour * self.nodes
        rate = f"{money(hourly, self.price.currency)} an hour" if hourly else "free"
        if not self.runs:
            return f"{rate}; no run of this model has ended yet to go by" if hourly else rate
        by = f"by {self.runs} run{'s' if self.runs > 1 else ''}{f' on {self.target}' if self.target else ' elsewhere'}"
        by += ", some with another number of nodes" if self.scaled else ""
        span = _span(duration(self.low), duration(self.high))
        if not hourly:
            return f"{rate}; {span}, {by}"
        currency = self.price.currency
        low, high = (money(one, "") for one in self.costs)
        costs = _span(f"{currency} {low}", high) if low != high else f"about {currency} {low}"
        return f"{costs} ({span}, {by})"

    def told_budget(self, budget: Decimal | None) -> str:
        """A warning about a budget that earlier runs would have used up, or nothing."""
        if budget is None or not self.runs or budget >= self.costs[0]:
            return ""
        least = money(self.costs[0], self.price.currency)
        return (
            f"A budget of {money(budget, self.price.currency)} is less than the {least} that it takes by earlier runs: "
            "it will probably be stopped before it is done."
        )

    def as_data(self) -> dict[str, Any]:
        """For scripts."""
        low, high = self.costs
        known = bool(self.runs)
        return {
            "runs": self.runs,
            "seconds": [round(self.low, 3), round(self.high, 3)] if known else None,
            "cost": [str(round(low, 4)), str(round(high, 4))] if known else None,
            "currency": self.price.currency,
            "per_hour": str(self.price.per_hour * self.nodes),
        }


def forecast(
    store: Store, model: str, *, target: str, nodes: int, epochs: int, price: Price, kind: str = TRAINING
) -> Forecast:
    """By runs of the model that are done, on this target if there are any; work of another kind says nothing."""
    alike = (one for one in index.entries(store, model=model) if one.kind == kind)
    done = [one for one in islice(alike, LATEST * 5) if one.state is State.DONE]
    there = [one for one in done if one.target == target][:LATEST]
    counted = there or done[:LATEST]
    seconds = [_scaled(one, nodes, epochs) for one in counted if one.seconds]
    if not seconds:
        return Forecast(0, price=price, nodes=nodes)
    scaled = any(one.nodes != nodes for one in counted)
    return Forecast(len(seconds), target if there else "", min(seconds), max(seconds), price, nodes, scaled)


def forecast_for(store: Store, job: JobSpec) -> Forecast:
    """The same for a job."""
    epochs = int(job.config.get("trainer", {}).get("max_epochs", 0))
    return forecast(store, job.model, target=job.target, nodes=job.nodes, epochs=epochs, price=job.price, kind=job.kind)


def forecast_on(store: Store, planned: "Planned", placement: "Placement", settings: "Settings") -> Forecast:
    """The same of work that has not been submitted yet."""
    target = settings.targets[placement.target]
    return forecast_for(store, placement.on(planned.job(), settings, target))


def typical_wait(store: Store, target: str) -> float | None:
    """Seconds between asking and beginning, the median of the latest runs there; None without any."""
    waited = [one.waited for one in islice(index.entries(store, target=target), LATEST) if one.waited is not None]
    return median(waited) if waited else None


def _scaled(entry: Entry, nodes: int, epochs: int) -> float:
    """What is done once for each run stays; the work goes with epochs and nodes, where they are known."""
    longer = epochs / entry.epochs if epochs and entry.epochs else 1.0
    once = max(0.0, entry.seconds - entry.working)
    return once + min(entry.working, entry.seconds) * longer * entry.nodes / nodes


def _span(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"
