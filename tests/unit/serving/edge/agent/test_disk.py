"""What the disk promises: to survive a power cut, to hold no half files, and to stay below its folder."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent_world.cutting import Cut, CuttingDisk, Full, PowerCut, Unsynced
from slipway.serving.edge.agent.disk import RealDisk

Work = Callable[[RealDisk], object]
OLD, NEW = b"old content", b"the new one"
WORKS: dict[str, tuple[Work, str]] = {
    "replace": (lambda disk: disk.replace("m/file", NEW), "m/file"),
    "replace in a new folder": (lambda disk: disk.replace("m/n/file", NEW), "m/n/file"),
    "write a new file": (lambda disk: disk.write_from("m/other", 0, [NEW[:4], NEW[4:]]), "m/other"),
    "link": (lambda disk: disk.link("m/new", "m/link"), "m/link"),
    "link in place of another": (lambda disk: disk.link("m/new", "m/file"), "m/file"),
    "rename": (lambda disk: disk.rename("m/new", "p/renamed"), "p/renamed"),
    "rename over another": (lambda disk: disk.rename("m/new", "m/file"), "m/file"),
}


def prepared(folder: Path) -> Path:
    (folder / "m").mkdir(parents=True)
    (folder / "m" / "file").write_bytes(OLD)
    (folder / "m" / "new").write_bytes(NEW)
    return folder


@pytest.fixture
def disk(tmp_path: Path) -> RealDisk:
    return RealDisk(prepared(tmp_path / "device"))


@pytest.mark.parametrize("name", WORKS)
def test_a_cut_leaves_the_old_or_the_new_and_what_was_returned_from_lasts(tmp_path: Path, name: str) -> None:
    work, path = WORKS[name]
    whole = CuttingDisk(prepared(tmp_path / "whole"))
    work(whole)
    for number, moment in enumerate(whole.moments):
        for count in moment.counts():
            for unsynced in Unsynced:
                folder = prepared(tmp_path / f"{number}-{count}-{unsynced.value}")
                with pytest.raises(PowerCut):
                    work(CuttingDisk(folder, Cut(number, count, unsynced)))
                found = RealDisk(folder).read(path)
                begun = name == "write a new file" and found is not None
                assert begun or found in {OLD, NEW, None}
                assert found is not None or not path.endswith("m/file") or name == "link in place of another"
    for unsynced in Unsynced:
        folder = prepared(tmp_path / f"after-{unsynced.value}")
        lasting = CuttingDisk(folder, Cut(len(whole.moments), 0, unsynced))
        work(lasting)
        with pytest.raises(PowerCut):
            lasting.replace("later", b"x")
        assert RealDisk(folder).read(path) == NEW


def test_removing_lasts_when_it_was_returned_from(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "device")
    whole = CuttingDisk(prepared(tmp_path / "whole"))
    whole.remove("m")
    disk = CuttingDisk(folder, Cut(len(whole.moments), 0, Unsynced.NAMES_LOST))
    disk.remove("m")
    with pytest.raises(PowerCut):
        disk.replace("later", b"x")
    assert not (folder / "m").exists()


@pytest.mark.parametrize("kept", [0, 1, 5, len(NEW)])
def test_a_write_goes_on_where_it_stopped_and_cuts_off_what_was_behind(disk: RealDisk, kept: int) -> None:
    assert disk.write_from("m/new", kept, [b"more"]) == kept + 4
    assert disk.read("m/new") == NEW[:kept] + b"more"


def test_what_came_before_an_error_stays_for_the_next_try(disk: RealDisk) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        disk.write_from("m/part", 0, broken())
    assert disk.read("m/part") == b"half"


def test_a_full_disk_is_told_and_leaves_no_half_file(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "device")
    with pytest.raises(OSError, match="No space left") as caught:
        CuttingDisk(folder, full=Full(0)).replace("m/file", NEW)
    assert caught.value.errno == errno.ENOSPC
    assert sorted(os.listdir(folder / "m")) == ["file", "new"]  # noqa: PTH208 - hidden ones as well
    assert (folder / "m" / "file").read_bytes() == OLD


def test_files_and_folders_are_for_their_owner_alone(disk: RealDisk) -> None:
    old = os.umask(0)
    try:
        disk.replace("x/y/file", NEW)
        disk.write_from("x/part", 0, [NEW])
    finally:
        os.umask(old)
    modes = {name: stat.S_IMODE(disk.path(name).stat().st_mode) for name in ("x", "x/y", "x/y/file", "x/part")}
    assert modes == {"x": 0o700, "x/y": 0o700, "x/y/file": 0o600, "x/part": 0o600}


@pytest.mark.parametrize("name", ["../out", "m/../../out", "/etc/passwd", "m//x", "", "m/\x00", "."])
def test_paths_that_lead_out_are_refused(disk: RealDisk, name: str) -> None:
    for work in (disk.read, disk.size, disk.remove, disk.path, lambda one: disk.replace(one, NEW)):
        with pytest.raises(OSError, match="no path below"):
            work(name)


def test_links_are_not_followed_neither_as_a_file_nor_on_the_way(disk: RealDisk, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(OLD)
    disk.path("m/file").unlink()
    disk.path("m/file").symlink_to(outside / "secret")
    disk.path("way").symlink_to(outside)
    for work in (
        lambda: disk.read("m/file"),
        lambda: disk.write_from("m/file", 0, [NEW]),
        lambda: disk.read("way/secret"),
        lambda: disk.replace("way/secret", NEW),
        lambda: disk.remove("way/secret"),
        lambda: list(disk.pieces("m/file")),
    ):
        with pytest.raises(OSError, match=r"symbolic links|Not a directory"):
            work()
    disk.remove("way")
    disk.remove("m")
    assert (outside / "secret").read_bytes() == OLD
    assert not disk.list("m")


def test_a_pipe_stops_nobody_and_a_large_file_is_not_read(disk: RealDisk) -> None:
    os.mkfifo(disk.path("m/pipe"))
    with pytest.raises(OSError, match="no plain file"):
        disk.read("m/pipe")
    with pytest.raises(OSError, match="more than 5 bytes"):
        disk.read("m/new", 5)


def test_a_second_name_is_never_written_through(disk: RealDisk) -> None:
    disk.link("m/new", "m/link")
    with pytest.raises(OSError, match="second name"):
        disk.write_from("m/link", 3, [b"x"])
    assert disk.read("m/new") == NEW


def test_where_there_are_no_links_a_copy_is_made(disk: RealDisk, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", without)
    disk.link("m/new", "p/copy")
    assert disk.read("p/copy") == NEW
    assert disk.path("p/copy").stat().st_ino != disk.path("m/new").stat().st_ino
    assert disk.list("p") == ["copy"]


def test_what_is_not_there_is_none(disk: RealDisk) -> None:
    assert (disk.read("no/file"), disk.size("no/file"), list(disk.pieces("no")), disk.list("no")) == (
        None,
        None,
        [],
        [],
    )
    disk.remove("no/file")


def test_a_reserve_is_left_free(tmp_path: Path) -> None:
    free = RealDisk(tmp_path, reserve=0).free()
    assert free > 0
    assert RealDisk(tmp_path, reserve=free * 2).free() == 0
