"""Taking one delivery: it becomes part of the snapshot that the branch names, or is found there, or is refused whole.

A day is found by its content: under whatever name it comes again, and whoever takes it at the same moment. That it was
taken stands in the snapshot's own provenance, so there is no second record that could say something else.
"""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway.platform.data.added import adding
from slipway.platform.data.delivered.checking import check
from slipway.platform.data.delivered.deliveries import Delivery, content_of
from slipway.platform.data.delivered.note import NAME as NOTE
from slipway.platform.data.delivered.note import read_note
from slipway.platform.data.manifest import NAME as MANIFEST
from slipway.platform.data.manifest import Manifest, Provenance
from slipway.platform.data.record import load_record
from slipway.platform.data.revising import Revised, base_of, revise
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.watching import Watcher

if TYPE_CHECKING:
    from slipway.platform.data.branch import By
    from slipway.platform.data.project import Project

KIND: Final = "delivery"
CONTENT: Final = "sha256"


@dataclass(frozen=True)
class Taken:
    """What became of a delivery."""

    delivery: Delivery
    digest: str
    """The snapshot that the branch names now."""
    images: int
    """New ones; 0 where all of it was there."""
    revised: Revised | None
    """None: it was known without looking at it."""

    @property
    def new(self) -> bool:
        """Whether it changed the snapshot."""
        return self.revised is not None and self.revised.changed


def is_known(manifest: Manifest, name: str, content: str | None = None) -> bool:
    """Whether a snapshot has it, by its content; without one by its name alone, which is a guess for people."""
    for one in manifest.provenance:
        if content is not None and one.kind == KIND and one.detail.get(CONTENT) == content:
            return True
        if content is None and one.source == name:
            return True
    return False


def take(project: "Project", delivery: Delivery, by: "By", at: datetime, watcher: Watcher) -> Taken:
    """Look at all of it, and make the branch name a snapshot that has it."""
    scratch = project.cache.scratch()
    try:
        base = base_of(project, watcher=watcher)
        if base is not None and delivery.place == "source" and is_known(base.manifest, delivery.name):
            return Taken(delivery, base.digest, 0, None)  # a source makes the same by the same name
        folder = delivery.bring(project, scratch, watcher)
        content = content_of(folder)
        if base is not None and is_known(base.manifest, delivery.name, content):
            return Taken(delivery, base.digest, 0, None)
        day = _as_snapshot(folder, delivery.name, scratch, base, watcher)
        if day is None:
            return Taken(delivery, base.digest if base else "", 0, None)
        check(day, delivery.name, watcher)
        note = Provenance(kind=KIND, source=delivery.name, detail={CONTENT: content})
        message = f"Data: {delivery.name}, {day.index.num_rows:,} images"
        revised = revise(project, adding(day, note), message=message, by=by, at=at, watcher=watcher)
        return Taken(delivery, revised.pointer.digest, _new_images(project, revised), revised)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _new_images(project: "Project", revised: Revised) -> int:
    """How many the branch's snapshot has more than before."""
    counts = [
        record.manifest.counts.get("images", 0)
        for pointer in (revised.pointer, revised.earlier)
        if pointer is not None and (record := load_record(project.store, pointer.digest)) is not None
    ]
    return counts[0] - sum(counts[1:]) if revised.changed else 0


def _as_snapshot(folder: Path, name: str, scratch: Path, base: Snapshot | None, watcher: Watcher) -> Snapshot | None:
    """The delivery as a snapshot's folder; None where an import would bring nothing that the base has not."""
    if (folder / MANIFEST).is_file():
        return Snapshot(folder)
    from slipway.platform.data.exchange.adding import add_plan
    from slipway.platform.data.exchange.formats import READERS
    from slipway.platform.data.exchange.plan import make_plan

    note = read_note(folder / NOTE)
    options = note.options(name)
    plan = make_plan(READERS[note.format](folder, options), options, base)
    for remark in plan.remarks:
        watcher.note(remark)
    if not plan.images:
        return None
    add_plan(plan, scratch / "imported", None, note.licence)
    return Snapshot(scratch / "imported")
