"""Named places to run jobs: finding one, and refusing what it could not run before anything is written."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from slipway.platform.errors import WrongUse
from slipway.platform.names import suggestion

if TYPE_CHECKING:
    from slipway.platform.settings import Settings
    from slipway.platform.settings.schema import Target


def named_target(name: str, settings: "Settings") -> "Target":
    """The target that is called so."""
    target = settings.targets.get(name)
    if target is None:
        names = ", ".join(f"`{one}`" for one in sorted(settings.targets))
        raise WrongUse(
            f"There is no target `{name}`; this context has {names or 'none'}.",
            mend=f"{suggestion(name, settings.targets)} A new one is a table [contexts.NAME.targets.{name}].",
        )
    return target


def check_request(
    name: str,
    settings: "Settings",
    *,
    nodes: int = 1,
    processes: int = 1,
    secrets: Sequence[str] = (),
    devices: Callable[[], int] | None = None,
) -> "Target":
    """The target, when it can run a job of so many nodes and processes with these secrets."""
    from slipway.platform.jobs.launchers.local_secrets import check_known, read_secrets

    target = named_target(name, settings)
    check_nodes(name, target, nodes)
    _check_shares(nodes, processes)
    check_known(secrets, name, target)
    if target.launcher == "local":
        read_secrets(secrets, name, target, settings.jobs.secrets)
        _check_devices(name, target, nodes, devices)
    return target


def check_nodes(name: str, target: "Target", nodes: int) -> None:
    """Refuse more nodes than a job there may have."""
    if nodes < 1:
        raise WrongUse(f"{nodes} nodes were asked for; expected one or more.", mend="--nodes 1")
    if nodes > target.max_nodes:
        raise WrongUse(
            f"{nodes} nodes were asked for; a job on `{name}` has {target.max_nodes} at most.",
            mend=f"Ask for fewer, or raise `targets.{name}.max_nodes`.",
        )


def _check_shares(nodes: int, processes: int) -> None:
    if processes % nodes:
        raise WrongUse(
            f"{processes} processes cannot be shared equally among {nodes} nodes.",
            mend=f"trainer.processes={max(nodes, processes - processes % nodes)}, or another number of nodes.",
        )


def _check_devices(name: str, target: "Target", nodes: int, devices: Callable[[], int] | None) -> None:
    from slipway.platform.jobs.launchers.local_capacity import gpus_here

    needed = target.gpus * nodes
    found = (devices or gpus_here)() if needed else 0
    if found < needed:
        raise WrongUse(
            f"{nodes} nodes on `{name}` need {needed} GPUs together; this machine has {found}.",
            mend=f"Ask for fewer nodes, or set `targets.{name}.gpus` to what there is.",
        )
