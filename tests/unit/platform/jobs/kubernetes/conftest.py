"""Settings with targets of several kinds, assignments for them, and API objects as a server sends them."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from launching.desk import Desk, open_desk
from slipway.platform.jobs.launchers.contract import Assignment
from slipway.platform.jobs.launchers.kubernetes.objects import Job, Pod
from slipway.platform.jobs.spec import JobSpec, Limits
from slipway.platform.runs.records import AttemptSpec, Place
from slipway.platform.settings import Settings

KEY = "r1-" + "0123456789abcdef" * 4
DIGEST = "a" * 64
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAME = "vehicle-reid-r1-0123456789abcdef-1"

TARGETS: Mapping[str, Mapping[str, Any]] = {
    "cpu": {"launcher": "kubernetes", "cpus": 4, "memory_gib": 16},
    "gpu-l4": {
        "launcher": "kubernetes",
        "accelerator": "l4",
        "gpus": 1,
        "cpus": 7.5,
        "memory_gib": 28.5,
        "deadline_hours": 12,
        "node_selector": {"cloud.google.com/gke-accelerator": "nvidia-l4"},
        "tolerations": [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}],
        "queue": "vision",
        "priority_class": "slipway-normal",
        "secrets": {"HF_TOKEN": "model-hub/token"},
        "shm_gib": 8,
        "ephemeral_gib": 100,
    },
    "gpu-h100x8-spot": {
        "launcher": "kubernetes",
        "accelerator": "h100",
        "gpus": 8,
        "spot": True,
        "gpu_resource": "nvidia.com/gpu",
        "tolerations": [{"operator": "Equal", "key": "spot", "value": "true", "effect": "NoSchedule"}],
    },
}


@pytest.fixture
def settings() -> Settings:
    return Settings.model_validate(
        {
            "store": {"url": "s3://example-runs/store"},
            "data": {"remote": "s3://example-runs/data"},
            "s3": {"region": "eu-central-1", "access_key_id": "AKIAEXAMPLE", "secret_access_key": "never-shown"},
            "mlflow": {"tracking_uri": "https://mlflow.example.com", "username": "ada", "password": "never-shown"},
            "kubernetes": {"image": f"registry.example.com/slipway/train@sha256:{DIGEST}"},
            "targets": TARGETS,
        }
    )


@pytest.fixture
def assign() -> Callable[..., Assignment]:
    def make(
        target: str = "cpu",
        *,
        nodes: int = 1,
        number: int = 1,
        nonce: str = "6d1c",
        limits: Limits | None = None,
        model: str = "vehicle-reid",
        person: str = "ada@example.com",
        key: str = KEY,
        secrets: tuple[str, ...] = (),
    ) -> Assignment:
        job = JobSpec(
            key=key,
            model=model,
            package="slipway.training.models.vehicle_reid",
            config={},
            snapshot="5" * 64,
            view={},
            code="c" * 64,
            target=target,
            nodes=nodes,
            limits=limits or Limits(),
            secrets=secrets,
        )
        attempt = AttemptSpec(
            nonce=nonce,
            number=number,
            submitted_by=person,
            created=START,
            place=Place(target=target),
            why="first",
            name="vehicle-reid-calm-otter",
            team="vision",
        )
        return Assignment(job, attempt)

    return make


@pytest.fixture
def job() -> Callable[..., Job]:
    def make(*conditions: Mapping[str, Any], completions: int = 1, **metadata: Any) -> Job:
        spec = {"completions": completions, "suspend": metadata.pop("suspend", False)}
        status = {"conditions": [{"status": "True", **one} for one in conditions]}
        return Job.of({"metadata": {"name": NAME, "uid": "u-1", **metadata}, "spec": spec, "status": status})

    return make


@pytest.fixture
def pod() -> Callable[..., Pod]:
    """A pod whose times are seconds after the start."""

    def make(
        phase: str = "Running",
        *,
        node: int = 0,
        code: int | None = None,
        reason: str = "",
        ended: float = 0.0,
        disrupted: str = "",
        disrupted_at: float = 0.0,
        waiting: Mapping[str, str] | None = None,
        conditions: tuple[Mapping[str, Any], ...] = (),
        where: str = "machine-a",
        running: bool = False,
        **status: Any,
    ) -> Pod:
        state: dict[str, Any] = {"waiting": waiting} if waiting else {}
        if running:
            state = {"running": {"startedAt": START.isoformat()}}
        if code is not None:
            finished = (START + timedelta(seconds=ended)).isoformat()
            message = status.pop("printed", "")
            state = {"terminated": {"exitCode": code, "reason": reason, "message": message, "finishedAt": finished}}
        told = [{"status": "True", **one} for one in conditions]
        if disrupted:
            at = (START + timedelta(seconds=disrupted_at)).isoformat()
            target = {"type": "DisruptionTarget", "status": "True", "reason": disrupted, "lastTransitionTime": at}
            told.append({**target, "message": status.pop("said", "")})
        return Pod.of(
            {
                "metadata": {
                    "name": f"{NAME}-{node}-x7k2p",
                    "annotations": {"batch.kubernetes.io/job-completion-index": str(node)},
                    "deletionTimestamp": status.pop("deleted", None),
                },
                "spec": {"nodeName": where},
                "status": {
                    "phase": phase,
                    "conditions": told,
                    "containerStatuses": [{"name": "runner", "state": state}],
                    **status,
                },
            }
        )

    return make


@pytest.fixture
def desk(tmp_path: Path, settings: Settings) -> Iterator[Desk]:
    with open_desk(tmp_path, settings) as desk:
        yield desk
