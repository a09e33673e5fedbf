"""MLflow's model registry, whether a server or a database file keeps it.

A registry's call does one thing and never tries again. Errors are those of `runs.tracking.tracker`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from slipway.platform.runs.tracking.tracker import TrackingRefused, no_mlflow
from slipway.platform.settings.schema import SQLITE

if TYPE_CHECKING:
    from slipway.platform.settings import schema


ROUNDS: Final = 4
"""How often an alias is set where others set it at the same moment."""


@dataclass(frozen=True)
class ModelVersion:
    """A registered version as MLflow has it."""

    model: str
    number: str
    created: datetime
    source: str = ""
    run_id: str = ""
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Sequence[str] = ()


class ModelRegistry(Protocol):
    """Registered models, their versions and aliases."""

    def ensure_model(self, model: str, *, description: str, tags: Mapping[str, str]) -> None:
        """See that there is a registered model of this name."""

    def create_version(
        self, model: str, *, source: str, run_id: str, description: str, tags: Mapping[str, str]
    ) -> ModelVersion:
        """A new version; MLflow numbers it."""

    def versions(self, model: str) -> list[ModelVersion]:
        """All versions, the newest first; none where the model is not known."""

    def version(self, model: str, number: str) -> ModelVersion | None:
        """One of them."""

    def delete_version(self, model: str, number: str) -> None:
        """Remove a version that lost a race."""

    def tag(self, model: str, number: str, tags: Mapping[str, str]) -> None:
        """Set tags of a version."""

    def describe(self, model: str, number: str, text: str) -> None:
        """Set the description of a version, in Markdown."""

    def models(self) -> list[str]:
        """The names of all registered models."""

    def aliases(self, model: str) -> dict[str, str]:
        """The number that each alias stands for."""

    def set_alias(self, model: str, alias: str, number: str) -> None:
        """Let an alias stand for a version, whatever it stood for."""

    def delete_alias(self, model: str, alias: str) -> None:
        """Remove an alias; removing what is not there is fine."""

    def close(self) -> None:
        """Give back connections."""


def open_registry(settings: "schema.MLflow", root: Path, timeout_seconds: float = 30.0) -> ModelRegistry:
    """The registry that the settings name, relative paths below `root`; nobody is asked until it is used."""
    address = settings.tracking_uri
    if address.startswith(("http://", "https://")):
        from slipway.platform.registry.mlflow_api import MLflowApi

        password = settings.password.get_secret_value() if settings.password else ""
        return MLflowApi(address, settings.username, password, timeout_seconds)
    if address.startswith(SQLITE):
        from slipway.platform.registry.mlflow_database import MLflowDatabase

        return MLflowDatabase(root / address.removeprefix(SQLITE))
    raise no_mlflow(address)


def newest_first(found: Sequence[ModelVersion], aliases: Mapping[str, str]) -> list[ModelVersion]:
    """Versions as MLflow's search gives them, which is without aliases, with those and in order."""
    named = {
        one.number: tuple(sorted(alias for alias, number in aliases.items() if number == one.number)) for one in found
    }
    return sorted(
        (replace(one, aliases=named[one.number]) for one in found), key=lambda one: int(one.number), reverse=True
    )


def point_alias(registry: ModelRegistry, model: str, alias: str, number: str) -> None:
    """Let an alias stand for a version; where others set it at the same moment, MLflow refuses all but one of them."""
    for left in reversed(range(ROUNDS)):
        try:
            registry.set_alias(model, alias, number)
        except TrackingRefused:
            if registry.aliases(model).get(alias) == number:
                return
            if not left:
                raise
        else:
            return
