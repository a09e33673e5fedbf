"""What work has cost: by the target's price, for as long as its nodes were held.

An attempt that could not say so itself is charged from its beginning to its last sign of life, by the store's clock.
"""

from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

from slipway.platform.jobs.spec import JobSpec
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.records import Outcome
from slipway.platform.runs.standing import numbers
from slipway.platform.store import ObjectMissing, Store


@dataclass(frozen=True)
class Charge:
    """What so many seconds of a job come to."""

    gpu_seconds: float = 0.0
    """Devices times seconds, over all nodes."""
    cost: Decimal = Decimal(0)
    currency: str = ""

    @classmethod
    def of(cls, job: JobSpec, seconds: float) -> "Charge":
        """By the job's price."""
        cost = job.price.of(seconds, job.nodes)
        return cls(round(job.gpus * job.nodes * seconds, 3), cost, job.price.currency)

    def on(self, outcome: Outcome) -> Outcome:
        """The outcome that says so."""
        return outcome.model_copy(
            update={"gpu_seconds": self.gpu_seconds, "cost": self.cost, "currency": self.currency}
        )


def spent(store: Store, job: JobSpec, *, before: int | None = None) -> Decimal:
    """What the attempts at a job's work have cost so far; with `before` only those with a smaller number."""
    return sum(
        (cost_of(store, job, number) for number in numbers(store, job.key) if before is None or number < before),
        Decimal(0),
    )


def cost_of(store: Store, job: JobSpec, number: int) -> Decimal:
    """What one attempt at a job's work has cost so far, in the currency of the job's price."""
    outcome = Outcome.load(store, WorkKeys(job.key).attempt(number).outcome)
    if outcome is not None and outcome.currency:
        return outcome.cost if outcome.currency == job.price.currency else Decimal(0)
    if outcome is not None and outcome.seconds:
        return job.price.of(outcome.seconds, job.nodes)
    return job.price.of(lived(store, job.key, number), job.nodes)


def lived(store: Store, key: str, number: int) -> float:
    """Seconds from an attempt's beginning to its last sign of life; 0 where it never began."""
    keys = WorkKeys(key).attempt(number)
    for first in (keys.begun, keys.spec):
        with suppress(ObjectMissing):
            silent = store.age(keys.heartbeat)  # asked first: what passes between the two questions is charged
            return max(0.0, (store.age(first) - silent).total_seconds())
    return 0.0
