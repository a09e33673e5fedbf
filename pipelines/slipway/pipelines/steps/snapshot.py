"""The step `snapshot`: which state of the data is meant, and that whoever needs it can have every byte.

A reference becomes a digest here, and the steps behind it know the digest alone: data that changes meanwhile is another
flow's. Where a shard is nowhere to be had the flow ends before anything is spent on it, with the shard and the rows in
it that are lost.
"""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from slipway.pipelines.steps.site import Site
from slipway.pipelines.steps.step import Ask, How, Tell, Told, Values
from slipway.platform.errors import SlipwayError

if TYPE_CHECKING:
    from slipway.platform.data.record import Record
    from slipway.platform.jobs.submitting.snapshots import Named

NAME: Final = "snapshot"
DIGITS: Final = 12
WHOLE: Final = 64
LOCAL: Final = "local"
"""The launcher of this machine."""


@dataclass(frozen=True)
class SnapshotStep:
    """From what a person writes to a snapshot that can be had."""

    name: str = NAME

    def look(self, site: Site, ask: Ask, given: Values) -> Told:
        """Which one it is, and whether the store knows it."""
        from slipway.platform.data.record import load_record

        named = _named(site, ask, given)
        known = load_record(site.store, named.digest) is not None
        line = f"Snapshot {named.digest[:DIGITS]}{'' if known else ' is not in the store yet'}."
        return _told(How.FOUND if known else How.TO_DO, named.digest, line)

    def do(self, site: Site, ask: Ask, given: Values, tell: Tell) -> Told:
        """See that the store knows it and that its files are where the target finds them."""
        from slipway.platform.data.record import load_record
        from slipway.platform.jobs.targets import named_target

        begun = time.monotonic()
        named = _named(site, ask, given)
        record = load_record(site.store, named.digest)
        here = named_target(ask.target, site.loaded.settings).launcher == LOCAL
        values = {NAME: named.digest}
        if record is not None and site.memo(ask.model).recall(NAME, ask, values) == values:
            return _had(record, How.FOUND, here=here)
        known = record is not None
        record = _have(site, ask, named, tell, here=here)
        site.memo(ask.model).keep(NAME, ask, values, values)
        return _had(record, How.FOUND if known else How.DONE, here=here, seconds=time.monotonic() - begun)


def _have(site: Site, ask: Ask, named: "Named", tell: Tell, *, here: bool) -> "Record":
    """See that this machine, or for others the remote, has what the model looks at."""
    from slipway.platform.jobs.runner.preparing import Noting
    from slipway.platform.jobs.submitting.snapshots import have_snapshot, offer_snapshot

    try:
        if here:
            return have_snapshot(named, site.loaded, site.model(ask.model).declaration.data.view, Noting(tell))
        return offer_snapshot(named, site.loaded, Noting(tell))
    except SlipwayError as error:
        if lost := _lost(site, named.digest):
            raise SlipwayError(f"{error}\n{lost}", mend=error.mend) from None
        raise


def _named(site: Site, ask: Ask, given: Values) -> "Named":
    """The snapshot that is meant; a whole digest that the store knows needs no looking up."""
    from slipway.platform.data.record import load_record
    from slipway.platform.jobs.submitting.snapshots import Named, name_snapshot

    reference = given.get(NAME) or ask.snapshot
    if reference and len(reference) == WHOLE and load_record(site.store, reference):
        return Named(reference)
    return name_snapshot(reference, site.loaded)


def _lost(site: Site, digest: str) -> str:
    """Which shards nobody has, with the first row in each; empty where that is not what is wrong, or not to be said."""
    from slipway.platform.data.record import load_record

    try:
        record = load_record(site.store, digest)
        names = [] if record is None else _nowhere(site, record)
        return "" if record is None or not names else _rows_in(site, record, names)
    except (SlipwayError, OSError):  # what was told first stays the message
        return ""


def _nowhere(site: Site, record: "Record") -> list[str]:
    """Files that neither the cache nor the remote has, or not of their size."""
    cache, remote = site.project.cache, site.project.remote
    sizes = {name: record.entry(name).size for name in record.md5}
    lacking = [name for name, oid in sorted(record.md5.items()) if not cache.has(oid, sizes[name])]
    return [name for name in lacking if remote.size(record.md5[name]) != sizes[name]]


def _rows_in(site: Site, record: "Record", names: list[str]) -> str:
    """A sentence about files that are lost: of a shard with the first of its rows."""
    from slipway.platform.data.snapshot import TABLES, Snapshot

    folder = site.project.cache.snapshot(record.digest)
    lines = []
    index = None if set(names) & set(TABLES) else Snapshot(folder).index
    for name in names[:3]:
        shard = name.removeprefix("shards/").removesuffix(".tar")
        rows = [] if index is None else [row for row, one in enumerate(index["shard"].to_pylist()) if one == shard]
        held = f", which holds {len(rows):,} rows of the index, row {rows[0]} the first" if rows else ""
        lines.append(f"Nobody has {name}{held}.")
    if len(names) > len(lines):
        lines.append(f"Nor {len(names) - len(lines)} more.")
    return "\n".join(lines)


def _had(record: "Record", how: How, *, here: bool, seconds: float = 0.0) -> Told:
    digest, files = record.digest, len(record.md5)
    counted = f"{record.manifest.counts.get('images', 0):,} images in {files:,} files"
    line = f"Snapshot {digest[:DIGITS]}: {counted}, {'on this machine' if here else 'in the remote'}."
    return _told(how, digest, line, seconds)


def _told(how: How, digest: str, line: str, seconds: float = 0.0) -> Told:
    links = {"what is in it": f"slipway data show {digest[:DIGITS]}"}
    return Told(step=NAME, how=how, line=line, values={NAME: digest}, links=links, seconds=seconds)


STEP: Final = SnapshotStep()
