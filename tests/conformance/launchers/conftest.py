"""The launchers that the suite holds to one contract, each with a project of its own and work to run in it.

`local` starts processes here, `kubernetes` asks the in-process cluster. `real` is the cluster of `--kubeconfig`, with
the settings of the caller's `SLIPWAY_*` variables: store, remote and MLflow are addresses that its pods can reach, and
there are an image, and a target `real` with a secret GREETING. What needs to touch a process is left out there.
"""

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from cluster import Cluster, Node
from fake_work.mlflow import FakeMlflow, fake_mlflow
from fake_work.project import LIMITS, FakeProject, FakeWork, make_project
from slipway.platform.jobs.launchers.contract import Assignment, Found, Launcher, Phase
from slipway.platform.jobs.launchers.kubernetes.names import MINE, name_of
from slipway.platform.jobs.launchers.opening import open_launcher
from slipway.platform.jobs.overseeing import Overseer
from slipway.platform.jobs.spec import Limits
from slipway.platform.runs.layout import AttemptKeys, WorkKeys
from slipway.platform.runs.records import Begun, Cancellation, Outcome
from slipway.platform.runs.standing import Standing
from slipway.platform.runs.tracking.tracker import open_tracker

HERE = Path(__file__).parent
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


@pytest.fixture(scope="session")
def mlflow() -> Iterator[FakeMlflow]:
    with fake_mlflow() as server:
        yield server


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each launcher; a module that is about one of them says so in `LAUNCHERS`."""
    if "whole_site" in metafunc.fixturenames:
        real = ["real"] if metafunc.config.getoption("kubeconfig") else []
        names = getattr(metafunc.module, "LAUNCHERS", ["local", "kubernetes", *real])
        metafunc.parametrize("whole_site", names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def whole_site(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    callers_environment: Mapping[str, str],
    mlflow: FakeMlflow,
) -> Iterator[Site]:
    """One project for all tests of a launcher: they take work of their own."""
    folder = tmp_path_factory.mktemp(request.param)
    with ExitStack() as stack:
        if request.param == "local":
            yield _local(folder, mlflow)
        elif request.param == "kubernetes":
            yield _kubernetes(folder, mlflow, stack)
        else:
            yield _real(folder, mlflow, callers_environment, request.config.getoption("kubeconfig"))


@pytest.fixture
def site(whole_site: Site) -> Iterator[Site]:
    """The launcher's place; what a test leaves running there is ended."""
    whole_site.assignments.clear()
    whole_site.processes.clear()
    yield whole_site
    whole_site.close()


@pytest.fixture
def launcher(site: Site) -> Launcher:
    """The launcher that is held to the contract."""
    return site.open()


@pytest.fixture(name="eventually")
def _eventually() -> Callable[[Callable[[], bool], str], None]:
    return eventually


def _local(folder: Path, mlflow: FakeMlflow) -> Site:
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "greeting").write_text(VALUE)
    (secrets / "greeting").chmod(0o600)
    settings = f"""
[contexts.local.jobs]
secrets = "{secrets}"
[contexts.local.mlflow]
tracking_uri = "{mlflow.address}"
[contexts.local.targets.local]
secrets = {{ {SECRET} = "greeting" }}
"""
    environ = _environment(folder)
    return Site("local", make_project(folder / "project", environ, settings), environ, mlflow)


def _kubernetes(folder: Path, mlflow: FakeMlflow, stack: ExitStack) -> Site:
    nodes = [Node("node-a"), Node("node-b")]
    cluster = stack.enter_context(Cluster(folder / "cluster", nodes=nodes, images=[IMAGE], host_paths=[folder]))
    cluster.secret("greetings", hello=VALUE)
    settings = f"""
[contexts.local.store]
url = "{folder}/store"
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
[contexts.local.targets.nowhere]
launcher = "kubernetes"
cpus = 1
node_selector = {{ "example.com/harbour" = "yes" }}
[contexts.local.targets.unknown-image]
launcher = "kubernetes"
cpus = 1
image = "registry.example/other@sha256:{"b" * 64}"
"""
    environ = _environment(folder)
    return Site("kubernetes", make_project(folder / "project", environ, settings), environ, mlflow, cluster)


def _real(folder: Path, mlflow: FakeMlflow, callers: Mapping[str, str], kubeconfig: Path) -> Site:
    told = {name: value for name, value in callers.items() if name.startswith(("SLIPWAY_", "AWS_"))}
    environ = {**_environment(folder), **told, "SLIPWAY_KUBERNETES__KUBECONFIG": str(kubeconfig)}
    return Site("real", make_project(folder / "project", environ, ""), environ, mlflow)


def evict_for_real(settings: Any, assignment: Assignment) -> None:
    """As `kubectl drain` does it."""
    import kubernetes

    client = kubernetes.config.new_client_from_config(str(settings.kubeconfig), context=settings.context)
    pods = kubernetes.client.CoreV1Api(client)
    for pod in pods.list_namespaced_pod(settings.namespace, label_selector=MINE).items:
        if pod.metadata.name.startswith(f"{name_of(assignment)}-"):
            body = kubernetes.client.V1Eviction(metadata={"name": pod.metadata.name})
            pods.create_namespaced_pod_eviction(pod.metadata.name, settings.namespace, body)


def _environment(folder: Path) -> dict[str, str]:
    """Of a person who submits."""
    return {"HOME": str(folder), "PATH": os.environ["PATH"], "PYTHONPATH": str(HERE.parents[1] / "partners")}
