"""Which runs, bundles and validations a store has, by what they are made of, so that nobody reads them all each time.

What is noted of a thing never changes, so this machine keeps it in a file, and only what is new is read: one list of
names, and three small requests for each new run, one for each new bundle and validation. The file may be thrown away.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from slipway.platform.canonical import canonical
from slipway.platform.data.validation.verdict import Verdict as DataVerdict
from slipway.platform.errors import SlipwayError
from slipway.platform.lineage.noting import note, noted
from slipway.platform.registry.bundles import FOLDER as BUNDLES
from slipway.platform.registry.bundles import load_bundle
from slipway.platform.runs.find import load_parts
from slipway.platform.runs.layout import NAMES
from slipway.platform.runs.names import NameRecord
from slipway.platform.runs.records import Record
from slipway.platform.runs.standing import spec_of
from slipway.platform.store import Store

T = TypeVar("T", bound=Record)

TOGETHER: Final = 16
VALIDATIONS: Final = "validations"
LEARNING: Final = ("train", "script")
FORMAT: Final = 1
"""Of the file; another one is not read."""

log = logging.getLogger(__name__)


class Run(Record):
    """A piece of work, and what it is made of."""

    name: str
    key: str
    model: str
    kind: str
    snapshot: str
    view: Mapping[str, Any]
    code: str
    """Digest of the code archive."""
    revision: str = ""
    """Git's commit that its first attempt was started from."""
    references: Mapping[str, str] = {}

    @property
    def learned(self) -> bool:
        """Whether it learned something; exports and evaluations of gates are works, too."""
        return self.kind in LEARNING


class Bundle(Record):
    """A bundle, and what it is made of."""

    digest: str
    model: str
    run: str = ""
    snapshot: str = ""
    weights: str = ""
    origin: str = ""


class Validation(Record):
    """A verdict on data, and the snapshot that it is on."""

    key: str
    snapshot: str


class Noted(Record):
    """The file."""

    format: int = FORMAT
    runs: Mapping[str, Run] = {}
    """By name."""
    bundles: Mapping[str, Bundle] = {}
    validations: Mapping[str, Validation] = {}


@dataclass(frozen=True)
class Catalogue:
    """All that is known of a store."""

    runs: Mapping[str, Run] = field(default_factory=dict)
    """By key."""
    bundles: Mapping[str, Bundle] = field(default_factory=dict)
    validations: Mapping[str, Validation] = field(default_factory=dict)

    def runs_on(self, snapshot: str) -> list[Run]:
        """The runs that learned from it."""
        return [one for one in self.runs.values() if one.snapshot == snapshot and one.learned]

    def bundles_of(self, run: str) -> list[Bundle]:
        """What a run was exported to."""
        return [one for one in self.bundles.values() if one.run == run]


def read_catalogue(store: Store, folder: Path, progress: Callable[[str, int, int], None]) -> Catalogue:
    """What the store has; `folder` is this machine's, for what was read before."""
    path = folder / f"{hashlib.sha256(store.url.encode()).hexdigest()[:16]}.json"
    before = _kept(path)

    def names(prefix: str) -> list[str]:
        return [key.removeprefix(f"{prefix}/").removesuffix(".json") for key in store.list(f"{prefix}/")]

    now = Noted(
        runs=_update(before.runs, names(NAMES), lambda name: _run(store, name), "runs", progress),
        bundles=_update(before.bundles, names(BUNDLES), lambda name: _bundle(store, name), "bundles", progress),
        validations=_update(
            before.validations, names(VALIDATIONS), lambda name: _validation(store, name), "validations", progress
        ),
    )
    if now != before:
        note(path, canonical(now.model_dump(mode="json")))
    return Catalogue({one.key: one for one in now.runs.values()}, now.bundles, now.validations)


def _update(
    before: Mapping[str, T],
    names: Iterable[str],
    load: Callable[[str], T | None],
    what: str,
    progress: Callable[[str, int, int], None],
) -> dict[str, T]:
    """What is there, of which only the new is read."""
    there = list(names)
    new = [name for name in there if name not in before]
    found = {name: before[name] for name in there if name in before}

    def tried(name: str) -> T | None:
        try:
            return load(name)
        except SlipwayError as error:
            log.warning("%s", error)
            return None

    with ThreadPoolExecutor(TOGETHER) as pool:
        for count, (name, one) in enumerate(zip(new, pool.map(tried, new), strict=True), start=1):
            progress(what, count, len(new))
            if one is not None:
                found[name] = one
    return found


def _run(store: Store, name: str) -> Run | None:
    record = NameRecord.load(store, f"{NAMES}/{name}.json")
    if record is None:
        return None
    parts, spec = load_parts(store, record.key), spec_of(store, record.key, 1)
    return Run(
        name=spec.name if spec else name,
        key=record.key,
        model=record.model,
        kind=record.kind,
        snapshot=parts.snapshot,
        view=parts.view,
        code=parts.code_digest,
        revision=spec.revision if spec else "",
        references=parts.references,
    )


def _bundle(store: Store, digest: str) -> Bundle:
    kept = load_bundle(store, digest)
    told = kept.manifest.get("lineage", {})
    return Bundle(
        digest=digest,
        model=kept.model,
        run=told.get("run_key") or "",
        snapshot=told.get("snapshot") or "",
        weights=told.get("weights") or "",
        origin=told.get("origin") or "",
    )


def _validation(store: Store, name: str) -> Validation | None:
    try:
        verdict = DataVerdict.model_validate_json(store.get(f"{VALIDATIONS}/{name}.json"))
    except ValidationError:
        return None
    return Validation(key=name, snapshot=verdict.snapshot)


def _kept(path: Path) -> Noted:
    try:
        data = noted(path)
        return Noted.model_validate_json(data) if json.loads(data).get("format") == FORMAT else Noted()
    except (ValueError, AttributeError):
        return Noted()
