"""The parts that a context has, in the order in which they are copied; see `order` for why.

The fleet store names releases that devices found in the channel; the channel names what the ledger decided; the store's
records name runs and versions in MLflow; MLflow names artefacts; and whoever signed any of it was in the people file
before. Private keys are no part: they stay where their holders keep them.
"""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway.pipelines.backup.databases import Dumped, PlainFile, Source, database
from slipway.pipelines.backup.objects import Objects
from slipway.pipelines.backup.order import ARTEFACTS, CHANNEL, STORE
from slipway.pipelines.backup.part import Part
from slipway.platform.errors import WrongUse
from slipway.platform.names import suggestion
from slipway.platform.runs.tracking.tracker import ARTIFACTS
from slipway.platform.settings.schema import SQLITE
from slipway.platform.store import Store, open_store
from slipway.serving.release.places import channel_store

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

NAMES: Final = ("fleet", "channel", "store", "mlflow", "artefacts", "people")


def check_names(names: Collection[str]) -> None:
    """Refuse a part that there is not."""
    for name in names:
        if name not in NAMES:
            raise WrongUse(f"There is no part `{name}`.", mend=suggestion(name, NAMES))


def parts_of(loaded: "Loaded", without: Collection[str] = ()) -> list[Part]:
    """Those of a context, in the order in which they are copied."""
    check_names(without)
    settings = loaded.settings
    made: dict[str, Callable[[], Part]] = {
        "fleet": lambda: Dumped("fleet", database(settings.fleet.database, "fleet.database")),
        "channel": lambda: Objects("channel", channel_store(loaded), CHANNEL),
        "store": lambda: Objects("store", open_store(settings.store, settings.s3), STORE),
        "mlflow": lambda: Dumped("mlflow", _mlflow(loaded)),
        "artefacts": lambda: Objects("artefacts", _artefacts(loaded), ARTEFACTS),
        "people": lambda: Dumped("people", PlainFile(settings.identity.people)),
    }
    return [made[name]() for name in NAMES if name not in without]


def _mlflow(loaded: "Loaded") -> Source:
    mlflow = loaded.settings.mlflow
    if mlflow.database is None and not mlflow.tracking_uri.startswith(SQLITE):
        raise WrongUse(
            f"MLflow is the server {mlflow.tracking_uri}, and no setting says which database is behind it.",
            mend="Set mlflow.database, or leave it out with `--without mlflow`.",
        )
    return database(mlflow.database or mlflow.tracking_uri, "mlflow.database")


def _artefacts(loaded: "Loaded") -> Store:
    mlflow, settings = loaded.settings.mlflow, loaded.settings
    if mlflow.artifacts is None and not mlflow.tracking_uri.startswith(SQLITE):
        raise WrongUse(
            f"MLflow is the server {mlflow.tracking_uri}, and no setting says where it keeps artefacts.",
            mend="Set mlflow.artifacts, or leave it out with `--without artefacts`.",
        )
    url = mlflow.artifacts or str(loaded.root / ARTIFACTS)
    return open_store(settings.store.model_copy(update={"url": url}), settings.s3)


def check_apart(parts: Collection[Part], url: str) -> None:
    """Refuse a place for backups that lies in what is copied, or the other way round."""
    if "://" in url:
        apart = [one.where for one in parts if "://" in one.where]
        inside = [one for one in apart if f"{url}/".startswith(f"{one}/") or f"{one}/".startswith(f"{url}/")]
    else:
        place = Path(url).resolve()
        folders = {one.where: Path(one.where).resolve() for one in parts if isinstance(one, Objects)}
        inside = [where for where, folder in folders.items() if "://" not in where]
        inside = [one for one in inside if place.is_relative_to(folders[one]) or folders[one].is_relative_to(place)]
    if inside:
        raise WrongUse(f"{url} and {inside[0]} lie in each other.", mend="Name a place of its own for backups.")
