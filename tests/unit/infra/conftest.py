"""What the launcher would send for a job of two nodes with GPUs."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from slipway.platform.jobs.launchers.contract import Assignment
from slipway.platform.jobs.launchers.kubernetes.manifest import manifests
from slipway.platform.jobs.spec import JobSpec
from slipway.platform.runs.records import AttemptSpec, Place
from slipway.platform.settings.schema import Settings, Target

SETTINGS: dict[str, Any] = {
    "store": {"url": "s3://bucket/store"},
    "data": {"remote": "s3://bucket/data"},
    "mlflow": {"tracking_uri": "https://mlflow.example.com"},
    "kubernetes": {"image": f"registry.example.com/slipway-train@sha256:{'a' * 64}"},
}


@pytest.fixture
def job_manifests() -> list[dict[str, Any]]:
    job = JobSpec(
        key=f"r1-{'0' * 64}",
        model="vehicle-reid",
        package="slipway.training.models.vehicle_reid",
        config={"trainer": {"processes": 2}},
        snapshot="1" * 64,
        view={},
        code="2" * 64,
        target="gpu-l4",
        nodes=2,
        gpus=1,
    )
    attempt = AttemptSpec(
        nonce="n",
        number=1,
        submitted_by="ada",
        created=datetime(2026, 1, 1, tzinfo=UTC),
        place=Place(target="gpu-l4"),
        why="first",
        name="calm-heron",
    )
    target = Target(launcher="kubernetes", gpus=1, cpus=8, memory_gib=32, price_per_hour=Decimal("0.71"))
    return manifests(Assignment(job, attempt), target, Settings.model_validate(SETTINGS))
