"""`slipway submit` to a cluster, as people use it: what a dry run prints is what the server gets."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kubernetes_validate
import kubernetes_validate.utils
import pytest
import yaml
from packaging.version import Version

from cluster import Cluster, Node

pytestmark = [pytest.mark.xdist_group("submit-to-cluster"), pytest.mark.timeout(300)]

PROJECT = Path(__file__).parents[2]
SLIPWAY = Path(sys.executable).with_name("slipway")
IMAGE = f"registry.example.com/train@sha256:{'a' * 64}"
VERSIONS = [one for one in kubernetes_validate.utils.all_versions() if Version(one) >= Version("1.29")]
TWO_NODES = ("vehicle-reid", "trainer.max_epochs=2", "--on", "gpu-l4", "--nodes", "2")
SETTINGS = """
[contexts.local]
store.url = "{folder}/store"
data.remote = "{folder}/remote"
mlflow.tracking_uri = "http://127.0.0.1:9"
kubernetes.kubeconfig = "{kubeconfig}"

[contexts.local.targets.gpu-l4]
launcher = "kubernetes"
accelerator = "l4"
gpus = 1
cpus = 8
memory_gib = 32
"""


@dataclass
class Desk:
    """A project, and `slipway` in it."""

    root: Path
    snapshot: Path

    def submit(self, *words: str, code: int = 0, **variables: str) -> tuple[str, str]:
        """What it prints and says."""
        environ = {"HOME": str(self.root.parent), "PATH": os.defpath, "USER": "ada", **variables}
        command = [str(SLIPWAY), "submit", *TWO_NODES, "--snapshot", str(self.snapshot), *words]
        done = subprocess.run(command, cwd=self.root, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return done.stdout, done.stderr


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with a_cluster(tmp_path_factory.mktemp("server")) as cluster:
        yield cluster


def a_cluster(folder: Path) -> Cluster:
    """It cannot pull the image, so nothing begins there."""
    return Cluster(folder / "cluster", nodes=[Node(name, resources={"nvidia.com/gpu": "1"}) for name in ("a", "b")])


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, server: Cluster) -> Desk:
    folder = tmp_path_factory.mktemp("submit")
    root, snapshot = folder / "project", folder / "world"
    root.mkdir()
    (root / "slipway.toml").write_text(SETTINGS.format(folder=folder, kubeconfig=server.kubeconfig))
    subprocess.run([str(SLIPWAY), "world", "render", "tiny", str(snapshot)], check=True, capture_output=True)
    return Desk(root, snapshot)


def alike(thing: dict[str, Any], owner: dict[str, Any]) -> Any:
    """An object as the server has it, without what is another time's."""
    nonce = owner["metadata"]["annotations"]["slipway/nonce"]
    text = json.dumps({**thing, "status": {}}).replace(owner["metadata"]["uid"], "UID").replace(nonce, "NONCE")
    found = json.loads(text)
    for name in ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"):
        found["metadata"].pop(name, None)
    return found


def test_without_an_image_the_setting_is_named_before_anything_is_written(desk: Desk, server: Cluster) -> None:
    for words in (("--dry-run", "-o", "yaml"), ()):
        _, said = desk.submit(*words, code=2)
        assert "SLIPWAY_KUBERNETES__IMAGE" in said
    assert server.things("jobs") == []
    assert not list((desk.root.parent / "store").glob("work/*"))


def test_a_dry_run_prints_what_is_valid_and_what_the_server_gets(desk: Desk, server: Cluster, tmp_path: Path) -> None:
    printed, _ = desk.submit("--dry-run", "-o", "yaml", SLIPWAY_KUBERNETES__IMAGE=IMAGE)
    manifests = list(yaml.safe_load_all(printed))
    assert [one["kind"] for one in manifests] == ["Job", "Service"]
    for version in VERSIONS:
        for manifest in manifests:
            kubernetes_validate.validate(manifest, version, strict=True)
    assert server.things("jobs") == []

    desk.submit(SLIPWAY_KUBERNETES__IMAGE=IMAGE)
    (job,), (service,) = server.things("jobs"), server.things("services")
    owners = service["metadata"].pop("ownerReferences")
    assert [(one["kind"], one["uid"]) for one in owners] == [("Job", job["metadata"]["uid"])]
    with a_cluster(tmp_path) as other:
        applied = [other.create(f"{one['kind'].lower()}s", one) for one in manifests]
    assert [alike(one, job) for one in (job, service)] == [alike(one, applied[0]) for one in applied]


def test_what_would_be_sent_is_shown_also_where_the_store_cannot_be_asked() -> None:
    environ = {"HOME": "/nowhere", "PATH": "/usr/bin:/bin", "SLIPWAY_CONTEXT": "dev"}
    words = ["submit", "vehicle-reid", "--on", "gpu-l4", "--nodes", "2", "--dry-run", "-o", "yaml"]
    done = subprocess.run([str(SLIPWAY), *words], cwd=PROJECT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "credentials" in done.stderr
    manifests = list(yaml.safe_load_all(done.stdout))
    assert [one["kind"] for one in manifests] == ["Job", "Service"]
    for version in VERSIONS:
        for manifest in manifests:
            kubernetes_validate.validate(manifest, version, strict=True)
