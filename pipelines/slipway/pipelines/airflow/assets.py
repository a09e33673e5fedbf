"""What wakes flows: assets, whose events say that something may be other than it was.

An event never says what: a run that it wakes looks for itself, by the ledger and the data, and does what is left to do.
So a lost event costs time until the next one, and one that comes twice costs a look.
"""

from collections.abc import Collection
from typing import Final

from airflow.sdk import Asset

from slipway.pipelines.steps.step import ASKED

DATA: Final = "slipway://data"
"""The data has another snapshot: for all models."""
DRIFT: Final = "slipway://drift"
CHAMPION: Final = "slipway://champion"
DELIVERIES: Final = "slipway://deliveries"
"""A new day has arrived, and is no snapshot yet."""


def data(model: str = "") -> Asset:
    """The data of all models, or of one."""
    return _asset(DATA, model)


def drift(model: str) -> Asset:
    """The field is no longer what the model knows."""
    return _asset(DRIFT, model)


def champion(model: str) -> Asset:
    """Another version is champion, and is not in the field yet."""
    return _asset(CHAMPION, model)


def deliveries() -> Asset:
    """What `ingest` makes snapshots of."""
    return _asset(DELIVERIES)


def cause_of(run_type: str, uris: Collection[str]) -> str:
    """Why a run began: by hand, by the time, or by these assets."""
    if run_type.startswith("asset"):
        return "drift" if uris and all(uri.startswith(DRIFT) for uri in uris) else "data"
    return ASKED if run_type == "manual" else "schedule"


def _asset(uri: str, model: str = "") -> Asset:
    whole = f"{uri}/{model}" if model else uri
    return Asset(name=whole.replace("://", "-").replace("/", "-"), uri=whole)
