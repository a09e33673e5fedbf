"""A small snapshot of real pictures, and the command line in this process."""

import io
import subprocess
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from PIL import Image as Picture

from slipway.platform.cli.main import main
from slipway.platform.data.manifest import Provenance
from slipway.platform.data.rows import Box, Identity, Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.writer import SnapshotWriter

Command = Callable[..., subprocess.CompletedProcess[str]]

LIGHTS = ("day", "day", "dusk", "night")
WIDTH, HEIGHT = 64, 48


def picture(number: int, kind: str = "JPEG") -> bytes:
    """A picture of one colour of its own."""
    stream = io.BytesIO()
    Picture.new("RGB", (WIDTH, HEIGHT), (number * 20 % 256, 200, number * 7 % 256)).save(stream, kind)
    return stream.getvalue()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "slipway.toml").write_text("")
    return folder


@pytest.fixture
def snapshot(project: Path) -> Snapshot:
    """Eight images of two cameras on two days; `car-N` is in image N, a hidden van in the even ones."""
    with SnapshotWriter(project / "data", shard_limit=6000) as writer:
        for number in range(8):
            image = Image(
                width=WIDTH,
                height=HEIGHT,
                split="train" if number < 6 else "test",
                source=f"gate/{number}.jpg",
                site="west",
                camera="north" if number % 2 else "south",
                day=f"2026-03-0{1 + number // 4}",
                time=28800.0 + 60 * number,
                light=LIGHTS[number % 4],
                weather=None if number == 7 else "dry",
                sequence="q1",
                frame=number,
                slices={"zone": "ramp" if number < 3 else "aisle"},
            )
            boxes = [Box(category="car", x=4, y=4, w=20, h=12, identity=f"car-{number}", track="t1", author="ada")]
            if number % 2 == 0:
                boxes.append(Box(category="van", x=30, y=20, w=20, h=12, occlusion=number / 10, author="grace"))
            writer.add(picture(number, "PNG" if number == 5 else "JPEG"), image, boxes)
            writer.add_identity(Identity(identity=f"car-{number}", category="car", split=image.split))
        writer.finish([Provenance(kind="import", source="gate")], "CC0-1.0")
    return Snapshot(project / "data")


@pytest.fixture
def slipway(project: Path) -> Command:
    """`slipway data ...` in this process, in the project."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(project)
            code = main(["data", *map(str, arguments)])
        return subprocess.CompletedProcess([*map(str, arguments)], code, out.getvalue(), err.getvalue())

    return run
