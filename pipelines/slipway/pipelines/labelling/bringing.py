"""Bringing labels into a snapshot: into the working one in `data/`, or onto the branch for data without a work tree.

    brought = bring(site, words, asked="human", at=now, by="flows", message="Labels: 60 bays at night")
    brought.digest, brought.relabelled.counts

Create-or-adopt: what is there already is said by nobody twice, so a second call, also after a kill, changes nothing.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from slipway.pipelines.labelling.importing import fresh_pictures
from slipway.pipelines.labelling.task import tasks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from slipway.pipelines.labelling.opening import Place
    from slipway.platform.data.labels.changing import Said
    from slipway.platform.data.labels.relabelling import Asked, Relabelled
    from slipway.platform.data.labels.words import Word
    from slipway.platform.data.project import Project
    from slipway.platform.data.watching import Watcher

MOMENT: Final = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Brought:
    """What became of the words, and the snapshot that has them."""

    relabelled: "Relabelled"
    digest: str | None
    """Of the snapshot; None where there is none, and nothing was said."""
    commit: str | None = None
    """On the branch; None where nothing changed, or in `data/`."""

    @property
    def changed(self) -> int:
        """How many rows are other ones now, or are new."""
        return len(self.relabelled.rows)


def bring(
    place: "Place",
    words: "Iterable[Word]",
    *,
    asked: "Asked" = "human",
    at: datetime,
    by: str,
    message: str = "Labels",
    given: "Mapping[str, str | None] | None" = None,
) -> Brought:
    """Make the branch for data (`data.branch`) name a snapshot with these labels. Each word names its author.

    Words may be about rows of the branch's snapshot and about pictures of devices that a task asked for; `given` are
    columns of those that somebody knows better than the device, such as `light`.
    """
    from slipway.platform.data.labels.changing import Said
    from slipway.platform.data.project import Project
    from slipway.platform.data.revising import base_of

    project = Project(place.loaded.root, place.loaded.settings)
    fresh, origins = fresh_pictures(place.loaded, base_of(project), tasks(place.store), given)
    said = Said(tuple(words), asked, moment(at), fresh, origins)
    return on_branch(project, said, by=by, at=at, message=message)


def on_branch(
    project: "Project",
    said: "Said",
    *,
    by: str,
    at: datetime,
    message: str,
    watcher: "Watcher | None" = None,
    dry_run: bool = False,
) -> Brought:
    """The same for what was read from a file."""
    from slipway.platform.data.branch import By
    from slipway.platform.data.labels.changing import as_change
    from slipway.platform.data.revising import revise
    from slipway.platform.data.watching import SILENT

    heard: list[Relabelled] = []
    revised = revise(
        project,
        as_change(said, heard.append, project.cache.scratch),
        message=message,
        by=By(by),
        at=at,
        watcher=watcher or SILENT,
        dry_run=dry_run,
    )
    return Brought(heard[-1], revised.pointer.digest, revised.commit)


def into_data(project: "Project", said: "Said", *, watcher: "Watcher", dry_run: bool = False) -> Brought:
    """The same into `data/`, as an import does it; `slipway data commit` makes it a snapshot that others have."""
    from slipway.platform.data.labels.changing import hear, into_folder
    from slipway.platform.data.manifest import NAME
    from slipway.platform.data.snapshot import Snapshot
    from slipway.platform.data.staging import recover

    with project.changing(watcher):
        recover(project.data)
        base = Snapshot(project.data) if (project.data / NAME).exists() else None
        done = hear(base, said)
        digest = base.digest if base is not None else None
        if done.rows and not dry_run:
            digest = into_folder(project.data, base, said, done, project.cache.scratch()).digest
        return Brought(done, digest)


def moment(at: datetime) -> str:
    """As rows have it."""
    return at.astimezone(UTC).strftime(MOMENT)


def word_of(sample: str, category: str, size: tuple[int, int], author: str, place: str = "said") -> "Word":
    """What somebody says of a whole image."""
    from slipway.platform.data.labels.marks import whole
    from slipway.platform.data.labels.words import Drawn, Word

    drawn = Drawn(whole(category, *size), frozenset())
    return Word(sample=sample, place=place, drawn=(drawn,), author=author)
