"""What pulling a snapshot costs, against copying the same tree and computing both digests of it.

The snapshot has 200 MB in shards of the usual size. Ours fetches from a directory into an empty cache, checks every
byte, and puts the work tree in place; the reference is what nobody can do without: a copy, its md5, its sha256.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import Pair
from slipway.platform.data.commit import commit
from slipway.platform.data.manifest import Provenance
from slipway.platform.data.project import Project
from slipway.platform.data.push import push
from slipway.platform.data.rows import Image
from slipway.platform.data.watching import SILENT
from slipway.platform.data.worktree import pull
from slipway.platform.data.writer import SnapshotWriter
from slipway.platform.settings import Settings, schema

ROOT = Path(__file__).resolve().parents[2]
IMAGES = 2000
IMAGE_BYTES = 100_000


@contextmanager
def pairs() -> Iterator[list[Pair]]:
    """A pull from nothing but the remote."""
    state = ROOT / ".slipway" / "bench"
    state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=state) as scratch:
        project = publish(Path(scratch))
        yield [
            Pair(
                name="directory: pull 200 MB, against cp, md5, sha256",
                ours=lambda: pull_anew(project),
                reference=lambda: copy_and_digest(project.root / "reference", project.root / "copy"),
                unit="ms",
                goal=4.0,
            )
        ]


def publish(folder: Path) -> Project:
    """A project whose snapshot is committed and pushed."""
    data = schema.Data(remote=str(folder / "remote"), cache=folder / "cache")
    project = Project(folder, Settings(store=schema.Store(url=str(folder / "store")), data=data))
    with SnapshotWriter(project.data) as writer:
        for number in range(IMAGES):
            image = Image(width=8, height=8, split="train", source=f"{number}.jpg")
            writer.add(b"\xff\xd8\xff" + os.urandom(IMAGE_BYTES), image)
        writer.finish([Provenance(kind="import", source="bench")], "CC0-1.0")
    push(project, commit(project, SILENT).record, SILENT)
    shutil.copytree(project.data, folder / "reference")
    return project


def pull_anew(project: Project) -> None:
    """Pull into an empty cache and no work tree, as on a fresh clone."""
    shutil.rmtree(project.settings.data.cache)
    shutil.rmtree(project.data)
    pull(project, project.pointer(), SILENT)


def copy_and_digest(source: Path, target: Path) -> list[str]:
    """A copy of the tree, and both digests of every file of it."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    return [digest(path, name) for name in ("md5", "sha256") for path in target.rglob("*") if path.is_file()]


def digest(path: Path, name: str) -> str:
    """One digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, name).hexdigest()
