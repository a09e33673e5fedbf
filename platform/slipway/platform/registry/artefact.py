"""A bundle as MLflow shows it: its files as an artefact of the training's MLflow run, with the signature beside them.

`bundle/MLmodel` says what goes in and what comes out, so that the registry's page shows the schema and MLflow's own
tools find the preferred variant. It bears the run's time and no random name: sent again, it is the same file.
"""

import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from slipway.platform.registry.bundles import MANIFEST, Kept, bundle_key
from slipway.platform.registry.desk import Desk
from slipway.platform.runs.tracking.binding import bound
from slipway.platform.runs.tracking.tracker import TrackedRun

PATH: Final = "bundle"
MLMODEL: Final = "MLmodel"


def source_run(desk: Desk, kept: Kept) -> TrackedRun | None:
    """The MLflow run that the bundle's training is; none of an external model, and where MLflow knows none."""
    run_key = kept.manifest.get("lineage", {}).get("run_key")
    binding = bound(desk.store, run_key) if run_key else None
    run = desk.tracker.look(binding.run_id) if binding else None
    return run if run and run.active else None


def upload(desk: Desk, kept: Kept, folder: Path, run: TrackedRun | None) -> str:
    """Keep the bundle's files with its run; the address that MLflow is to show as the version's source."""
    if run is None:
        return address_of(desk, kept)
    with tempfile.TemporaryDirectory() as scratch:
        described = Path(scratch) / MLMODEL
        described.write_text(ml_model(kept.manifest, run))
        desk.tracker.artifact(run, described, f"{PATH}/{MLMODEL}")
    for name in (*kept.files, MANIFEST):
        desk.tracker.artifact(run, folder / name, f"{PATH}/{name}")
    return f"{run.artifacts.rstrip('/')}/{PATH}"


def address_of(desk: Desk, kept: Kept) -> str:
    """Where the store has the manifest; MLflow's server takes no paths, so those get a scheme of their own."""
    url = desk.store.url
    return f"{url}/{bundle_key(kept.digest)}" if url.startswith("s3://") else f"slipway:/{bundle_key(kept.digest)}"


def ml_model(manifest: Mapping[str, Any], run: TrackedRun) -> str:
    """MLflow's description of the model: the contract as a signature, and the preferred variant."""
    from mlflow.models import Model, ModelSignature

    contract = manifest["contract"]
    signature = ModelSignature(inputs=_schema(contract["inputs"]), outputs=_schema(contract["outputs"]))
    started = f"{datetime.fromtimestamp(run.started / 1000, UTC):%Y-%m-%d %H:%M:%S.%f}"
    model = Model(artifact_path=PATH, run_id=run.run_id, signature=signature, utc_time_created=started, model_uuid=None)
    file = manifest["variants"][preferred(manifest)]["file"]
    model.add_flavor("onnx", data=file, providers=["CPUExecutionProvider"], onnx_version=_tool(manifest))
    return str(model.to_yaml())


def preferred(manifest: Mapping[str, Any]) -> str:
    """The variant that the first class of devices with a processor asks for first, else the first of all."""
    devices = list(manifest["devices"].values())
    on_cpu = [device for device in devices if device["runtime"] == "cpu"]
    return str((on_cpu or devices)[0]["variants"][0])


def _schema(tensors: Sequence[Mapping[str, Any]]) -> Any:  # noqa: ANN401 - MLflow tells no types
    import numpy as np
    from mlflow.types import Schema, TensorSpec

    specs: Any = [
        TensorSpec(
            np.dtype(one["dtype"]), tuple(dim if isinstance(dim, int) else -1 for dim in one["dims"]), one["name"]
        )
        for one in tensors
    ]
    return Schema(specs)


def _tool(manifest: Mapping[str, Any]) -> str:
    return str(manifest.get("tools", {}).get("onnx", ""))
