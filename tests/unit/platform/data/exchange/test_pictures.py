"""Files that are no good images are refused by name, before anything is decoded or written."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.data.errors import BadImport
from slipway.platform.data.exchange.adding import add_plan
from slipway.platform.data.exchange.imagefolder import read_imagefolder
from slipway.platform.data.exchange.plan import Options, make_plan
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.watching import Silent


def bomb() -> bytes:
    """A PNG of a few bytes that says it has ten thousand million pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda data: data[:-20], "is truncated"),
        (lambda data: data[:30], "has a broken header"),
        (lambda _: b"", "is empty"),
        (lambda _: b"GIF89a", "is neither JPEG nor PNG"),
        (lambda _: b"\xff\xd8\xff" + b"\x00" * 100, "has a broken header"),
        (lambda _: bomb(), "has 100000 x 100000 pixels, more than the 67,108,864 allowed"),
    ],
    ids=["end", "header", "empty", "gif", "junk", "bomb"],
)
def test_a_bad_image_is_named(
    tmp_path: Path, lay: Any, picture: Any, take_in: Any, spoil: Callable[[bytes], bytes], told: str
) -> None:
    source = lay(tmp_path / "src", {"car/good.jpg": picture(1), "car/bad.jpg": spoil(picture(2))})
    with pytest.raises(BadImport) as caught:
        take_in("imagefolder", source, tmp_path / "data")
    assert f"car/bad.jpg {told}" in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["src"]


def test_a_truncated_png_is_named(tmp_path: Path, lay: Any, picture: Any, take_in: Any) -> None:
    source = lay(tmp_path / "src", {"car/bad.png": picture(2, kind="png")[:-6]})
    with pytest.raises(BadImport, match=r"bad\.png is truncated"):
        take_in("imagefolder", source, tmp_path / "data")


def test_the_pixel_limit_can_be_chosen(tmp_path: Path, lay: Any, picture: Any, take_in: Any) -> None:
    source = lay(tmp_path / "src", {"car/a.jpg": picture(1)})
    with pytest.raises(BadImport, match="has 16 x 12 pixels, more than the 100 allowed"):
        take_in("imagefolder", source, tmp_path / "data", max_pixels=100)


def test_a_link_out_of_the_folder_is_refused_and_one_inside_is_followed(
    tmp_path: Path, lay: Any, picture: Any, take_in: Any
) -> None:
    source = lay(tmp_path / "src", {"train/car/a.jpg": picture(1), "store/a": picture(2)})
    (source / "train/car/inside.jpg").symlink_to("../../store/a")
    assert take_in("imagefolder", source, tmp_path / "data").manifest.counts["images"] == 2
    lay(tmp_path, {"secret.jpg": picture(3)})
    (source / "train/car/outside.jpg").symlink_to(tmp_path / "secret.jpg")
    with pytest.raises(BadImport, match=r"outside\.jpg is a link to .*secret\.jpg, outside of"):
        take_in("imagefolder", source, tmp_path / "data")


def test_a_link_to_nothing_and_a_pipe_are_refused_without_waiting(
    tmp_path: Path, lay: Any, picture: Any, take_in: Any
) -> None:
    source = lay(tmp_path / "src", {"car/a.jpg": picture(1)})
    (source / "car/nothing.jpg").symlink_to("gone.jpg")
    os.mkfifo(source / "car/pipe.jpg")
    with pytest.raises(BadImport) as caught:
        take_in("imagefolder", source, tmp_path / "data")
    assert "nothing.jpg cannot be read: No such file or directory" in str(caught.value)
    assert "pipe.jpg is no plain file" in str(caught.value)


def test_many_problems_are_told_at_once_and_counted(tmp_path: Path, lay: Any, take_in: Any) -> None:
    source = lay(tmp_path / "src", {f"car/{number:02d}.jpg": b"" for number in range(25)})
    with pytest.raises(BadImport) as caught:
        take_in("imagefolder", source, tmp_path / "data")
    told = str(caught.value).splitlines()
    assert told[0] == "25 problems, nothing was changed."
    assert told[1].endswith("00.jpg is empty.")
    assert told[-1] == "  ... and 15 more."


@pytest.mark.parametrize("kind", ["imagefolder", "reid", "mot", "coco"])
def test_empty_missing_and_wrong_sources_are_refused(tmp_path: Path, lay: Any, take_in: Any, kind: str) -> None:
    (tmp_path / "empty").mkdir()
    lay(tmp_path, {"file": "x"})
    for source, told in (("empty", "holds no"), ("gone", "does not exist"), ("file", "no")):
        with pytest.raises(BadImport, match=told):
            take_in(kind, tmp_path / source, tmp_path / "data")


class Interrupting(Silent):
    """A person presses Ctrl-C while the second image is written."""

    def __init__(self) -> None:
        self.written = 0

    def advance(self, count: int) -> None:
        self.written += count
        if self.written == 2:
            raise KeyboardInterrupt


def test_ctrl_c_while_writing_leaves_the_earlier_snapshot_and_nothing_else(
    tmp_path: Path, lay: Any, picture: Any, take_in: Any
) -> None:
    before = take_in("imagefolder", lay(tmp_path / "one", {"car/a.jpg": picture(1)}), tmp_path / "data")
    source = lay(tmp_path / "two", {f"car/{number}.jpg": picture(number) for number in range(2, 6)})
    plan = make_plan(read_imagefolder(source, Options()), Options(), before)
    with pytest.raises(KeyboardInterrupt):
        add_plan(plan, tmp_path / "data", before, None, Interrupting())
    assert Snapshot(tmp_path / "data").digest == before.digest
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "one", "two"]


def test_a_file_that_changes_between_looking_and_writing_stops_the_import(
    tmp_path: Path, lay: Any, picture: Any
) -> None:
    source = lay(tmp_path / "src", {"car/a.jpg": picture(1)})
    plan = make_plan(read_imagefolder(source, Options()), Options(), None)
    lay(source, {"car/a.jpg": picture(2)})
    with pytest.raises(BadImport, match=r"a\.jpg changed while it was imported"):
        add_plan(plan, tmp_path / "data", None, None)
    assert not (tmp_path / "data").exists()
