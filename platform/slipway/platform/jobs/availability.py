"""What targets there are, and what can be expected of each now: price, devices, what is free, how long one waits."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.errors import SlipwayError
from slipway.platform.jobs.launchers.contract import Capacity
from slipway.platform.jobs.launchers.opening import open_launcher
from slipway.platform.jobs.submitting.forecasting import typical_wait
from slipway.platform.settings.schema import Target
from slipway.platform.store import Store, StoreError, open_store

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

_PARALLEL: Final = 8


@dataclass(frozen=True)
class Available:
    """A target, as it is now."""

    name: str
    target: Target
    capacity: Capacity
    wait: float | None = None
    """Seconds, the median of the latest runs there; None without any, or where the store cannot be asked."""
    troubles: tuple[str, ...] = ()
    """Why the launcher or the store could not be asked, each in a sentence."""
    stored: bool = True
    """Whether the store could be asked."""

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
            "troubles": list(self.troubles),
        }


def accelerator_of(target: Target) -> str:
    """What a run there computes with, as its key says it."""
    return "gpu" if target.accelerator == "cpu" and target.gpus else target.accelerator


def available(loaded: "Loaded") -> list[Available]:
    """All targets of this context. What needs a launcher or a store that cannot be asked is unknown, and it says so."""
    settings = loaded.settings
    try:
        store, away = open_store(settings.store, settings.s3), ""
    except StoreError as error:
        store, away = None, str(error)

    def ask(name: str) -> Available:
        capacity, trouble = _capacity(name, loaded, store)
        wait, silent = _wait(name, store)
        troubles = tuple(filter(None, (trouble, away, silent)))
        return Available(name, settings.targets[name], capacity, wait, troubles, stored=not (away or silent))

    with ThreadPoolExecutor(_PARALLEL) as pool:
        return list(pool.map(ask, sorted(settings.targets)))


def _capacity(name: str, loaded: "Loaded", store: Store | None) -> tuple[Capacity, str]:
    """What is free now, or why that is unknown."""
    try:
        if loaded.settings.targets[name].launcher == "kubernetes":
            from slipway.platform.jobs.launchers.kubernetes.launcher import KubernetesLauncher

            return KubernetesLauncher(loaded).capacity(name), ""
        if store is not None:
            return open_launcher(name, loaded, store).capacity(name), ""
    except SlipwayError as error:
        return Capacity(None, ""), f"{name}: {error}"
    return Capacity(None, ""), ""


def _wait(name: str, store: Store | None) -> tuple[float | None, str]:
    """How long one typically waits, or why that is unknown."""
    try:
        return (typical_wait(store, name) if store is not None else None), ""
    except StoreError as error:
        return None, str(error)
