"""Small snapshots written as what they say, and the command line in this process."""

import hashlib
import io
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from PIL import Image as Picture

from slipway.platform.cli.main import main
from slipway.platform.data.manifest import Provenance
from slipway.platform.data.rows import Box, Identity, Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.writer import SnapshotWriter

Command = Callable[..., subprocess.CompletedProcess[str]]

CAR = Box(category="car", x=10, y=10, w=40, h=20, track="t1", identity="id-1", author="ada")
VAN = Box(category="van", x=70, y=15, w=50, h=30, author="ada")


def picture(name: str) -> bytes:
    """A picture with some noise that its name decides."""
    stream = io.BytesIO()
    Picture.frombytes("L", (160, 90), hashlib.shake_256(name.encode()).digest(600) + bytes(160 * 90 - 600)).save(
        stream, "PNG"
    )
    return stream.getvalue()


def sample_id(name: str) -> str:
    return hashlib.sha256(picture(name)).hexdigest()


@dataclass(frozen=True)
class Shot:
    """One image of a small snapshot."""

    name: str
    boxes: tuple[Box, ...] = (CAR,)
    image: Image = field(
        default_factory=lambda: Image(
            width=160, height=90, split="train", source="?", camera="north", day="2026-03-01", light="day"
        )
    )

    def but(self, *boxes: Box, **values: Any) -> "Shot":
        """The same picture, with other boxes where some are given, and other metadata."""
        return Shot(self.name, boxes or self.boxes, replace(self.image, **values))


class Make:
    """Writes snapshots below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0

    def __call__(
        self,
        shots: Iterable[Shot],
        *,
        identities: Mapping[str, str] | None = None,
        source: str = "import",
        licence: str = "CC0-1.0",
        shard_limit: int = 5000,
        folder: Path | None = None,
    ) -> Snapshot:
        target = folder or self.place()
        # What survives a power cut is the writer's own subject; here nothing waits for the disk.
        with patch("os.fsync"), SnapshotWriter(target, shard_limit=shard_limit) as writer:
            for shot in shots:
                image = replace(shot.image, source=f"{shot.name}.jpg") if shot.image.source == "?" else shot.image
                writer.add(picture(shot.name), image, shot.boxes)
            for name, split in (identities or {}).items():
                writer.add_identity(Identity(identity=name, category="car", split=split))
            writer.finish([Provenance(kind="import", source=source)], licence)
        return Snapshot(target)

    def place(self) -> Path:
        """A folder that is not there yet."""
        self._number += 1
        return self._folder / f"snapshot-{self._number}"


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return Make(tmp_path)


@pytest.fixture
def shot() -> type[Shot]:
    return Shot


@pytest.fixture
def car() -> Box:
    return CAR


@pytest.fixture
def van() -> Box:
    return VAN


@pytest.fixture
def sample_of() -> Callable[[str], str]:
    return sample_id


@pytest.fixture
def slipway(tmp_path: Path) -> Command:
    """`slipway data ...` in this process, in an empty project."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "slipway.toml").write_text("")

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(project)
            code = main(["data", *map(str, arguments)])
        return subprocess.CompletedProcess([*map(str, arguments)], code, out.getvalue(), err.getvalue())

    return run


class Repository:
    """A project in a git repository, with `slipway` as the merge driver of data.dvc."""

    def __init__(self, root: Path, make: Make, slipway: Command) -> None:
        self.root = root
        self.make = make
        self.slipway = slipway

    def git(self, *arguments: str, code: int = 0) -> str:
        names = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", *names, *arguments], cwd=self.root, capture_output=True, text=True, input="", check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return (done.stdout + done.stderr).strip()

    def fine(self, *arguments: object) -> str:
        done = self.slipway(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def commit(self, shots: Iterable[Shot]) -> str:
        """Make this the data, commit it with slipway and with git; its digest."""
        digest = self.make(shots, folder=self.root / "data").digest
        self.fine("commit")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "data")
        return digest

    def pointer(self) -> str:
        return (self.root / "data.dvc").read_text()


@pytest.fixture
def repository(tmp_path: Path, make: Make, slipway: Command) -> Repository:
    made = Repository(tmp_path / "project", make, slipway)
    (made.root / ".gitignore").write_text("/data/\n/.data.*\n.slipway/\n")
    made.git("init", "-q", "-b", "main")
    made.git("config", "merge.slipway.driver", f"{Path(sys.executable).parent / 'slipway'} data merge-driver %O %A %B")
    (made.root / ".gitattributes").write_text("data.dvc merge=slipway\n")
    made.git("add", "-A")
    made.git("commit", "-q", "-m", "a project")
    return made
