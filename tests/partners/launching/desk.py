"""A cluster in this process, launchers for it with exactly their rights, and a stand-in for the runner in its pods."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster import Cluster, Image, Node
from slipway.platform.jobs.launchers.contract import (
    Assignment,
    Phase,
    Status,
)
from slipway.platform.jobs.launchers.kubernetes.client import Patience
from slipway.platform.jobs.launchers.kubernetes.connecting import connect
from slipway.platform.jobs.launchers.kubernetes.launcher import KubernetesLauncher
from slipway.platform.jobs.launchers.kubernetes.rights import QUEUE_RIGHTS, RIGHTS, Right
from slipway.platform.jobs.spec import Limits
from slipway.platform.settings import Loaded, Settings
from slipway.platform.settings.load import SettingsFile

UNTIL_ASKED = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))
print('begun', flush=True)
signal.pause()
"""
STUBBORN = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('begun', flush=True)
while True:
    signal.pause()
"""
PATIENT = Patience(pauses=(0.01, 0.01, 0.01))
HASTY = Patience(read=0.2, pauses=(0.01,))
MACHINES = ("gpu-1", "node-a", "node-b")
PATIENCE = 30.0
SHORT = Limits(grace_seconds=0.1)
STAND_IN = Path(__file__).with_name("runner_stand_in.py")


def rules(*rights: Right) -> list[dict[str, Any]]:
    return [{"apiGroups": [one.resource.group], "resources": [one.named], "verbs": [one.verb]} for one in rights]


@dataclass
class Desk:
    """A cluster, a launcher for it, and what its pods are to do."""

    cluster: Cluster
    settings: Settings
    root: Path
    plan: Path

    def launcher(self, kubeconfig: Path | None = None, patience: Patience = PATIENT) -> KubernetesLauncher:
        settings = self.settings
        if kubeconfig is not None:
            kubernetes = settings.kubernetes.model_copy(update={"kubeconfig": kubeconfig})
            settings = settings.model_copy(update={"kubernetes": kubernetes})
        loaded = Loaded(settings, "test", "the test", self.root, SettingsFile(None, None, {}, {}), {})
        return KubernetesLauncher(loaded, open_cluster=lambda: connect(settings.kubernetes, patience))

    def wait(self, launcher: KubernetesLauncher, assignment: Assignment, *phases: Phase) -> Status:
        found: list[Status] = []

        def reached() -> bool:
            found.append(launcher.status(assignment))
            return found[-1].phase in phases

        self.until(reached, f"{phases}")
        return found[-1]

    def until(self, true: Callable[[], object], what: str) -> None:
        """Ask again and again; the cluster's own waiting must not ask its server."""
        end = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < end, f"still not: {what}"
            time.sleep(0.02)

    def pod(self, node: int = 0) -> str:
        named: list[str] = [one["metadata"]["name"] for one in self.cluster.things("pods")]
        return next(name for name in named if f"-{node}-" in name[-8:])

    def runs(self, launcher: KubernetesLauncher, assignment: Assignment, nodes: int = 1) -> None:
        """Submit, and wait until all nodes have printed their first word."""
        launcher.submit(assignment)
        self.until(lambda: all(b"begun" in launcher.logs(assignment, node) for node in range(nodes)), "begun")


@contextmanager
def open_desk(folder: Path, settings: Settings) -> Iterator[Desk]:
    fake = folder / "fake" / "slipway" / "platform" / "jobs" / "runner"
    fake.mkdir(parents=True)
    for package in (fake, fake.parent, fake.parent.parent):
        (package / "__init__.py").touch()
    shutil.copy(STAND_IN, fake / "__main__.py")
    plan = folder / "plan"
    plan.write_text(UNTIL_ASKED)
    image = Image(environment={"PYTHONPATH": str(folder / "fake"), "PLAN": str(plan)})
    gpu = Node("gpu-1", resources={"nvidia.com/gpu": "1"}, labels={"cloud.google.com/gke-accelerator": "nvidia-l4"})
    with Cluster(
        folder / "cluster",
        nodes=(Node("node-a"), Node("node-b"), gpu),
        images={str(settings.kubernetes.image): image},
        role=rules(*RIGHTS, *QUEUE_RIGHTS),
    ) as cluster:
        cluster.create("priorityclasses", {"metadata": {"name": "slipway-normal"}, "value": 100})
        kubernetes = settings.kubernetes.model_copy(update={"kubeconfig": cluster.kubeconfig})
        store = settings.store.model_copy(update={"url": str(folder / "store")})
        here = settings.model_copy(update={"kubernetes": kubernetes, "store": store})
        yield Desk(cluster, here, folder / "project", plan)
