"""What every store promises, held against a directory and against an S3 server process."""

import errno
import fcntl
import hashlib
import json
import threading
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.errors import WrongUse
from slipway.platform.store import BadKey, DigestMismatch, ObjectMissing, Store, blob_key, probe

BLOB = b"uint8 images in, boxes out" * 999
DIGEST = hashlib.sha256(BLOB).hexdigest()
OTHER_KEY = blob_key("bundles", hashlib.sha256(b"other").hexdigest(), ".onnx")


def test_what_was_put_is_got_back(store: Store) -> None:
    store.put("snapshots/a.json", b"\x00\xff" * 5)
    store.put("empty", b"")
    assert store.get("snapshots/a.json") == b"\x00\xff" * 5
    assert store.get("empty") == b""


def test_a_put_replaces_the_object_as_a_whole(store: Store) -> None:
    store.put("status.json", b"a long first state")
    store.put("status.json", b"short")
    assert store.get("status.json") == b"short"
    assert store.size("status.json") == 5


def test_the_first_to_put_if_absent_wins_and_the_second_learns_what_is_there(store: Store) -> None:
    assert store.put_if_absent("work/k/result.json", b"first") == b"first"
    assert store.put_if_absent("work/k/result.json", b"second") == b"first"
    assert store.get("work/k/result.json") == b"first"


def test_an_empty_object_is_there_too(store: Store) -> None:
    store.put("mark", b"")
    assert store.put_if_absent("mark", b"late") == b""


def test_put_if_absent_does_not_touch_the_objects_around_it(store: Store) -> None:
    store.put("work/k/result.json", b"theirs")
    assert store.put_if_absent("work/k/result.jso", b"mine") == b"mine"
    assert store.get("work/k/result.json") == b"theirs"


@pytest.mark.parametrize(
    "ask",
    [
        lambda store, _: store.get("no/such.json"),
        lambda store, _: store.size("no/such.json"),
        lambda store, _: store.age("no/such.json"),
        lambda store, _: store.open_range("no/such.json", 0, 10),
        lambda store, _: store.open_range("no/such.json", 0, 0),
        lambda store, path: store.get_file("no/such.json", path / "target"),
    ],
    ids=["get", "size", "age", "range", "empty range", "file"],
)
def test_a_missing_object_is_named_with_its_store(
    store: Store, tmp_path: Path, ask: Callable[[Store, Path], object]
) -> None:
    store.put("no/other.json", b"")
    with pytest.raises(ObjectMissing) as caught:
        ask(store, tmp_path)
    assert "no/such.json" in str(caught.value)
    assert store.url in str(caught.value)
    assert "SLIPWAY_STORE__URL" in str(caught.value.mend)
    assert not (tmp_path / "target").exists()


def test_an_empty_store_lists_nothing_and_misses_everything(store: Store) -> None:
    assert list(store.list("")) == []
    with pytest.raises(ObjectMissing):
        store.get("a")
    store.delete("a")


def test_a_folder_of_objects_is_no_object(store: Store) -> None:
    store.put("work/k/result.json", b"1")
    with pytest.raises(ObjectMissing):
        store.get("work/k")
    store.delete("work/k")
    assert store.get("work/k/result.json") == b"1"


def test_deleting_twice_is_deleting_once(store: Store) -> None:
    store.put("a/b", b"1")
    store.delete("a/b")
    store.delete("a/b")
    assert list(store.list()) == []


def test_a_deleted_key_can_be_bound_again(store: Store) -> None:
    store.put_if_absent("a/b", b"1")
    store.delete("a/b")
    assert store.put_if_absent("a/b", b"2") == b"2"


def test_keys_are_listed_in_the_order_of_their_bytes(store: Store) -> None:
    keys = ["a-b/c", "a.b", "a/b/c", "a/b-c", "a/b.c", "aa/b", "A/b", "a0", "a/b0", "a/_", "a=b/c"]
    for key in keys:
        store.put(key, b"")
    assert list(store.list()) == sorted(keys)
    assert list(store.list("a/")) == sorted(key for key in keys if key.startswith("a/"))


@pytest.mark.parametrize("prefix", ["ledger/0", "ledger/00000001", "ledger", "ledger/", "led"])
def test_any_beginning_of_a_key_is_a_prefix(store: Store, prefix: str) -> None:
    keys = [f"ledger/{number:012}.json" for number in range(3)]
    for key in [*keys, "ledge/rock", "other/ledger/0.json"]:
        store.put(key, b"")
    assert list(store.list(prefix)) == [key for key in sorted([*keys, "ledge/rock"]) if key.startswith(prefix)]


def test_more_keys_than_fit_on_a_page_are_listed_all(place: Any, raw_s3: Any) -> None:
    """A page of the server that is tested against has 100 keys."""
    store = place.open()
    keys = [f"many/{number:05}" for number in range(250)]
    for key in keys:
        fill(place, raw_s3, key)
    assert list(store.list("many/")) == keys
    if place.store.url.startswith("s3://"):
        bucket, _, prefix = place.store.url.removeprefix("s3://").partition("/")
        assert raw_s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["IsTruncated"]


def fill(place: Any, raw_s3: Any, key: str) -> None:
    """Make an empty object without the care that the store takes, which is not what is tested here."""
    if place.store.url.startswith("s3://"):
        bucket, _, prefix = place.store.url.removeprefix("s3://").partition("/")
        raw_s3.put_object(Bucket=bucket, Key=f"{prefix}/{key}", Body=b"")
        return
    path = Path(place.store.url) / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [(0, 4, b"0123"), (3, 4, b"3456"), (8, 100, b"89"), (10, 5, b""), (999, 5, b""), (4, 0, b"")],
    ids=["start", "middle", "over the end", "at the end", "past the end", "nothing"],
)
def test_a_range_is_what_is_there_of_it(store: Store, start: int, length: int, expected: bytes) -> None:
    store.put("log", b"0123456789")
    assert store.open_range("log", start, length) == expected


def test_a_range_of_an_empty_object_is_empty(store: Store) -> None:
    store.put("log", b"")
    assert store.open_range("log", 0, 10) == b""


def test_a_growing_log_is_followed_with_one_range_a_time(store: Store) -> None:
    read, log = b"", b""
    for line in (b"step 1\n", b"", b"step 2\nstep 3\n"):
        log += line
        store.put("log", log)
        read += store.open_range("log", len(read), 1000)
        assert read == log


@pytest.mark.parametrize(("start", "length"), [(-1, 5), (0, -5)])
def test_a_range_that_counts_backwards_is_wrong_use(store: Store, start: int, length: int) -> None:
    store.put("log", b"0123456789")
    with pytest.raises(WrongUse, match="`log`"):
        store.open_range("log", start, length)


def test_ages_are_in_the_order_of_writing(store: Store) -> None:
    store.put("older", b"")
    store.put("younger", b"")
    younger, older = store.age("younger"), store.age("older")
    assert timedelta() <= younger <= older


@pytest.mark.parametrize("bytes_there", [0, 1, 3_000_000])
def test_files_of_all_sizes_travel_both_ways(store: Store, tmp_path: Path, bytes_there: int) -> None:
    (tmp_path / "source").write_bytes(b"\x07" * bytes_there)
    store.put_file("models/weights.bin", tmp_path / "source")
    store.get_file("models/weights.bin", tmp_path / "new" / "folder" / "target")
    assert store.size("models/weights.bin") == bytes_there
    assert (tmp_path / "new" / "folder" / "target").read_bytes() == b"\x07" * bytes_there
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == ["target"]


def test_a_fetched_file_replaces_the_one_that_was_there(store: Store, tmp_path: Path) -> None:
    store.put("a", b"new")
    (tmp_path / "target").write_bytes(b"a longer old content")
    store.get_file("a", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"new"


def test_many_may_fetch_to_one_target_at_once(place: Any, tmp_path: Path) -> None:
    store, target = place.open_in_parts(), tmp_path / "target"
    states = [bytes([number]) * 200_000 for number in range(3)]
    for state in states:
        store.put("a", state)
        together = threading.Barrier(6)

        def fetch(together: threading.Barrier = together) -> None:
            together.wait()
            store.get_file("a", target)

        with ThreadPoolExecutor(6) as pool:
            for done in [pool.submit(fetch) for _ in range(6)]:
                done.result()
        assert target.read_bytes() == state
        assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["target"]


def test_a_fetch_that_another_finishes_first_leaves_the_target_alone(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other moves the hidden file to the target just after we have opened it, before we lock it."""
    store.put("a", b"new")
    target, lock = tmp_path / "target", fcntl.flock

    def overtaken(descriptor: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        store.get_file("a", target)
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", overtaken)
    store.get_file("a", target)
    assert target.read_bytes() == b"new"


def test_a_target_on_a_file_system_without_locks_will_do(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: int) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    store.put("a", b"new")
    monkeypatch.setattr(fcntl, "flock", no_locks)
    store.get_file("a", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"new"


def test_sending_a_file_that_is_not_there_is_wrong_use(store: Store, tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="nothing_here"):
        store.put_file("a", tmp_path / "nothing_here")
    with pytest.raises(WrongUse, match=tmp_path.name):
        store.put_file("a", tmp_path)
    assert list(store.list()) == []


def test_fetching_to_where_no_file_can_be_names_that_place(store: Store, tmp_path: Path) -> None:
    store.put("a", b"1")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WrongUse, match="target"):
        store.get_file("a", tmp_path / "file" / "target")


def test_content_is_held_to_the_digest_in_its_name(store: Store, tmp_path: Path) -> None:
    key = blob_key("bundles", DIGEST, ".onnx")
    store.put(key, BLOB)
    assert store.get(key) == BLOB
    store.get_file(key, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == BLOB
    assert store.put_if_absent(key, BLOB) == BLOB


def test_content_that_is_not_its_name_is_refused_before_it_is_visible(store: Store, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(BLOB)
    for offer in (
        lambda: store.put(OTHER_KEY, BLOB),
        lambda: store.put_if_absent(OTHER_KEY, BLOB),
        lambda: store.put_file(OTHER_KEY, tmp_path / "source"),
    ):
        with pytest.raises(DigestMismatch) as caught:
            offer()
        assert caught.value.found == DIGEST
        assert caught.value.expected in OTHER_KEY
        assert DIGEST in str(caught.value)
    assert list(store.list()) == []


def test_a_flipped_bit_in_the_store_is_found(place: Any, raw_s3: Any, tmp_path: Path) -> None:
    store, key = place.open(), blob_key("bundles", DIGEST)
    store.put(key, BLOB)
    flip_first_bit(place, raw_s3, key)
    (tmp_path / "target").write_bytes(b"what was there before")
    asks: list[Callable[[], object]] = [
        lambda: store.get(key),
        lambda: store.get_file(key, tmp_path / "target"),
        lambda: store.put_if_absent(key, BLOB),
    ]
    for ask in asks:
        with pytest.raises(DigestMismatch) as caught:
            ask()
        assert caught.value.expected == DIGEST
        assert store.url in str(caught.value)
    assert (tmp_path / "target").read_bytes() == b"what was there before"
    assert [path.name for path in tmp_path.glob("*") if path.is_file()] == ["target"]
    store.put(key, BLOB)
    assert store.get(key) == BLOB


def flip_first_bit(place: Any, raw_s3: Any, key: str) -> None:
    damaged = bytes([BLOB[0] ^ 1]) + BLOB[1:]
    if place.store.url.startswith("s3://"):
        bucket, _, prefix = place.store.url.removeprefix("s3://").partition("/")
        raw_s3.put_object(Bucket=bucket, Key=f"{prefix}/{key}", Body=damaged)
    else:
        (Path(place.store.url) / key).write_bytes(damaged)


BAD_KEYS = ["", "/a", "a/", "a//b", "../a", "a/../b", ".a", "a/.b", "a b", "a\n", "ä", "a" * 600, "sha256-ab", "a:b"]


@pytest.mark.parametrize("key", BAD_KEYS, ids=json.dumps)
def test_a_bad_key_is_refused_by_every_method(store: Store, tmp_path: Path, key: str) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for ask in (
        lambda: store.get(key),
        lambda: store.put(key, b"x"),
        lambda: store.put_if_absent(key, b"x"),
        lambda: store.open_range(key, 0, 1),
        lambda: store.size(key),
        lambda: store.age(key),
        lambda: store.put_file(key, tmp_path / "file"),
        lambda: store.get_file(key, tmp_path / "target"),
        lambda: store.delete(key),
    ):
        with pytest.raises(BadKey) as caught:
            ask()
        assert f"`{key}`" in str(caught.value)
        assert caught.value.exit_code == 2


@pytest.mark.parametrize("prefix", ["/", "../", ".a", "a//", "a b"])
def test_a_prefix_that_no_key_has_is_refused_at_once(store: Store, prefix: str) -> None:
    with pytest.raises(BadKey):
        store.list(prefix)


def test_a_working_store_passes_the_probe_again_and_again(store: Store) -> None:
    probe(store)
    probe(store)


@pytest.mark.parametrize("way", ["out", "in"])
def test_a_large_file_needs_memory_for_a_few_pieces_only(place: Any, tmp_path: Path, way: str) -> None:
    store = place.open_in_parts(parallel=3, part_size=1024 * 1024)
    source, size = tmp_path / "source", 64 * 1024 * 1024
    with source.open("wb") as file:
        file.truncate(size)
    if way == "in":
        store.put_file("large", source)
    tracemalloc.start()
    try:
        if way == "out":
            store.put_file("large", source)
        else:
            store.get_file("large", tmp_path / "target")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert store.size("large") == size
    assert peak < size / 2
