"""Where a job runs and what it may use there: checked against the target, and written into the job.

Nothing of this changes the work or its key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.errors import WrongUse
from slipway.platform.jobs.spec import HOUR, JobSpec, Limits, Price
from slipway.platform.jobs.targets import check_request

if TYPE_CHECKING:
    from slipway.platform.settings import Settings
    from slipway.platform.settings.schema import Target

GIB: Final = 1024**3


@dataclass(frozen=True, kw_only=True)
class Placement:
    """What is asked of a target."""

    target: str
    nodes: int = 1
    budget: Decimal | None = None
    """In the target's currency, for all attempts together."""
    secrets: Sequence[str] = ()

    def checked(self, settings: "Settings", config: Mapping[str, Any]) -> "Target":
        """The target, when it can run work with this config."""
        trainer = config.get("trainer", {})
        processes = int(trainer.get("processes", 1))
        target = check_request(self.target, settings, nodes=self.nodes, processes=processes, secrets=self.secrets)
        if self.budget is not None and not (self.budget.is_finite() and self.budget > 0):
            raise WrongUse(f"A budget of {self.budget} was given; expected more than nothing.", mend="--budget 5")
        if self.budget is not None and not target.price_per_hour:
            raise WrongUse(
                f"`{self.target}` has no price, so a budget would never be used up.",
                mend=f"Set `targets.{self.target}.price_per_hour`, or leave --budget out.",
            )
        self._check_devices(target, processes, str(trainer.get("accelerator", "cpu")))
        return target

    def _check_devices(self, target: "Target", processes: int, accelerator: str) -> None:
        here = processes // self.nodes
        if accelerator != "cpu" and not target.gpus:
            raise WrongUse(
                f"trainer.accelerator is `{accelerator}`, and a node of `{self.target}` has no GPU.",
                mend=f"trainer.accelerator=cpu, another target, or `targets.{self.target}.gpus`.",
            )
        if accelerator != "cpu" and here > target.gpus:
            raise WrongUse(
                f"{here} processes on each node want a GPU each; a node of `{self.target}` has {target.gpus}.",
                mend=f"trainer.processes={target.gpus * self.nodes}, or more nodes.",
            )

    def on(self, job: JobSpec, settings: "Settings", target: "Target") -> JobSpec:
        """The job as it is to run there."""
        return job.model_copy(
            update={
                "target": self.target,
                "nodes": self.nodes,
                "gpus": target.gpus,
                "price": Price(per_hour=target.price_per_hour, currency=target.currency),
                "limits": limits_of(settings, target, self.budget),
                "secrets": tuple(self.secrets),
            }
        )


def limits_of(settings: "Settings", target: "Target", budget: Decimal | None) -> Limits:
    """Where a job on this target is stopped, and how often it is taken up again."""
    jobs = settings.jobs
    return Limits(
        budget=budget,
        deadline_seconds=target.deadline_hours * HOUR if target.deadline_hours else None,
        silence_seconds=jobs.silence_seconds,
        stall_seconds=jobs.stall_seconds,
        grace_seconds=jobs.grace_seconds,
        memory_bytes=int(target.memory_gib * GIB) if target.memory_gib else None,
        retries=jobs.retries,
    )
