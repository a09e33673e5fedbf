"""A launcher with a project of its own and work to run in it, and what a test does to jobs from behind it.

`local` starts processes here, `kubernetes` asks the in-process cluster. `real` is the cluster of `--kubeconfig`: what
needs to touch a process is left out there.
"""

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from cluster import Cluster, Node
from fake_work.mlflow import FakeMlflow
from fake_work.project import LIMITS, FakeProject, FakeWork, make_project
from overseen.office import Office
from slipway.platform.jobs.launchers.contract import Assignment, Found, Launcher, Phase
from slipway.platform.jobs.launchers.kubernetes.names import MINE, name_of
from slipway.platform.jobs.launchers.opening import open_launcher
from slipway.platform.jobs.overseeing.overseer import Overseer
from slipway.platform.jobs.spec import Limits
from slipway.platform.runs.layout import AttemptKeys, WorkKeys
from slipway.platform.runs.records import Begun, Cancellation, Outcome
from slipway.platform.runs.standing import Standing
from slipway.platform.runs.tracking.tracker import open_tracker

HERE = Path(__file__).parent
PARTNERS = HERE.parent
SECONDS = 60.0
IMAGE = f"registry.example/train@sha256:{'a' * 64}"
SECRET, VALUE = "GREETING", "open-sesame-7f3a"


def eventually(condition: Callable[[], bool], what: str = "") -> None:
    """Wait for a condition, and fail when it never holds."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"it never happened: {what}"
        time.sleep(0.02)


@dataclass
class Site:
    """A launcher with a project, and what a test does to jobs from behind it."""

    kind: str
    project: FakeProject
    environ: Mapping[str, str]
    mlflow: FakeMlflow
    cluster: Cluster | None = None
    processes: list["subprocess.Popen[str]"] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)

    def open(self) -> Launcher:
        """As a process that has just begun does it."""
        return open_launcher(self.kind, self.project.loaded, self.project.store)

    def work(self, *, limits: Limits = LIMITS, target: str = "", **said: Any) -> FakeWork:
        """Work that nobody has asked for yet."""
        return self.project.work(f"work-{uuid.uuid4().hex[:8]}", target=target or self.kind, limits=limits, **said)

    def assign(self, work: FakeWork) -> Assignment:
        """Its attempt; what is left of it is removed in the end."""
        assignment = work.assign()
        self.assignments.append(assignment)
        return assignment

    @property
    def office(self) -> Office:
        """Submits by the whole way, and looks at the records."""
        return Office(self.project)

    def overseer(self) -> Overseer:
        """Sees work through, with short pauses."""
        project = self.project
        return Overseer(
            project.loaded, project.store, project.here, lambda _: self.open(), review_seconds=0.5, pause_seconds=0.05
        )

    @contextmanager
    def seen_through(self, work: FakeWork) -> Iterator[list[Standing]]:
        """The work's end, which is there when the block is left."""
        ends: list[Standing] = []
        thread = threading.Thread(target=lambda: ends.append(self.overseer().see_through(work.key)), daemon=True)
        thread.start()
        yield ends
        thread.join(SECONDS)
        assert ends, "it never ended"

    def start(self, script: str, *words: str) -> "subprocess.Popen[str]":
        """A script beside this file."""
        process = subprocess.Popen(
            [sys.executable, str(HERE / script), str(self.project.loaded.root), *words],
            env=dict(self.environ), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.processes.append(process)
        return process

    def keys(self, assignment: Assignment, node: int = 0) -> AttemptKeys:
        """Where a node's records are."""
        return WorkKeys(assignment.key).attempt(assignment.number).node(node)

    def runner(self, assignment: Assignment, node: int = 0) -> psutil.Process:
        """The process of a node."""
        if self.kind == "real":
            pytest.skip("its processes are on other machines")
        begun: list[Begun] = []

        def has_begun() -> bool:
            found = Begun.load(self.project.store, self.keys(assignment, node).begun)
            begun.extend([found] if found else [])
            return bool(begun)

        eventually(has_begun, f"node {node} begins")
        return psutil.Process(begun[0].place.pid)

    def trainer(self, assignment: Assignment) -> psutil.Process:
        """The process that does the work."""
        return self.runner(assignment).children()[0]

    def evict(self, assignment: Assignment) -> None:
        """Take its place away, with the time that is usual."""
        if self.kind == "real":
            evict_for_real(self.project.loaded.settings.kubernetes, assignment)
        elif self.cluster is None:
            self.runner(assignment).send_signal(signal.SIGTERM)
        else:
            (pod,) = self.pods(assignment)
            self.cluster.evict(pod)

    def pods(self, assignment: Assignment) -> list[Any]:
        """Of its Job."""
        assert self.cluster is not None
        beginning = f"{name_of(assignment)}-"
        return [pod for pod in self.cluster.things("pods") if pod["metadata"]["name"].startswith(beginning)]

    def found(self, assignment: Assignment) -> list[Found]:
        """What the launcher lists of it."""
        return [one for one in self.open().list() if one.nonce == assignment.attempt.nonce]

    def ended(self, assignment: Assignment) -> Outcome:
        """Wait until the launcher says so; how it ended."""
        launcher = self.open()
        eventually(lambda: launcher.status(assignment).phase in (Phase.ENDED, Phase.ABSENT), "it ends")
        outcome = Outcome.load(self.project.store, self.keys(assignment).outcome)
        assert outcome is not None, (launcher.status(assignment), launcher.logs(assignment).decode())
        return outcome

    def mlflow_runs(self, work: FakeWork) -> list[str]:
        """The states of all its runs, by MLflow."""
        if self.kind != "real":
            return [str(one["info"]["status"]) for one in self.mlflow.runs_of(work.key)]
        loaded = self.project.loaded
        tracker = open_tracker(loaded.settings.mlflow, loaded.root)
        try:
            experiment = tracker.experiment(work.job.model)
            return [one.status for one in tracker.find(experiment, "slipway.key", work.key)]
        finally:
            tracker.close()

    def cancel(self, assignment: Assignment) -> None:
        """As `slipway cancel` does it."""
        wanted = Cancellation(by="grace", why="a test", asked=datetime.now(UTC))
        wanted.bind(self.project.store, self.keys(assignment).cancellation)
        self.open().cancel(assignment)

    def left(self, assignment: Assignment) -> list[str]:
        """Whatever is left of it: files of the launcher, objects in the cluster, processes."""
        nonce, root = assignment.attempt.nonce, self.project.loaded.root / ".slipway"
        files = [str(path) for folder in ("alive", "jobs") for path in (root / folder).glob(f"{nonce}*")]
        work = [str(path) for path in (root / "work").glob(f"{assignment.key[:15]}*/{assignment.number}")]
        things = [
            f"{kind}/{one['metadata']['name']}"
            for kind in ("jobs", "pods", "services")
            for one in (self.cluster.things(kind) if self.cluster else [])
            if nonce in str(one)
        ]
        return [*files, *work, *things, *(str(one.pid) for one in processes_of(assignment))]

    def close(self) -> None:
        """End what tests left behind."""
        for started in self.processes:
            started.kill()
            with suppress(ValueError):
                started.communicate()
        for assignment in self.assignments:
            for process in processes_of(assignment):
                with suppress(psutil.NoSuchProcess):
                    process.kill()


def processes_of(assignment: Assignment) -> list[psutil.Process]:
    """The runners of an attempt, and what they started."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            words = process.cmdline()
            if assignment.key in words and str(assignment.number) in words:
                found += [process, *process.children(recursive=True)]
    return found


@contextmanager
def kubernetes_site(folder: Path, mlflow: FakeMlflow, *, jobs: str = "", store: str = "") -> Iterator[Site]:
    """The in-process cluster, whose pods share this machine's store."""
    nodes = [Node("node-a"), Node("node-b")]
    with Cluster(folder / "cluster", nodes=nodes, images=[IMAGE], host_paths=[folder]) as cluster:
        cluster.secret("greetings", hello=VALUE)
        environ = environment(folder)
        settings = on_cluster(folder, mlflow, cluster, jobs, store or f'[contexts.local.store]\nurl = "{folder}/store"')
        site = Site("kubernetes", make_project(folder / "project", environ, settings), environ, mlflow, cluster)
        yield site
        site.close()


def on_cluster(folder: Path, mlflow: FakeMlflow, cluster: Cluster, jobs: str, store: str) -> str:
    """What its slipway.toml says."""
    return f"""
{store}
[contexts.local.data]
remote = "{folder}/remote"
[contexts.local.mlflow]
tracking_uri = "{mlflow.address}"
[contexts.local.kubernetes]
kubeconfig = "{cluster.kubeconfig}"
image = "{IMAGE}"
[contexts.local.targets.kubernetes]
launcher = "kubernetes"
cpus = 1
memory_gib = 1
secrets = {{ {SECRET} = "greetings/hello" }}
[contexts.local.jobs]
pending_seconds = 1
{jobs}
[contexts.local.targets.nowhere]
launcher = "kubernetes"
cpus = 1
node_selector = {{ "example.com/harbour" = "yes" }}
[contexts.local.targets.unknown-image]
launcher = "kubernetes"
cpus = 1
image = "registry.example/other@sha256:{"b" * 64}"
"""


def evict_for_real(settings: Any, assignment: Assignment) -> None:
    """As `kubectl drain` does it."""
    import kubernetes

    client = kubernetes.config.new_client_from_config(str(settings.kubeconfig), context=settings.context)
    pods = kubernetes.client.CoreV1Api(client)
    for pod in pods.list_namespaced_pod(settings.namespace, label_selector=MINE).items:
        if pod.metadata.name.startswith(f"{name_of(assignment)}-"):
            body = kubernetes.client.V1Eviction(metadata={"name": pod.metadata.name})
            pods.create_namespaced_pod_eviction(pod.metadata.name, settings.namespace, body)


def environment(folder: Path) -> dict[str, str]:
    """Of a person who submits."""
    return {"HOME": str(folder), "PATH": os.environ["PATH"], "PYTHONPATH": str(PARTNERS)}
