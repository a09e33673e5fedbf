"""How things stand: `data/` against `data.dvc`, against HEAD, against the cache, the store and the remote."""

from dataclasses import dataclass
from typing import Any

from slipway.platform.data.errors import DataError
from slipway.platform.data.history import committed_pointer
from slipway.platform.data.objects import size_of
from slipway.platform.data.obtain import check_pointer
from slipway.platform.data.pointer import NAME, Pointer, read_pointer
from slipway.platform.data.project import Project
from slipway.platform.data.push import lacking, object_sizes
from slipway.platform.data.record import Record, load_record
from slipway.platform.data.watching import Watcher
from slipway.platform.data.worktree import WorkTree, inspect


@dataclass(frozen=True)
class Standing:
    """What was found."""

    tree: WorkTree
    pointer: Pointer | None
    head: Pointer | None
    record: Record | None
    not_cached: int | None
    """Objects of `data.dvc`'s snapshot that the cache lacks; None where they are not known."""
    not_remote: int | None
    trouble: str | None
    """Why the remote could not be asked."""

    @property
    def advice(self) -> str | None:
        """What to do next, if anything."""
        tree, pointer = self.tree, self.pointer
        if pointer is None:
            return "slipway data commit" if tree.digest else "slipway data import"
        if tree.digest is None or tree.missing or tree.damaged:
            return "slipway data pull"
        if tree.edited:
            return "slipway data pull --force"
        if tree.digest != pointer.digest:
            return "slipway data commit, or slipway data pull --force"
        if self.not_remote or self.record is None:
            return "slipway data push"
        return f"git commit {NAME}" if pointer != self.head else None

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        tree = self.tree
        return {
            "data": tree.digest,
            "clean": tree.clean,
            "missing": tree.missing,
            "damaged": tree.damaged,
            "edited": tree.edited,
            "data_dvc": self.pointer.digest if self.pointer else None,
            "head": self.head.digest if self.head else None,
            "recorded": self.record is not None,
            "not_cached": self.not_cached,
            "not_remote": self.not_remote,
            "remote_trouble": self.trouble,
            "advice": self.advice,
        }


def standing(project: Project, watcher: Watcher) -> Standing:
    """Look at everything, change nothing."""
    pointer, head = read_pointer(project.root), committed_pointer(project)
    tree = inspect(project.data, watcher)
    record = load_record(project.store, pointer.digest) if pointer else None
    if record is None or pointer is None:
        return Standing(tree, pointer, head, record, None, None, None)
    check_pointer(pointer, record)
    absent = [oid for oid, size in object_sizes(record).items() if size_of(project.cache.object(oid)) != size]
    try:
        return Standing(tree, pointer, head, record, len(absent), len(lacking(project.remote, record)), None)
    except DataError as error:
        return Standing(tree, pointer, head, record, len(absent), None, str(error))
