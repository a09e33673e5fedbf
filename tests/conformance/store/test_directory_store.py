"""A store in a directory, when the file system has no room, no permission, no links, or lags behind."""

import errno
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.errors import SlipwayError
from slipway.platform.store import (
    BadKey,
    BucketMissing,
    Store,
    StoreDenied,
    StoreError,
    StoreFull,
    StoreUnfit,
    StoreUnreachable,
    probe,
)

KEY = "work/r1-0a/result.json"
WRITES: dict[str, Callable[[Store, Path], object]] = {
    "put": lambda store, source: store.put(KEY, source.read_bytes()),
    "put_if_absent": lambda store, source: store.put_if_absent("work/r1-0b/result.json", source.read_bytes()),
    "put_file": lambda store, source: store.put_file(KEY, source),
}
each_write = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())


@pytest.fixture
def store(directory_place: Any) -> Store:
    """A store that holds one object already."""
    store: Store = directory_place.open()
    store.put(KEY, b"old")
    return store


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(b"\x01" * 3_000_000)
    return path


def open_path(descriptor: int) -> str:
    return str(Path(f"/proc/self/fd/{descriptor}").readlink())


def hidden(store: Store) -> list[Path]:
    return sorted((Path(store.url) / ".incoming").iterdir())


def failing(monkeypatch: pytest.MonkeyPatch, call: str, code: int, times: int = 1000) -> list[int]:
    """Let a system call fail so many times; what is left of them."""
    left, real = [times], getattr(os, call)

    def fail(*arguments: Any, **named: Any) -> Any:
        if left[0] > 0:
            left[0] -= 1
            raise OSError(code, os.strerror(code))
        return real(*arguments, **named)

    monkeypatch.setattr(os, call, fail)
    return left


@each_write
@pytest.mark.parametrize("call", ["write", "fsync", "close"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT], ids=["disk", "quota"])
def test_a_full_disk_is_told_and_nothing_half_written_is_left(
    store: Store, source: Path, monkeypatch: pytest.MonkeyPatch,
    write: Callable[[Store, Path], object], call: str, code: int,
) -> None:  # fmt: skip
    with monkeypatch.context() as patch:
        failing(patch, call, code, times=1)
        with pytest.raises(StoreFull) as caught:
            write(store, source)
    assert store.url in str(caught.value)
    assert "Free space" in str(caught.value.mend)
    assert list(store.list()) == [KEY]
    assert store.get(KEY) == b"old"
    assert hidden(store) == []


@each_write
def test_a_limit_that_the_kernel_draws_half_way_leaves_nothing(
    store: Store, source: Path, write: Callable[[Store, Path], object]
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, hard))
    try:
        with pytest.raises(StoreFull):
            write(store, source)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert store.get(KEY) == b"old"
    assert hidden(store) == []
    write(store, source)


def test_a_full_disk_at_the_target_of_a_fetch_names_the_target(
    store: Store, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_file(KEY, source)
    with monkeypatch.context() as patch:
        failing(patch, "write", errno.ENOSPC)
        with pytest.raises(StoreError, match="target") as caught:
            store.get_file(KEY, tmp_path / "target")
    assert str(tmp_path) in str(caught.value.mend)
    store.get_file(KEY, tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == source.read_bytes()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that an ordinary user can reach, while the test is such a user."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(user)
            for path in [folder, *folder.rglob("*")]:
                path.chmod(0o755)


@pytest.mark.parametrize("mode", [0o555, 0o000], ids=["read-only", "closed"])
def test_a_directory_without_permission_is_denied_with_the_user(
    directory_place: Any, open_folder: Path, mode: int
) -> None:
    user, group = os.geteuid(), os.getegid()
    os.seteuid(os.getuid())
    (open_folder / "store").mkdir()
    os.chown(open_folder / "store", user, group)
    (open_folder / "store").chmod(mode)
    os.seteuid(user)
    store = directory_place.below(str(open_folder / "store")).open()
    for ask in (lambda: store.put(KEY, b"1"), lambda: store.put_if_absent(KEY, b"1"), lambda: probe(store)):
        with pytest.raises(StoreDenied) as caught:
            ask()
        assert store.url in str(caught.value)
        assert f"user {user}" in str(caught.value.mend)


@each_write
def test_a_read_only_file_system_denies(
    store: Store, source: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Store, Path], object]
) -> None:
    failing(monkeypatch, "fsync", errno.EROFS)
    with pytest.raises(StoreDenied):
        write(store, source)


def test_a_file_system_without_links_is_unfit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, "link", errno.EPERM)
    with pytest.raises(StoreUnfit, match="cannot link") as caught:
        probe(store)
    assert "SLIPWAY_STORE__URL" in str(caught.value.mend)
    assert hidden(store) == []


def test_a_file_system_that_does_not_sync_folders_will_do(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync

    def files_only(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").is_dir():
            raise OSError(errno.EINVAL, "no folders")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", files_only)
    store.put(KEY, b"new")
    assert store.get(KEY) == b"new"


@pytest.mark.parametrize("call", ["read", "link", "replace"])
def test_a_stale_handle_is_tried_again(
    store: Store, no_pauses: list[float], monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    left = failing(monkeypatch, call, errno.ESTALE, times=2)
    assert store.get(KEY) == b"old"
    store.put(KEY, b"new")
    assert store.put_if_absent("a", b"1") == b"1"
    assert left == [0]
    assert len(no_pauses) == 2


def test_a_handle_that_stays_stale_is_an_unreachable_store(
    store: Store, no_pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, "read", errno.ESTALE)
    with pytest.raises(StoreUnreachable) as caught:
        store.get(KEY)
    assert "mounted" in str(caught.value.mend)
    assert len(no_pauses) == 4


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    pauses: list[float] = []
    monkeypatch.setattr("slipway.platform.store.pausing.time.sleep", pauses.append)
    return pauses


@pytest.mark.parametrize("key", [f"{KEY}/more", f"{KEY}/more/and/more", "work/r1-0a", "work"])
def test_a_name_is_an_object_or_a_folder_but_not_both(store: Store, tmp_path: Path, key: str) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for ask in (
        lambda: store.put(key, b"x"),
        lambda: store.put_if_absent(key, b"x"),
        lambda: store.put_file(key, tmp_path / "file"),
    ):
        with pytest.raises(BadKey, match=f"`{key}`") as caught:
            ask()
        assert "not both" in str(caught.value.mend)
    assert list(store.list()) == [KEY]
    assert store.get(KEY) == b"old"
    assert hidden(store) == []


@pytest.mark.parametrize("below", ["", "/and/more"])
def test_a_store_at_a_files_path_is_no_store(directory_place: Any, tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = directory_place.below(f"{tmp_path}/file{below}").open()
    for ask in (
        lambda: store.put(KEY, b"1"),
        lambda: store.put_if_absent(KEY, b"1"),
        lambda: store.get(KEY),
        lambda: list(store.list()),
        lambda: probe(store),
    ):
        with pytest.raises(BucketMissing, match="is a file") as caught:
            ask()
        assert "SLIPWAY_STORE__URL" in str(caught.value.mend)


def test_reading_makes_no_directory(directory_place: Any) -> None:
    store = directory_place.open()
    with pytest.raises(SlipwayError):
        store.get(KEY)
    assert list(store.list()) == []
    assert not Path(store.url).exists()


def test_what_killed_writers_left_is_swept_when_it_is_old_by_the_stores_clock(
    directory_place: Any, store: Store
) -> None:
    old, young = (Path(store.url) / ".incoming" / name for name in ("write-old", "write-young"))
    for path, hours in ((old, 25), (young, 23)):
        path.write_bytes(b"half")
        written = path.stat().st_mtime - hours * 3600
        os.utime(path, (written, written))
    assert list(store.list()) == [KEY]
    directory_place.open().put("a", b"1")
    assert hidden(store) == [young]


def test_nothing_hidden_is_listed_or_reached(store: Store) -> None:
    for name in (".incoming/write-1", "work/.nfs0001", "work/with blank", "work/sha256-short"):
        path = Path(store.url) / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    (Path(store.url) / "work" / "link").symlink_to("r1-0a")
    assert list(store.list()) == [KEY]


def test_a_folder_that_somebody_removed_is_made_again(store: Store) -> None:
    (Path(store.url) / KEY).unlink()
    (Path(store.url) / KEY).parent.rmdir()
    store.put(KEY, b"new")
    assert store.get(KEY) == b"new"


def test_a_whole_store_that_somebody_removed_is_made_again(store: Store, tmp_path: Path) -> None:
    Path(store.url).rename(tmp_path / "away")
    assert store.put_if_absent(KEY, b"new") == b"new"


def test_an_object_is_as_old_as_the_file_systems_dates_say(store: Store) -> None:
    path = Path(store.url) / KEY
    written = path.stat().st_mtime - 3 * 3600
    os.utime(path, (written, written))
    assert timedelta(hours=3) <= store.age(KEY) < timedelta(hours=4)
    os.utime(path, (written + 6 * 3600, written + 6 * 3600))
    assert store.age(KEY) == timedelta()


@pytest.mark.parametrize("hours", [-5, 5])
def test_this_machines_clock_has_no_part_in_an_age(store: Store, monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    wrong = time.time() + hours * 3600
    monkeypatch.setattr(time, "time", lambda: wrong)
    monkeypatch.setattr(time, "time_ns", lambda: int(wrong * 1e9))
    assert timedelta() <= store.age(KEY) < timedelta(hours=1)
    store.put("fresh", b"")
    assert store.age("fresh") < timedelta(hours=1)
    assert hidden(store) == []


def test_a_new_object_lies_in_a_folder_whose_name_is_synced(
    directory_place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(open_path(descriptor))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    store = directory_place.open()
    store.put("a/b/c", b"1")
    root = Path(store.url)
    assert {str(path) for path in (root.parent, root, root / "a", root / "a" / "b")} <= set(synced)
    assert synced[-1] == str(root / "a" / "b")
    synced.clear()
    store.put("a/b/c", b"2")
    assert len(synced) == 2
    assert Path(synced[0]).parent.name == ".incoming"
    assert synced[1] == str(root / "a" / "b")


def test_a_loser_syncs_the_folder_of_a_winner_that_could_not(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The winner may have been killed between making its object visible and making it durable."""
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(open_path(descriptor)))
    assert store.put_if_absent(KEY, b"late") == b"old"
    assert synced == [str((Path(store.url) / KEY).parent)]
