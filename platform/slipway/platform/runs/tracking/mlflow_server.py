"""The record of runs in an MLflow server, by its REST interface."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx

from slipway.platform.masking import masked
from slipway.platform.runs.tracking.mlflow_http import OverHttp, pairs, unpaired
from slipway.platform.runs.tracking.tracker import (
    MISSING,
    THERE,
    Dataset,
    Point,
    Status,
    TrackedRun,
    TrackingRefused,
    TrackingUnreachable,
)

PROXIED: Final = "mlflow-artifacts:"
PROXY: Final = "/api/2.0/mlflow-artifacts/artifacts/"
PAGE: Final = 25_000


class MLflowServer(OverHttp):
    """A server."""

    def experiment(self, name: str) -> str:
        found = self._experiment(name)
        if found is None:
            try:
                return str(self._post("experiments/create", {"name": name})["experiment_id"])
            except TrackingRefused as error:
                if error.code != THERE:
                    raise
            found = self._experiment(name)  # somebody was faster
            if found is None:
                raise TrackingUnreachable(f"MLflow at {masked(self.address)} has an experiment `{name}` and has not.")
        if found["lifecycle_stage"] != "active":
            self._post("experiments/restore", {"experiment_id": found["experiment_id"]})
        return str(found["experiment_id"])

    def find(self, experiment: str, tag: str, value: str) -> list[TrackedRun]:
        condition = f"tags.`{tag}` = '{value}'"
        asked = {"experiment_ids": [experiment], "filter": condition, "run_view_type": "ACTIVE_ONLY"}
        runs = self._post("runs/search", {**asked, "max_results": 1000}).get("runs", [])
        return sorted(map(run_of, runs), key=lambda run: (run.started, run.run_id))

    def create(self, experiment: str, name: str, tags: Mapping[str, str], started: int) -> TrackedRun:
        asked = {"experiment_id": experiment, "run_name": name, "start_time": started, "tags": pairs(tags)}
        return run_of(self._post("runs/create", asked)["run"])

    def look(self, run_id: str) -> TrackedRun | None:
        try:
            return run_of(self._get("runs/get", {"run_id": run_id})["run"])
        except TrackingRefused as error:
            if error.code == MISSING:
                return None
            raise

    def delete(self, run_id: str) -> None:
        self._change_stage("runs/delete", run_id, active=False)

    def restore(self, run_id: str) -> None:
        self._change_stage("runs/restore", run_id, active=True)

    def write(self, run_id: str, points: Iterable[Point] = (), tags: Mapping[str, str] | None = None) -> None:
        told = [
            {"key": one.metric, "value": number(one.value), "timestamp": one.time, "step": one.step} for one in points
        ]
        self._post("runs/log-batch", {"run_id": run_id, "metrics": told, "tags": pairs(tags or {})})

    def params(self, run_id: str, values: Mapping[str, str]) -> None:
        self._post("runs/log-batch", {"run_id": run_id, "params": pairs(values)})

    def dataset(self, run_id: str, dataset: Dataset, context: str) -> None:
        told = {
            "tags": pairs({"mlflow.data.context": context}),
            "dataset": {
                "name": dataset.name,
                "digest": dataset.digest,
                "source_type": dataset.source_kind,
                "source": dataset.source,
                "profile": json.dumps(dict(dataset.counts)),
            },
        }
        self._post("runs/log-inputs", {"run_id": run_id, "datasets": [told]})

    def status(self, run_id: str, status: Status, ended: int | None = None) -> None:
        when = {} if ended is None else {"end_time": ended}
        self._post("runs/update", {"run_id": run_id, "status": status, **when})

    def artifact(self, run: TrackedRun, path: Path, name: str) -> None:
        if not run.artifacts.startswith(PROXIED):
            from slipway.platform.runs.tracking.mlflow_file import keep_artifact

            keep_artifact(run.artifacts, path, name)
            return
        folder = httpx.URL(run.artifacts).path.strip("/")
        with path.open("rb") as file:
            size = str(path.stat().st_size)
            self._send("PUT", PROXY + quote(f"{folder}/{name}"), content=file, headers={"Content-Length": size})

    def history(self, run_id: str, metric: str) -> list[Point]:
        asked = {"run_id": run_id, "metric_key": metric, "max_results": str(PAGE)}
        pages = self._pages("metrics/get-history", asked)
        points = [point_of(one) for page in pages for one in page.get("metrics", [])]
        return sorted(points, key=lambda point: (point.step, point.time))

    def page(self, run: TrackedRun) -> str:
        return f"{masked(self.address)}/#/experiments/{run.experiment_id}/runs/{run.run_id}"

    def _experiment(self, name: str) -> Any | None:  # noqa: ANN401 - the server's JSON
        try:
            return self._get("experiments/get-by-name", {"experiment_name": name})["experiment"]
        except TrackingRefused as error:
            if error.code == MISSING:
                return None
            raise

    def _change_stage(self, what: str, run_id: str, *, active: bool) -> None:
        try:
            self._post(what, {"run_id": run_id})
        except TrackingRefused:
            run = self.look(run_id)
            if (run is not None and run.active) != active:
                raise


def run_of(told: Mapping[str, Any]) -> TrackedRun:
    """A run in the server's JSON."""
    info, data = told["info"], told.get("data", {})
    return TrackedRun(
        run_id=info["run_id"],
        experiment_id=str(info["experiment_id"]),
        name=info.get("run_name", ""),
        active=info.get("lifecycle_stage", "active") == "active",
        status=info.get("status", ""),
        artifacts=info.get("artifact_uri", ""),
        started=int(info.get("start_time", 0)),
        tags=unpaired(data, "tags"),
        last={one["key"]: point_of(one) for one in data.get("metrics", [])},
        params=unpaired(data, "params"),
    )


def point_of(told: Mapping[str, Any]) -> Point:
    """A point in the server's JSON, where zeros may be missing and what JSON cannot say stands in quotes."""
    return Point(told["key"], float(told.get("value", 0)), int(told.get("step", 0)), int(told.get("timestamp", 0)))


def number(value: float) -> float | str:
    """A value as the server's JSON wants it."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
