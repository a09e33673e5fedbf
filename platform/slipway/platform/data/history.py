"""All snapshots that are known: what `data.dvc` names anywhere in git, and what the store has a record of."""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from slipway.platform.data.errors import DataError
from slipway.platform.data.objects import Cache
from slipway.platform.data.pointer import NAME, Pointer, parse_pointer, read_pointer
from slipway.platform.data.project import Project
from slipway.platform.data.record import Record, key_of, load_record, recorded
from slipway.platform.data.remote import Remote


@dataclass
class Version:
    """One known snapshot and where it is known from."""

    digest: str
    pointer: Pointer | None = None
    record: Record | None = None
    date: datetime | None = None
    commits: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    """Branches, tags and work trees whose `data.dvc` names it now."""


def versions(project: Project) -> list[Version]:
    """Every known snapshot, the newest first."""
    found: dict[str, Version] = {}
    for commit, date, pointer in _committed(project):
        version = _known(found, pointer)
        version.commits.append(commit)
        version.date = date if version.date is None else min(version.date, date)
    for name, pointer in current(project):
        _known(found, pointer).names.append(name)
    store, now = project.store, datetime.now(UTC)
    for digest in recorded(store):
        version = found.setdefault(digest, Version(digest))
        version.record = load_record(store, digest)
        if version.date is None:
            version.date = now - store.age(key_of(digest))
    never = datetime.min.replace(tzinfo=UTC)
    return sorted(found.values(), key=lambda version: (version.date or never, version.digest), reverse=True)


def current(project: Project) -> Iterator[tuple[str, Pointer]]:
    """What `data.dvc` names now: here, at HEAD, in other work trees, and at the tip of every branch and tag."""
    try:
        here = read_pointer(project.root)
    except DataError:
        here = None  # whoever needs it says what is wrong with it
    if here is not None:
        yield "work tree", here
    for name, folder in _work_trees(project):
        pointer = read_pointer(folder)
        if pointer is not None:
            yield name, pointer
    refs = project.git("for-each-ref", "--format=%(refname)", "refs") or ""
    for ref in ("HEAD", *refs.split()):
        pointer = _readable(project, ref)
        if pointer is not None:
            short = ref.removeprefix("refs/heads/").removeprefix("refs/tags/").removeprefix("refs/")
            yield short, pointer


def presence(digests: Mapping[str, str], cache: Cache, remote: Remote) -> dict[str, tuple[bool, bool | None]]:
    """Whether cache and remote have a snapshot, by its list of files; None where the remote cannot be asked."""

    def look(tree: str) -> tuple[bool, bool | None]:
        try:
            remotely: bool | None = remote.size(tree) is not None
        except DataError:
            remotely = None
        return cache.object(tree).is_file(), remotely

    with ThreadPoolExecutor(remote.parallel) as pool:
        return dict(zip(digests, pool.map(look, digests.values()), strict=True))


def is_shallow(project: Project) -> bool:
    """Whether git holds a part of its history only."""
    return (project.git("rev-parse", "--is-shallow-repository") or "").strip() == "true"


def committed_pointer(project: Project) -> Pointer | None:
    """What HEAD names, if it names a snapshot."""
    return _readable(project, "HEAD")


def _known(found: dict[str, Version], pointer: Pointer) -> Version:
    version = found.setdefault(pointer.digest, Version(pointer.digest))
    version.pointer = version.pointer or pointer
    return version


def _committed(project: Project) -> Iterator[tuple[str, datetime, Pointer]]:
    listed = project.git("log", "--all", "--reflog", "--format=%H %cI", "--", NAME) or ""
    for line in listed.splitlines():
        commit, _, date = line.partition(" ")
        pointer = _readable(project, commit)
        if pointer is not None:
            yield commit, datetime.fromisoformat(date), pointer


def _readable(project: Project, revision: str) -> Pointer | None:
    """A revision's pointer; one that names no snapshot of ours, such as plain DVC's, is none."""
    text = project.git("show", f"{revision}:./{NAME}")
    try:
        return None if text is None else parse_pointer(text, f"{NAME} at {revision}")
    except DataError:
        return None


def _work_trees(project: Project) -> Iterator[tuple[str, Path]]:
    """Other work trees of the same repository, and this project's folder in them."""
    listed = project.git("worktree", "list", "--porcelain", "-z") or ""
    top = (project.git("rev-parse", "--show-toplevel") or "").strip()
    if not top:
        return
    below = os.path.relpath(project.root.resolve(), Path(top).resolve())
    for entry in listed.split("\0"):
        word, _, place = entry.partition(" ")
        if word == "worktree" and Path(place).resolve() != Path(top).resolve():
            yield f"work tree {place}", Path(place) / below
