"""The step `ingest`: new days become a new snapshot on the branch for data, and nothing that is checked out is touched.

Every delivery is looked at as a whole and taken or refused as a whole; one that is refused keeps no other out. The same
day again is found by its content.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway.pipelines.steps.site import Site
from slipway.pipelines.steps.step import Ask, How, Tell, Told, Values
from slipway.platform.errors import SlipwayError

if TYPE_CHECKING:
    from slipway.platform.data.delivered.deliveries import Delivery
    from slipway.platform.data.delivered.taking import Taken
    from slipway.platform.data.manifest import Manifest

NAME: Final = "ingest"
SNAPSHOT: Final = "snapshot"
DIGITS: Final = 12
SHOWN: Final = 3
NOWHERE: Final = "no place for deliveries is set: `data.deliveries` is empty"
SETTING: Final = "Set SLIPWAY_DATA__DELIVERIES, or `deliveries` in `[contexts.<name>.data]`, to a folder or s3://…"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class _Done:
    """What became of the deliveries."""

    taken: list["Taken"] = field(default_factory=list)
    refused: dict[str, SlipwayError] = field(default_factory=dict)
    incomplete: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class IngestStep:
    """Takes what waits, or the one delivery that is asked for as `snapshot`."""

    now: Callable[[], datetime] = _now
    name: str = NAME

    def look(self, site: Site, ask: Ask, given: Values) -> Told:
        """What waits, by name: only taking it tells whether its content is new."""
        del given  # it begins the loop
        from slipway.platform.data.delivered.taking import is_known

        found = _deliveries(site, ask)
        if not found:
            return _nothing(site)
        manifest = _known(site)
        new = [one.name for one in found if manifest is None or not is_known(manifest, one.name)]
        if not new:
            line = f"nothing new: {_count(len(found), 'delivery', 'deliveries')}, all of them taken"
            return Told(step=NAME, how=How.FOUND, line=line, values={SNAPSHOT: manifest.digest} if manifest else {})
        return Told(step=NAME, how=How.TO_DO, line=f"{_count(len(new), 'day waits', 'days wait')}: {_listed(new)}")

    def do(self, site: Site, ask: Ask, given: Values, tell: Tell) -> Told:
        """Take them, one after the other."""
        from slipway.platform.data.branch import By
        from slipway.platform.data.delivered.taking import take
        from slipway.platform.jobs.runner.preparing import Noting

        del given
        begun, done, found = time.monotonic(), _Done(), _deliveries(site, ask)
        if not found:
            return _nothing(site)
        by = By(site.loaded.settings.identity.person or "flows")
        for delivery in found:
            if not delivery.complete:
                done.incomplete.append(delivery.name)
                continue
            try:
                done.taken.append(take(site.project, delivery, by, self.now(), Noting(tell)))
            except SlipwayError as error:
                tell(str(error))
                done.refused[delivery.name] = error
        return _told(site, done, time.monotonic() - begun)


def _deliveries(site: Site, ask: Ask) -> "Sequence[Delivery]":
    from slipway.platform.data.delivered.deliveries import named, waiting

    return [named(site.project, ask.snapshot)] if ask.snapshot else waiting(site.project)


def _nothing(site: Site) -> Told:
    """No delivery waits; where that may be because the place is another one, so."""
    place = site.loaded.settings.data.deliveries
    if place is None:
        return Told(step=NAME, how=How.SKIPPED, line=NOWHERE, mend=SETTING)
    missing = "://" not in place and not Path(place).is_dir()
    line = f"nothing to ingest: {f'{place} does not exist' if missing else f'no delivery waits in {place}'}"
    return Told(step=NAME, how=How.SKIPPED, line=line, mend=SETTING if missing else "")


def _known(site: Site) -> "Manifest | None":
    """What the branch names, as far as the store knows it: nothing is fetched for a look."""
    from slipway.platform.data.record import load_record
    from slipway.platform.data.revising import pointer_of

    pointer = pointer_of(site.project)
    record = load_record(site.store, pointer.digest) if pointer else None
    return record.manifest if record else None


def _told(site: Site, done: _Done, seconds: float) -> Told:
    new = [one for one in done.taken if one.new]
    parts = [f"{one.delivery.name}: {_count(one.images, 'new image', 'new images')}" for one in new[:SHOWN]]
    if len(new) > SHOWN:
        parts.append(f"{len(new) - SHOWN} more days")
    known = len(done.taken) - len(new)
    if known:
        parts.append(f"{_count(known, 'day was', 'days were')} there already")
    if done.incomplete:
        parts.append(f"{_listed(done.incomplete)} not complete yet")
    values, links = {}, {}
    if done.taken and done.taken[-1].digest:
        digest = done.taken[-1].digest
        values = {SNAPSHOT: digest}
        links = {"what is in it": f"slipway data show {digest[:DIGITS]}"}
        branch = site.loaded.settings.data.branch
        parts.append(f"snapshot {digest[:DIGITS]} on the branch {branch}")
    if done.refused:
        parts.insert(0, f"{_listed(list(done.refused))} refused: {_first(next(iter(done.refused.values())))}")
    how = How.REFUSED if done.refused else How.DONE if new else How.FOUND if done.taken else How.SKIPPED
    mend = next((error.mend or "" for error in done.refused.values()), "")
    return Told(step=NAME, how=how, line="; ".join(parts), values=values, links=links, seconds=seconds, mend=mend)


def _first(error: SlipwayError) -> str:
    """What is wrong, in one line."""
    lines = [line.strip() for line in str(error).splitlines()]
    return (lines[1] if len(lines) > 1 else lines[0]).rstrip(".")


def _listed(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _count(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


STEP: Final = IngestStep()
