"""MLflow's model registry without a server: its own store over a SQLite file.

Importing MLflow takes seconds, so this module does it when it is first asked something. Looking makes no file.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.registry.mlflow import ModelVersion, newest_first
from slipway.platform.registry.mlflow_api import quoted
from slipway.platform.runs.tracking.mlflow_library import in_our_words, opened
from slipway.platform.runs.tracking.tracker import MISSING, THERE, TrackingRefused

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion as Entity

PAGE: Final = 1000


class MLflowDatabase:
    """The registry in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def ensure_model(self, model: str, *, description: str, tags: Mapping[str, str]) -> None:
        from mlflow.entities.model_registry import RegisteredModelTag

        tag_of: Any = RegisteredModelTag
        told = [tag_of(key, value) for key, value in tags.items()]
        try:
            with self._asked() as store:
                store.create_registered_model(model, told, description)
        except TrackingRefused as error:
            if error.code != THERE:
                raise

    def create_version(
        self, model: str, *, source: str, run_id: str, description: str, tags: Mapping[str, str]
    ) -> ModelVersion:
        from mlflow.entities.model_registry import ModelVersionTag

        tag_of: Any = ModelVersionTag
        told = [tag_of(key, value) for key, value in tags.items()]
        with self._asked() as store:
            return version_of(store.create_model_version(model, source, run_id or None, told, None, description))

    def versions(self, model: str) -> list[ModelVersion]:
        if not self._path.is_file():
            return []
        found: list[ModelVersion] = []
        token = None
        while True:
            with self._asked() as store:
                page = store.search_model_versions(f"name={quoted(model)}", max_results=PAGE, page_token=token)
            found += map(version_of, page)
            if not (token := page.token):
                return newest_first(found, self.aliases(model) if found else {})

    def version(self, model: str, number: str) -> ModelVersion | None:
        if not self._path.is_file():
            return None
        try:
            with self._asked() as store:
                return version_of(store.get_model_version(model, number))
        except TrackingRefused as error:
            if error.code == MISSING:
                return None
            raise

    def delete_version(self, model: str, number: str) -> None:
        with self._unless_missing() as store:
            store.delete_model_version(model, number)

    def tag(self, model: str, number: str, tags: Mapping[str, str]) -> None:
        from mlflow.entities.model_registry import ModelVersionTag

        tag_of: Any = ModelVersionTag
        for key, value in tags.items():
            with self._asked() as store:
                store.set_model_version_tag(model, number, tag_of(key, value))

    def describe(self, model: str, number: str, text: str) -> None:
        with self._asked() as store:
            store.update_model_version(model, number, text)

    def models(self) -> list[str]:
        if not self._path.is_file():
            return []
        found: list[str] = []
        token = None
        while True:
            with self._asked() as store:
                page = store.search_registered_models(max_results=PAGE, page_token=token)
            found += [one.name for one in page]
            if not (token := page.token):
                return sorted(found)

    def aliases(self, model: str) -> dict[str, str]:
        if not self._path.is_file():
            return {}
        try:
            with self._asked() as store:
                found = store.get_registered_model(model).aliases
        except TrackingRefused as error:
            if error.code == MISSING:
                return {}
            raise
        return {str(alias): str(number) for alias, number in found.items()}

    def set_alias(self, model: str, alias: str, number: str) -> None:
        with self._asked() as store:
            store.set_registered_model_alias(model, alias, number)

    def delete_alias(self, model: str, alias: str) -> None:
        with self._unless_missing() as store:
            store.delete_registered_model_alias(model, alias)

    def close(self) -> None:
        """MLflow keeps one engine for each file and process."""

    @contextmanager
    def _unless_missing(self) -> Iterator[Any]:
        try:
            with self._asked() as store:
                yield store
        except TrackingRefused as error:
            if error.code != MISSING:
                raise

    @contextmanager
    def _asked(self) -> Iterator[Any]:
        with in_our_words(self._path):
            yield self._store

    @cached_property
    def _store(self) -> Any:  # noqa: ANN401 - MLflow tells no types
        from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

        store: Any = SqlAlchemyStore
        return opened(self._path, store)


def version_of(entity: "Entity") -> ModelVersion:
    """A version in MLflow's words."""
    return ModelVersion(
        model=str(entity.name),
        number=str(entity.version),
        created=datetime.fromtimestamp(int(entity.creation_timestamp or 0) / 1000, UTC),
        source=entity.source or "",
        run_id=entity.run_id or "",
        description=entity.description or "",
        tags={str(key): str(value) for key, value in (entity.tags or {}).items()},
        aliases=tuple(sorted(entity.aliases or ())),
    )
