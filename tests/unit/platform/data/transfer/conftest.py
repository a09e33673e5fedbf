"""A scratch project with git and DVC, small snapshots to put into it, and the real commands."""

import hashlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from slipway.platform.cli.main import main
from slipway.platform.data.manifest import Manifest, Provenance
from slipway.platform.data.project import Project
from slipway.platform.data.rows import Box, Identity, Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.writer import SnapshotWriter
from slipway.platform.settings import load

ROOT = Path(__file__).resolve().parents[5]
SHARD_LIMIT = 40_000
Done = subprocess.CompletedProcess[str]


def picture(number: int, size: int = 6000) -> bytes:
    """Bytes that begin as a JPEG does; nothing here decodes them."""
    return b"\xff\xd8\xff" + hashlib.shake_256(str(number).encode()).digest(size)


def fill(
    target: Path, numbers: Iterable[int], *, base: Snapshot | None = None, split: str = "train", source: str = "test"
) -> Manifest:
    with SnapshotWriter(target, base=base, shard_limit=SHARD_LIMIT) as writer:
        for number in numbers:
            camera = f"cam-{number // 10}"
            image = Image(width=8, height=8, split=split, source=f"{number}.jpg", camera=camera)
            box = Box(category="car", x=1, y=1, w=2, h=2, identity=f"car-{number}")
            writer.add(picture(number), image, [box])
            writer.add_identity(Identity(identity=f"car-{number}", category="car", split=split))
        kind = "world" if ":" in source else "import"
        return writer.finish([Provenance(kind=kind, source=source)], "CC0-1.0")


@dataclass(frozen=True)
class Scratch:
    """A project in a git repository."""

    root: Path
    home: Path

    @property
    def project(self) -> Project:
        return Project(self.root, load(self.root, {"HOME": str(self.home)}).settings)

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def remote_objects(self) -> dict[str, int]:
        folder = self.root / ".slipway/remote/files/md5"
        return {path.parent.name + path.name: path.stat().st_ino for path in folder.glob("*/*")}

    def fill(self, numbers: Iterable[int], **how: object) -> Manifest:
        return fill(self.data, numbers, **how)  # type: ignore[arg-type]

    def add(self, numbers: Iterable[int]) -> Manifest:
        """A new day on what is there."""
        return fill(self.data, numbers, base=Snapshot(self.data))

    def run(self, *command: str, **variables: str) -> Done:
        coverage = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
        environ = {"HOME": str(self.home), "PATH": os.environ["PATH"], "DVC_NO_ANALYTICS": "1", **coverage, **variables}
        return subprocess.run(
            command, cwd=self.root, env=environ, input="", capture_output=True, text=True, check=False
        )

    def slipway(self, *arguments: str, **variables: str) -> Done:
        """The command line in this process: starting one for each command would be most of the time."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.root)
            patch.setattr("sys.stdin", io.StringIO())
            for name, value in variables.items():
                patch.setenv(name, value)
            code = main(["data", *arguments])
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())

    def fine(self, *arguments: str) -> str:
        done = self.slipway(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def dvc(self, *arguments: str) -> str:
        done = self.run("dvc", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def git(self, *arguments: str) -> str:
        names = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
        done = self.run("git", *names, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit_all(self) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "a change")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    """An empty project with this repository's DVC files."""
    root, home = tmp_path / "project", tmp_path / "home"
    home.mkdir()
    made = Scratch(root, home)
    (root / ".dvc").mkdir(parents=True)
    for name in (".dvc/config", ".dvc/.gitignore", ".dvcignore"):
        shutil.copy(ROOT / name, root / name)
    (root / "slipway.toml").write_text("")
    (root / ".gitignore").write_text("/data/\n/.data.*\n.slipway/\n")
    made.git("init", "-q", "-b", "main")
    return made


@pytest.fixture
def clone(scratch: Scratch, tmp_path: Path) -> Callable[[], Scratch]:
    """A fresh clone of the scratch project; it shares no state that git does not carry."""

    def make() -> Scratch:
        target = tmp_path / "clone"
        scratch.git("clone", "-q", str(scratch.root), str(target))
        return Scratch(target, scratch.home)

    return make


@pytest.fixture
def day(tmp_path: Path) -> Callable[..., Snapshot]:
    """Writes a snapshot of these images to a folder of its own, as somebody delivers it."""

    def make(numbers: Iterable[int], name: str = "day", split: str = "train") -> Snapshot:
        fill(tmp_path / name, numbers, source=name, split=split)
        return Snapshot(tmp_path / name)

    return make


@pytest.fixture
def script() -> str:
    return sys.executable
