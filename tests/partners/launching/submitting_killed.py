"""Submits work to a cluster, and is killed around an effect: `python submitting_killed.py ROOT SNAPSHOT FROM TARGET`.

For each number from FROM on a child process submits work of its own, for two nodes, and is killed at the effect of that
number, until one is not killed any more; each prints its number, whether it was killed, and at which effect.
"""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from overseen.office import join_office
from overseen.submitting_killed import Fuse, FusedStore, kill_at_each
from slipway.platform.jobs.launchers.kubernetes.client import Cluster, Table
from slipway.platform.jobs.launchers.kubernetes.connecting import connect
from slipway.platform.jobs.launchers.kubernetes.launcher import KubernetesLauncher
from slipway.platform.jobs.launchers.kubernetes.rights import Resource

if TYPE_CHECKING:
    from slipway.platform.store import Store


class FusedCluster:
    """A cluster whose user is killed around what it creates."""

    def __init__(self, cluster: Cluster, fuse: Fuse) -> None:
        self._cluster, self._fuse = cluster, fuse

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    def create(self, resource: Resource, manifest: Table) -> Table:
        self._fuse.burn(f"before create {resource.plural}")
        created = self._cluster.create(resource, manifest)
        self._fuse.burn(f"behind create {resource.plural}")
        return created


def submit(root: Path, snapshot: str, target: str, number: int, report: int) -> None:
    """One child's submission."""
    fuse = Fuse(number, report)
    office = join_office(root, snapshot, lambda store: cast("Store", FusedStore(store, fuse)))
    loaded = office.project.loaded

    def opened() -> Cluster:
        return cast("Cluster", FusedCluster(connect(loaded.settings.kubernetes), fuse))

    work = office.project.work(f"killed-{number}", nodes=2, processes=2)
    launcher = KubernetesLauncher(loaded, open_cluster=opened)
    office.submit(work, target=target, nodes=2, launchers=lambda _: launcher)


if __name__ == "__main__":
    kill_at_each(partial(submit, Path(sys.argv[1]), sys.argv[2], sys.argv[4]), int(sys.argv[3]))
