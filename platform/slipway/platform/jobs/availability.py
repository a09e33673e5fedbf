"""What targets there are, and what can be expected of each now: price, devices, what is free, how long one waits."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.errors import SlipwayError
from slipway.platform.jobs.forecasting import typical_wait
from slipway.platform.jobs.launchers.contract import Capacity, Launcher
from slipway.platform.settings.schema import Target
from slipway.platform.store import Store

if TYPE_CHECKING:
    from slipway.platform.settings import Settings

_PARALLEL: Final = 8


@dataclass(frozen=True)
class Available:
    """A target, as it is now."""

    name: str
    target: Target
    capacity: Capacity
    wait: float | None = None
    """Seconds, the median of the latest runs there."""

    @property
    def devices(self) -> str:
        """Of one node."""
        kind = accelerator_of(self.target)
        return f"{self.target.gpus} x {kind}" if self.target.gpus else kind

    def as_data(self) -> dict[str, Any]:
        """For scripts."""
        target = self.target
        return {
            "name": self.name,
            "launcher": target.launcher,
            "accelerator": target.accelerator,
            "gpus": target.gpus,
            "spot": target.spot,
            "price_per_hour": str(target.price_per_hour),
            "currency": target.currency,
            "max_nodes": target.max_nodes,
            "free_nodes": self.capacity.nodes,
            "free": self.capacity.words,
            "typical_wait_seconds": self.wait,
            "secrets": sorted(target.secrets),
        }


def accelerator_of(target: Target) -> str:
    """What a run there computes with, as its key says it."""
    return "gpu" if target.accelerator == "cpu" and target.gpus else target.accelerator


def available(settings: "Settings", store: Store, open_launcher: Callable[[str], Launcher]) -> list[Available]:
    """All targets of this context; one whose launcher does not answer says so."""

    def ask(name: str) -> Available:
        target = settings.targets[name]
        try:
            capacity = open_launcher(name).capacity(name)
        except SlipwayError as error:
            capacity = Capacity(None, str(error))
        return Available(name, target, capacity, typical_wait(store, name))

    with ThreadPoolExecutor(_PARALLEL) as pool:
        return list(pool.map(ask, sorted(settings.targets)))
