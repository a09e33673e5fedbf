"""MLflow without a server: its own store over a SQLite file, its files in a folder beside.

Importing MLflow takes seconds, so this module does it when it is first asked something.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.platform.runs.tracking.mlflow_library import in_our_words, opened
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

if TYPE_CHECKING:
    from mlflow.entities import Run


class MLflowFile:
    """A SQLite file."""

    def __init__(self, path: Path, artifacts: Path) -> None:
        self.address = f"sqlite:///{path}"
        self._path = path
        self._artifacts = artifacts

    def experiment(self, name: str) -> str:
        with self._asked() as store:
            found = store.get_experiment_by_name(name)
        if found is None:
            try:
                with self._asked() as store:
                    return str(store.create_experiment(name, str(self._artifacts / name)))
            except TrackingRefused as error:
                if error.code != THERE:
                    raise
            with self._asked() as store:
                found = store.get_experiment_by_name(name)
        if found is None:
            raise TrackingUnreachable(f"{self._path} has an experiment `{name}` and has not.")
        if found.lifecycle_stage != "active":
            with self._asked() as store:
                store.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def find(self, experiment: str, tag: str, value: str) -> list[TrackedRun]:
        from mlflow.entities import ViewType

        condition = f"tags.`{tag}` = '{value}'"
        with self._asked() as store:
            runs = store.search_runs([experiment], condition, ViewType.ACTIVE_ONLY, max_results=1000)
        return sorted(map(run_of, runs), key=lambda run: (run.started, run.run_id))

    def create(self, experiment: str, name: str, tags: Mapping[str, str], started: int) -> TrackedRun:
        from mlflow.entities import RunTag

        told = [RunTag(key, value) for key, value in tags.items()]
        with self._asked() as store:
            return run_of(store.create_run(experiment, tags.get("mlflow.user", ""), started, told, name))

    def look(self, run_id: str) -> TrackedRun | None:
        if not self._path.is_file():  # looking makes no file
            return None
        try:
            with self._asked() as store:
                return run_of(store.get_run(run_id))
        except TrackingRefused as error:
            if error.code == MISSING:
                return None
            raise

    def delete(self, run_id: str) -> None:
        with self._asked() as store:
            store.delete_run(run_id)

    def restore(self, run_id: str) -> None:
        with self._asked() as store:
            store.restore_run(run_id)

    def write(self, run_id: str, points: Iterable[Point] = (), tags: Mapping[str, str] | None = None) -> None:
        from mlflow.entities import Metric, RunTag

        metrics = [Metric(one.metric, one.value, one.time, one.step) for one in points]
        with self._asked() as store:
            store.log_batch(run_id, metrics, [], [RunTag(key, value) for key, value in (tags or {}).items()])

    def params(self, run_id: str, values: Mapping[str, str]) -> None:
        from mlflow.entities import Param

        with self._asked() as store:
            store.log_batch(run_id, [], [Param(key, value) for key, value in values.items()], [])

    def dataset(self, run_id: str, dataset: Dataset, context: str) -> None:
        from mlflow.entities import Dataset as Entity
        from mlflow.entities import DatasetInput, InputTag

        profile = json.dumps(dict(dataset.counts))
        entity = Entity(dataset.name, dataset.digest, dataset.source_kind, dataset.source, None, profile)
        with self._asked() as store:
            store.log_inputs(run_id, [DatasetInput(entity, [InputTag("mlflow.data.context", context)])])

    def status(self, run_id: str, status: Status, ended: int | None = None) -> None:
        from mlflow.entities import RunStatus

        with self._asked() as store:
            store.update_run_info(run_id, RunStatus.from_string(status), ended, None)

    def artifact(self, run: TrackedRun, path: Path, name: str) -> None:
        keep_artifact(run.artifacts, path, name)

    def history(self, run_id: str, metric: str) -> list[Point]:
        with self._asked() as store:
            found = store.get_metric_history(run_id, metric)
        points = [Point(one.key, float(one.value), one.step, one.timestamp) for one in found]
        return sorted(points, key=lambda point: (point.step, point.time))

    def page(self, run: TrackedRun) -> str:
        """There is none without a server."""
        del run
        return ""

    def close(self) -> None:
        """MLflow keeps one engine for each file and process."""

    @contextmanager
    def _asked(self) -> Iterator[Any]:
        with in_our_words(self._path):
            yield self._store

    @cached_property
    def _store(self) -> Any:  # noqa: ANN401 - MLflow tells no types
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        store: Any = SqlAlchemyStore
        return opened(self._path, lambda address: store(address, str(self._artifacts)))


def keep_artifact(folder: str, path: Path, name: str) -> None:
    """Put a file where MLflow keeps a run's, through MLflow's own adapters."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    parent, _, base = name.rpartition("/")
    with tempfile.TemporaryDirectory() as scratch:
        named = path
        if path.name != base:
            named = Path(scratch) / base
            shutil.copyfile(path, named)
        try:
            place: Any = get_artifact_repository(folder)
            place.log_artifact(str(named), parent or None)
        except MlflowException as error:
            raise TrackingUnreachable(f"{folder} takes no files: {error.message}.") from None
        except OSError as error:
            raise TrackingUnreachable(f"{folder} takes no files: {error.strerror or error}.") from None


def run_of(run: "Run") -> TrackedRun:
    """A run in MLflow's words."""
    points = [Point(one.key, float(one.value), one.step, one.timestamp) for one in run.data._metric_objs]  # noqa: SLF001
    return TrackedRun(
        run_id=run.info.run_id,
        experiment_id=str(run.info.experiment_id),
        name=run.info.run_name or "",
        active=run.info.lifecycle_stage == "active",
        status=run.info.status,
        artifacts=run.info.artifact_uri or "",
        started=run.info.start_time or 0,
        tags=dict(run.data.tags),
        last={point.metric: point for point in points},
        params=dict(run.data.params),
    )
