"""Which bundle a training was exported to: `exports/<run key>.json`, made again from the export's result at any time.

Whichever export was made or asked for last counts; a newer exporter may make another bundle of the same weights.
"""

from typing import Final

from slipway.platform.registry.bundles import Kept, keep_result
from slipway.platform.runs.records import Record, Result
from slipway.platform.store import Store

FOLDER: Final = "exports"


class Exported(Record):
    """The bundle of a training."""

    bundle: str
    """Its digest."""
    work: str
    """The key of the export's work."""


def export_key(run: str) -> str:
    """Where it is said of the training with this run key."""
    return f"{FOLDER}/{run}.json"


def keep_export(store: Store, result: Result, run: str) -> Kept:
    """Keep the bundle that an export of the training `run` has made, and say that it is the training's."""
    kept = keep_result(store, result)
    said = Exported(bundle=kept.digest, work=result.key)
    if exported(store, run) != said:
        store.put(export_key(run), said.to_bytes())
    return kept


def exported(store: Store, run: str) -> Exported | None:
    """What the training was exported to, if it was."""
    return Exported.load(store, export_key(run))
