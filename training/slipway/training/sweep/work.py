"""The work of one trial on a target: what would be submitted, which attempts are this sweep's, what they cost it."""

from dataclasses import dataclass
from decimal import Decimal

from slipway.platform.jobs.api import Desk
from slipway.platform.jobs.spec import JobSpec
from slipway.platform.jobs.spending import cost_of
from slipway.platform.jobs.submitting.placing import Placement
from slipway.platform.jobs.submitting.planning import Planned
from slipway.platform.jobs.submitting.starting import Request
from slipway.platform.runs.records import AttemptSpec
from slipway.platform.runs.standing import numbers, spec_of
from slipway.platform.store import Store
from slipway.training.sweep.parent import SWEEP


@dataclass(frozen=True)
class Work:
    """What is to be submitted, and for which sweep."""

    sweep: str
    planned: Planned
    request: Request
    placement: Placement
    retry: bool = False
    """Whether what failed in this sweep before is tried again."""

    @property
    def key(self) -> str:
        """The run key."""
        return self.planned.key

    def is_ours(self, spec: AttemptSpec | None) -> bool:
        """Whether this sweep made the attempt."""
        return spec is not None and spec.tags.get(SWEEP) == self.sweep

    def job(self, desk: Desk) -> JobSpec:
        """As it would be submitted."""
        settings = desk.loaded.settings
        return self.placement.on(self.planned.job(), settings, settings.targets[self.placement.target])

    def cost(self, store: Store, job: JobSpec) -> Decimal:
        """What this sweep's attempts at it have cost so far."""
        specs = ((number, spec_of(store, self.key, number)) for number in numbers(store, self.key))
        mine = (number for number, spec in specs if self.is_ours(spec) and spec and spec.job)
        return sum((cost_of(store, job, number) for number in mine), Decimal(0))
