"""Airflow's pools: one for each target, so that flows of many models do not all train in one place at once.

A task that trains stays in its pool from its start to the end of its work, also while it waits for it. A pool that is
not there lets no task run, so make them before the DAGs: `slipway flow pools > pools.json`, `airflow pools import
pools.json`.
"""

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from slipway.platform.settings.schema import Settings

PREFIX: Final = "slipway-"


def pool_of(target: str) -> str:
    """The pool of a target."""
    return f"{PREFIX}{target}"


def pools_of(settings: "Settings") -> dict[str, dict[str, Any]]:
    """All pools, as `airflow pools import` reads them."""
    return {
        pool_of(name): {
            "slots": target.slots,
            "description": f"Training on the target {name}",
            "include_deferred": True,
        }
        for name, target in settings.targets.items()
    }
