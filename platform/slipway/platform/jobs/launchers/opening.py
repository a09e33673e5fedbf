"""The launcher of a target."""

from typing import TYPE_CHECKING

from slipway.platform.jobs.launchers.contract import Launcher
from slipway.platform.jobs.targets import named_target
from slipway.platform.store import Store

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded


def open_launcher(target: str, loaded: "Loaded", store: Store) -> Launcher:
    """What runs the jobs of a target; asks nobody yet."""
    if named_target(target, loaded.settings).launcher == "kubernetes":
        from slipway.platform.jobs.launchers.kubernetes.launcher import KubernetesLauncher

        return KubernetesLauncher(loaded)
    from slipway.platform.jobs.launchers.local import LocalLauncher

    return LocalLauncher(loaded, store)
