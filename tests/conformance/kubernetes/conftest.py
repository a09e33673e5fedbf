"""Servers to hold to the same expectations: our test partner always, and the real cluster of `--kubeconfig`, if any.

`SLIPWAY_TEST_IMAGE` names an image with a shell that the real cluster's nodes can pull. Every test has a namespace of
its own, deleted at its end.
"""

import contextlib
import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kubernetes
import pytest

from cluster import Cluster, Node

SECONDS = 60.0
IMAGE = os.environ.get("SLIPWAY_TEST_IMAGE", "docker.io/library/busybox:1.37")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test of a `server` runs on every one that there is."""
    if "server" in metafunc.fixturenames:
        there = ["partner", *(["real"] if metafunc.config.getoption("kubeconfig") else [])]
        metafunc.parametrize("server", there, indirect=True)


@dataclass(frozen=True)
class Server:
    """A server as a client has it, with one namespace to work in."""

    client: Any
    namespace: str
    image: str

    @property
    def core(self) -> Any:
        return kubernetes.client.CoreV1Api(self.client)

    @property
    def batch(self) -> Any:
        return kubernetes.client.BatchV1Api(self.client)

    def create_job(self, name: str, command: str = "true", **spec: Any) -> Any:
        return self.batch.create_namespaced_job(self.namespace, self.job(name, command, **spec))

    def job(self, name: str, command: str = "true", **spec: Any) -> dict[str, Any]:
        """A Job of one container with a shell command; `pod` and `container` add to these two."""
        container = {"name": "main", "image": self.image, "command": ["sh", "-c", command], **spec.pop("container", {})}
        pod = {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "containers": [container],
            **spec.pop("pod", {}),
        }
        labels = spec.pop("labels", {})
        whole = {"backoffLimit": 0, "template": {"metadata": {"labels": labels}, "spec": pod}, **spec}
        return {"metadata": {"name": name, "labels": labels}, "spec": whole}

    def read_job(self, name: str) -> Any:
        return self.batch.read_namespaced_job(name, self.namespace)

    def pods(self, job: str) -> list[Any]:
        """A Job's pods, by index."""
        found = self.core.list_namespaced_pod(
            self.namespace, label_selector=f"batch.kubernetes.io/job-name={job}"
        ).items
        return sorted(found, key=lambda pod: str(pod.metadata.name))

    def log(self, pod: str, **more: Any) -> str:
        """A pod's log, byte for byte: the client would make text of it in its own way."""
        answer = self.core.read_namespaced_pod_log(pod, self.namespace, _preload_content=False, **more)
        try:
            return b"".join(answer.stream()).decode()
        finally:
            answer.release_conn()

    def events(self, name: str) -> list[tuple[str, str]]:
        """The reasons and messages of an object's events."""
        found = self.core.list_namespaced_event(self.namespace, field_selector=f"involvedObject.name={name}").items
        return [(event.reason, event.message) for event in found]

    def conditions(self, name: str) -> dict[str, Any]:
        return {one.type: one for one in self.read_job(name).status.conditions or [] if one.status == "True"}

    def when_ended(self, name: str) -> Any:
        """The Job's last condition, once it has one."""

        def ended() -> Any:
            found = self.conditions(name)
            return found.get("Complete") or found.get("Failed")

        return self.eventually(ended, f"the end of {name}")

    def when_running(self, name: str, count: int = 1) -> list[Any]:
        """The Job's pods, once so many run."""

        def running() -> list[Any]:
            pods = [pod for pod in self.pods(name) if pod.status.phase == "Running"]
            return pods if len(pods) == count else []

        found: list[Any] = self.eventually(running, f"{count} running pods of {name}")
        return found

    def eventually(self, true: Callable[[], Any], what: str) -> Any:
        """What it was when it was true at last."""
        until = time.monotonic() + SECONDS
        while not (found := true()):
            assert time.monotonic() < until, f"never came: {what}"
            time.sleep(0.02)
        return found

    def gone(self, read: Callable[..., Any], name: str) -> bool:
        """Whether what there was is not there any more."""
        try:
            read(name, self.namespace)
        except kubernetes.client.ApiException as error:
            if error.status != 404:
                raise
            return True
        return False


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """The test partner from behind: for what no client can do."""
    nodes = [Node("node-a", cpu="4", memory="8Gi"), Node("node-b", cpu="4", memory="8Gi")]
    with Cluster(tmp_path / "cluster", nodes=nodes, images=[IMAGE]) as cluster:
        yield cluster


@contextlib.contextmanager
def served(kubeconfig: str) -> Iterator[Server]:
    """A namespace of its own on a server."""
    client = kubernetes.config.new_client_from_config(kubeconfig)
    core = kubernetes.client.CoreV1Api(client)
    namespace = f"slipway-test-{uuid.uuid4().hex[:8]}"
    core.create_namespace({"metadata": {"name": namespace}})
    server = Server(client, namespace, IMAGE)
    try:
        server.eventually(lambda: core.list_namespaced_service_account(namespace).items, "the default service account")
        yield server
    finally:
        core.delete_namespace(namespace)
        client.close()


@pytest.fixture
def partner(cluster: Cluster) -> Iterator[Server]:
    """The test partner alone."""
    with served(str(cluster.admin_kubeconfig)) as server:
        yield server


@pytest.fixture
def real(pytestconfig: pytest.Config) -> Iterator[Server]:
    """The cluster that the person named."""
    with served(str(pytestconfig.getoption("kubeconfig"))) as server:
        yield server


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Server:
    """Each server in turn."""
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def refusal() -> Callable[..., Any]:
    """What the server answers to a call that it refuses: the status, the Status object's words and all else."""
    import json

    def refused(call: Callable[..., Any], *arguments: Any, **more: Any) -> tuple[int, dict[str, Any]]:
        with pytest.raises(kubernetes.client.ApiException) as caught:
            call(*arguments, **more)
        return caught.value.status, json.loads(caught.value.body)

    return refused
