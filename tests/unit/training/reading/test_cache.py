"""Decoded pixels on disk: what decoding gives, built once by one process, and never half or wrong."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slipway.platform.data.rows import Image
from slipway.platform.data.snapshot import Snapshot
from slipway.training.reading.blocks import BLOCK_BYTES, Layout
from slipway.training.reading.cache import FOLDER, Cached, cached
from slipway.training.reading.errors import UnreadableImage
from slipway.training.reading.pixels import Pixels
from slipway.training.reading.plans import Shuffled
from slipway.training.reading.reader import Reader
from slipway.training.reading.source import Decoded, whole_images

SCRIPT = Path(__file__).with_name("build_cache.py")
SIDE = 512
"""Large enough for 40 rows to make four blocks."""


@contextmanager
def builder(snapshot: Snapshot, cache: Path, *options: object) -> Iterator[subprocess.Popen[str]]:
    """A process that opens the cache; killed if it is still there in the end."""
    command = [sys.executable, SCRIPT, snapshot.folder, cache, SIDE, *options]
    pipe = subprocess.PIPE
    with subprocess.Popen([str(part) for part in command], stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The next line that it prints."""
    assert process.stdout
    found: dict[str, Any] = json.loads(process.stdout.readline())
    return found


def at_side(snapshot: Snapshot, side: int) -> Decoded:
    """All images of a snapshot."""
    return Decoded(snapshot, whole_images(snapshot, snapshot.index), (side, side))


def all_pixels(source: Decoded | Cached) -> Pixels:
    """Every row."""
    out = np.empty((source.count, *source.size, 3), np.uint8)
    source.read(np.arange(source.count), out)
    return out


def names(cache: Path) -> set[str]:
    """Kinds of files in the cache's folder."""
    return {path.suffix for path in (cache / FOLDER).iterdir()}


@pytest.fixture
def progress() -> tuple[list[int], Callable[[int, int], None]]:
    """What a build reports, and the function to report to."""
    told: list[int] = []
    return told, lambda done, _: told.append(done)


def test_gathering_gives_what_decoding_gives(decoded: Decoded, tmp_path: Path) -> None:
    source = cached(decoded, tmp_path, threads=2)
    assert (all_pixels(source) == all_pixels(decoded)).all()
    plan = Shuffled(decoded.count, 8, seed=0)
    pairs = zip(Reader(source, plan, threads=1), Reader(decoded, plan, threads=1), strict=True)
    assert all(one.images.equal(other.images) for one, other in pairs)
    assert names(tmp_path) == {".npy", ".json", ".lock"}


def test_the_file_is_an_array_that_numpy_opens(decoded: Decoded, tmp_path: Path) -> None:
    path = cached(decoded, tmp_path, threads=1).path
    assert (np.load(path) == all_pixels(decoded)).all()


def test_a_row_that_is_not_there_is_refused(decoded: Decoded, tmp_path: Path) -> None:
    source = cached(decoded, tmp_path, threads=1)
    with pytest.raises(IndexError, match="rows 40 to 40 of 40"):
        source.read(np.array([40]), np.empty((1, 32, 32, 3), np.uint8))


def test_size_and_view_have_files_of_their_own(snapshot: Snapshot, decoded: Decoded, tmp_path: Path) -> None:
    fewer = Decoded(snapshot, whole_images(snapshot, np.arange(7)), (32, 32))
    paths = {cached(source, tmp_path, threads=1).path for source in (decoded, at_side(snapshot, 16), fewer)}
    assert len(paths) == 3


def test_four_processes_at_once_build_it_once(snapshot: Snapshot, tmp_path: Path) -> None:
    contexts = [builder(snapshot, tmp_path, "--at-once") for _ in range(4)]
    with contexts[0] as a, contexts[1] as b, contexts[2] as c, contexts[3] as d:
        for process in (a, b, c, d):
            assert line_of(process) == {"ready": True}
        for process in (a, b, c, d):
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
        outcomes = [process.communicate() for process in (a, b, c, d)]
    lines = [[json.loads(line) for line in out.splitlines()] for out, _ in outcomes]
    blocks = len(Layout(40, (SIDE, SIDE)).blocks)
    assert sorted(len(told) for told in lines) == [1, 1, 1, 1 + blocks], outcomes
    assert len({told[-1]["sha256"] for told in lines}) == 1


def test_when_the_builder_is_killed_who_waits_says_so_and_goes_on_with_its_blocks(
    snapshot: Snapshot, tmp_path: Path
) -> None:
    with builder(snapshot, tmp_path, "--hold") as first, builder(snapshot, tmp_path, "--at-once") as second:
        assert line_of(first)["done"] == 1
        assert line_of(second) == {"ready": True}
        assert second.stdin
        assert second.stderr
        second.stdin.write("\n")
        second.stdin.flush()
        assert "another process prepares" in second.stderr.readline()
        assert not list((tmp_path / FOLDER).glob("*.npy"))
        first.kill()
        out, err = second.communicate()
    told = [json.loads(line) for line in out.splitlines()]
    assert told[0]["done"] == 2, err
    source = at_side(snapshot, SIDE)
    found = cached(source, tmp_path, threads=1)
    assert (all_pixels(found) == all_pixels(source)).all()
    assert told[-1]["sha256"] == hashlib.sha256(found.path.read_bytes()).hexdigest()
    assert names(tmp_path) == {".npy", ".json", ".lock"}


def test_what_a_killed_builder_left_is_not_trusted(
    snapshot: Snapshot, tmp_path: Path, progress: tuple[list[int], Callable[[int, int], None]]
) -> None:
    with builder(snapshot, tmp_path, "--hold") as first:
        assert line_of(first)["done"] == 1
    part = next((tmp_path / FOLDER).glob("*.part"))
    journal = part.with_suffix(".journal")
    with part.open("r+b") as file:
        file.seek(500)
        file.write(b"damage")
    journal.write_text(journal.read_text() + "3 4f")
    told, report = progress
    source = at_side(snapshot, SIDE)
    assert (all_pixels(cached(source, tmp_path, threads=1, progress=report)) == all_pixels(source)).all()
    assert told[0] == 1


def shorten(data: bytes) -> bytes:
    return data[:-1]


def flip_a_bit(data: bytes) -> bytes:
    return data[:5000] + bytes([data[5000] ^ 1]) + data[5001:]


def clear_the_header(data: bytes) -> bytes:
    return bytes(64) + data[64:]


def test_a_seal_that_is_not_ours_makes_the_file_anew(decoded: Decoded, tmp_path: Path) -> None:
    for content in (b"", b"[]", b"{}", b'{"blocks": 3}', b'{"blocks": ["x"]}'):
        path = cached(decoded, tmp_path, threads=1).path
        path.with_suffix(".json").write_bytes(content)
        assert (all_pixels(cached(decoded, tmp_path, threads=1)) == all_pixels(decoded)).all()


def test_a_file_that_was_damaged_is_noticed_and_built_again(
    decoded: Decoded, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = all_pixels(decoded)
    for spoil in (shorten, flip_a_bit, clear_the_header):
        path = cached(decoded, tmp_path, threads=1).path
        # A new file: an open map shows what is written to the old one, but not what a disk loses.
        data = spoil(path.read_bytes())
        path.unlink()
        path.write_bytes(data)
        caplog.clear()
        assert (all_pixels(cached(decoded, tmp_path, threads=1)) == good).all()
        assert "is damaged in rows 0 to 39: built again" in caplog.text


def test_a_good_file_is_neither_built_nor_locked_again(
    decoded: Decoded, tmp_path: Path, progress: tuple[list[int], Callable[[int, int], None]]
) -> None:
    cached(decoded, tmp_path, threads=1)
    next((tmp_path / FOLDER).glob("*.lock")).unlink()
    told, report = progress
    cached(decoded, tmp_path, threads=1, progress=report)
    cached(decoded, tmp_path, threads=1, progress=report, verify=False)
    assert told == []
    assert names(tmp_path) == {".npy", ".json"}


def test_without_room_nothing_is_left_and_the_message_says_how_much_it_takes(
    snapshot: Snapshot, tmp_path: Path
) -> None:
    with builder(snapshot, tmp_path, "--room", BLOCK_BYTES) as process:
        out, err = process.communicate()
    assert (process.returncode, out) == (1, "")
    assert "cannot be written" in err
    assert f"it takes {Layout(40, (SIDE, SIDE)).bytes:,} bytes" in err
    assert "data.cache" in err
    assert names(tmp_path) == {".lock"}


def test_an_image_that_cannot_be_decoded_leaves_no_file(tmp_path: Path, make_snapshot: Callable[..., Snapshot]) -> None:
    image = Image(width=16, height=16, split="train", source="made here")
    broken = make_snapshot([(b"\xff\xd8\xff" + bytes(100), image, ())])
    with pytest.raises(UnreadableImage):
        cached(at_side(broken, 16), tmp_path, threads=1)
    assert names(tmp_path) == {".lock"}
