"""The step `validate`: the data deserves to be trained on, by the general suite and the model's own.

The verdict is found in the store or made by `slipway data validate`. One that blocks ends the flow before anything is
spent on training, with the shards and rows that are to blame.
"""

import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from slipway.pipelines.steps.given import later, needed
from slipway.pipelines.steps.site import Site
from slipway.pipelines.steps.snapshot import DIGITS
from slipway.pipelines.steps.step import Ask, How, Tell, Told, Values

NAME: Final = "validate"
KEY: Final = "key"
DAY: Final = "day"
BLOCKING: Final = "blocking"
SHOWN: Final = 3


@dataclass(frozen=True)
class ValidateStep:
    """From a snapshot to a verdict on it."""

    name: str = NAME

    def look(self, site: Site, ask: Ask, given: Values) -> Told:
        """Whether a verdict is stored."""
        if told := later(given, "snapshot", NAME):
            return told
        if told := _remembered(site, ask, given):
            return told
        if stored := _stored(site, ask, site.project.cache.snapshot(given["snapshot"])):
            return _told(site, stored.verdict, ask, How.FOUND)
        return Told(step=NAME, how=How.TO_DO, line="No verdict on it is known here.")

    def do(self, site: Site, ask: Ask, given: Values, tell: Tell) -> Told:
        """The stored verdict, or a new one."""
        digest = needed(given, "snapshot", NAME)
        if told := _remembered(site, ask, given):
            return told
        begun = time.monotonic()
        found = _stored(site, ask, _with_tables(site, digest, tell))
        how = How.FOUND if found else How.DONE
        if found is None:
            verdict = site.slipway(*_validating(site, ask, digest), "--json", tell=tell).data
            found = _Stored(verdict["key"], verdict)
        if found.verdict["passed"]:
            site.memo(ask.model).keep(NAME, ask, _named(site, given), {KEY: found.key})
        return _told(site, found.verdict, ask, how, time.monotonic() - begun)


def _validating(site: Site, ask: Ask, digest: str) -> tuple[str, ...]:
    """The command, by the general suite and the model's own."""
    suite = site.model(ask.model).expectations
    inside = suite.is_relative_to(site.root)
    own = ("--suite", str(suite.relative_to(site.root) if inside else suite)) if suite.is_file() else ()
    return "data", "validate", digest, *own


@dataclass(frozen=True)
class _Stored:
    """A verdict, and where it is."""

    key: str
    verdict: Mapping[str, Any]


def _named(site: Site, given: Values) -> Values:
    """A retention date that passes may change a verdict, so a day is part of what names it."""
    return {"snapshot": given["snapshot"], DAY: f"{site.desk.now():%Y-%m-%d}"}


def _remembered(site: Site, ask: Ask, given: Values) -> Told | None:
    """What was validated before, if its verdict is still there and passed."""
    from slipway.platform.store import ObjectMissing

    values = site.memo(ask.model).recall(NAME, ask, _named(site, given))
    if values is None:
        return None
    try:
        verdict = _read(site.store.get(values[KEY]))
    except (ObjectMissing, KeyError):
        return None
    fits = verdict is not None and verdict["passed"] and verdict["snapshot"] == given["snapshot"]
    return _told(site, verdict, ask, How.FOUND) if verdict and fits else None


def _read(data: bytes) -> Mapping[str, Any] | None:
    from pydantic import ValidationError

    from slipway.platform.data.validation.verdict import Verdict

    try:
        verdict = Verdict.model_validate_json(data)
    except ValidationError:
        return None
    return {**verdict.model_dump(mode="json"), "passed": verdict.passed}


def _with_tables(site: Site, digest: str, tell: Tell) -> Path:
    """The snapshot's folder in the cache, with its tables: a verdict that stands needs no image."""
    from slipway.platform.data.reference import resolve
    from slipway.platform.jobs.runner.preparing import Noting

    return resolve(digest, site.loaded, watcher=Noting(tell))


def _stored(site: Site, ask: Ask, folder: Path) -> _Stored | None:
    """What the store has under the key that validating now would have, where the tables are at hand to say it."""
    from slipway.platform.data.snapshot import TABLES, Snapshot

    if not all((folder / name).is_file() for name in TABLES):
        return None
    from slipway.platform.data.validation.records import Question, key_of
    from slipway.platform.data.validation.suite import general_suite, read_suite
    from slipway.platform.store import ObjectMissing

    model = site.model(ask.model)
    own = [read_suite(model.expectations)] if model.expectations.is_file() else []
    key = key_of(Question(snapshot=Snapshot(folder), suites=[general_suite(), *own], now=site.desk.now()))
    try:
        verdict = _read(site.store.get(key))
    except ObjectMissing:
        return None
    return _Stored(key, verdict) if verdict else None


def _told(site: Site, verdict: Mapping[str, Any], ask: Ask, how: How, seconds: float = 0.0) -> Told:
    failed = [one for one in verdict["findings"] if not one["ok"]]
    blocking = [one for one in failed if one["severity"] == BLOCKING]
    links = {"all findings": shlex.join(("slipway", *_validating(site, ask, verdict["snapshot"][:DIGITS])))}
    warnings = len(failed) - len(blocking)
    counted = f"{len(verdict['findings'])} expectations, {warnings} warning{'' if warnings == 1 else 's'}"
    if not blocking:
        return Told(step=NAME, how=how, line=f"Valid: {counted}.", links=links, seconds=seconds)
    told = " ".join(one["sentence"] for one in blocking[:SHOWN])
    more = f" And {len(blocking) - SHOWN} more." if len(blocking) > SHOWN else ""
    return Told(
        step=NAME,
        how=How.REFUSED,
        line=f"Not fit to train on: {told}{more}",
        links=links,
        seconds=seconds,
        mend=f"Mend the data and commit it: {ask.model} learns from the new snapshot then. Nothing was trained.",
    )


STEP: Final = ValidateStep()
