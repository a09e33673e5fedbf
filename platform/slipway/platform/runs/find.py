"""From what a person writes to the run that is meant: a name, or the beginning of a run key with or without `r1-`."""

import logging
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from pydantic import ValidationError

from slipway.platform.errors import WrongUse
from slipway.platform.names import suggestion
from slipway.platform.runs.errors import RecordDamaged, RunsError
from slipway.platform.runs.layout import NAMES, WORK, WorkKeys
from slipway.platform.runs.names import NameRecord, load_name
from slipway.platform.runs.parts import PREFIX, Parts
from slipway.platform.store import ObjectMissing, Store

SHORTEST: Final = 4
"""Digits of a key that are looked up."""
_KEY: Final = re.compile(rf"(?:{PREFIX})?([0-9a-f]{{{SHORTEST},64}})")
_TOO_SHORT: Final = re.compile(rf"(?:{PREFIX}?)?[0-9a-f]{{0,{SHORTEST - 1}}}")
_TOLD: Final = 5
_PARALLEL: Final = 16
"""Requests at once where many small records are read."""

log = logging.getLogger(__name__)


def find(store: Store, run: str) -> str:
    """The run key that is meant; a name wins over digits."""
    if record := load_name(store, run):
        return record.key
    digits = _KEY.fullmatch(run)
    if digits is None:
        raise _unknown(store, run)
    found = list(_keys(store, PREFIX + digits[1]))
    if len(found) > 1:
        told = ", ".join(key[: len(PREFIX) + len(digits[1]) + SHORTEST] for key in found[:_TOLD])
        more = " and more" if len(found) > _TOLD else ""
        raise WrongUse(f"`{run}` begins several run keys: {told}{more}.", mend="Write more of it, or the name.")
    if not found:
        raise _unknown(store, run)
    return found[0]


def load_parts(store: Store, key: str) -> Parts:
    """What names the work; refuses a record that is not what its key says."""
    try:
        data = store.get(WorkKeys(key).parts)
    except ObjectMissing:
        raise RunsError(
            f"The work {key[:11]} was named and never begun: {store.url} does not say what it is.",
            mend="Start it again.",
        ) from None
    try:
        parts = Parts.model_validate_json(data)
    except ValidationError as error:
        raise RecordDamaged.of("Parts", f"{WorkKeys(key).parts} in {store.url}", error) from None
    if parts.key != key:
        raise RunsError(
            f"{WorkKeys(key).parts} in {store.url} is damaged: it names {parts.key[:11]}.",
            mend="Delete that object and start the work again: it is written anew.",
        )
    return parts


def records_of(store: Store, model: str | None = None) -> list[NameRecord]:
    """What all names stand for, the latest first; one that is damaged is said and left out."""

    def load(key: str) -> NameRecord | None:
        try:
            return NameRecord.load(store, key)
        except RecordDamaged as error:
            log.warning("%s", error)
            return None

    with ThreadPoolExecutor(_PARALLEL) as pool:
        found = [one for one in pool.map(load, store.list(f"{NAMES}/")) if one]
    return sorted((one for one in found if model in (None, one.model)), key=lambda one: one.bound, reverse=True)


def _keys(store: Store, beginning: str) -> Iterator[str]:
    """The run keys that begin so, at most one more than are told."""
    last = ""
    count = 0
    for key in store.list(f"{WORK}/{beginning}"):
        found = key.split("/")[1]
        if found != last:
            last = found
            count += 1
            yield found
        if count > _TOLD:
            return


def _unknown(store: Store, run: str) -> WrongUse:
    names = [key.removeprefix(f"{NAMES}/").removesuffix(".json") for key in store.list(f"{NAMES}/")]
    begun = [name for name in names if run and name.startswith(run)][:_TOLD]
    mend = f"Did you mean {', '.join(f'`{name}`' for name in begun)}?" if begun else suggestion(run, names)
    if _TOO_SHORT.fullmatch(run):
        mend = f"Write at least {SHORTEST} digits of a key. {mend}"
    if len(names) > _TOLD and mend.startswith("Valid"):
        mend = "Give the name that was printed when it was started, which is also its name in MLflow, or its key."
    return WrongUse(f"No run is called `{run}`, and no run key begins so, in {store.url}.", mend=mend)
