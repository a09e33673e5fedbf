"""A writer killed by SIGKILL at each of its steps leaves the old object or the new one, and the next call repairs."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.store import ObjectMissing

KEY = "work/r1-0a/result.json"
OLD, NEW = os.urandom(100_000), os.urandom(200_000)
PART = 64 * 1024
PARTS = -(-len(NEW) // PART)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "old").write_bytes(OLD)
    (tmp_path / "new").write_bytes(NEW)
    return {name: str(tmp_path / name) for name in ("old", "new", "target")}


@pytest.fixture
def task(place: Any, files: dict[str, str]) -> dict[str, Any]:
    return {**place.settings(), **files, "key": KEY, "part_size": PART}


@pytest.mark.parametrize("operation", ["put", "put_file"])
def test_a_killed_put_leaves_the_old_object_or_the_new_one(
    place: Any, script: Any, task: dict[str, Any], operation: str
) -> None:
    kills = script("killed_writer.py", {**task, "operation": operation})
    left = Counter[str]()
    for kill in kills:
        store = place.below(kill["url"]).open_in_parts()
        left["old" if store.get(KEY) == OLD else "new" if store.get(KEY) == NEW else "neither"] += kill["killed"]
        assert list(store.list()) == [KEY]
        store.put(KEY, NEW)
        assert store.get(KEY) == NEW
    assert left["old"] > 0
    assert left["new"] > 0
    assert left["neither"] == 0
    assert [kill["killed"] for kill in kills] == [True] * (len(kills) - 1) + [False]


def test_a_killed_put_if_absent_leaves_nothing_or_the_whole(place: Any, script: Any, task: dict[str, Any]) -> None:
    kills = script("killed_writer.py", {**task, "old": None, "operation": "put_if_absent"})
    left = Counter[str]()
    for kill in kills:
        store = place.below(kill["url"]).open_in_parts()
        try:
            left["new" if store.get(KEY) == NEW else "neither"] += kill["killed"]
        except ObjectMissing:
            left["nothing"] += kill["killed"]
        expected = NEW if list(store.list()) else b"of the next"
        assert store.put_if_absent(KEY, b"of the next") == expected
        assert store.get(KEY) == expected
    assert left["nothing"] > 0
    assert left["new"] > 0
    assert left["neither"] == 0


def test_a_killed_fetch_leaves_the_old_file_or_the_new_one(place: Any, script: Any, task: dict[str, Any]) -> None:
    kills = script("killed_writer.py", {**task, "operation": "get_file"})
    left = Counter[str]()
    for kill in kills:
        target = Path(kill["target"])
        left["old" if target.read_bytes() == OLD else "new" if target.read_bytes() == NEW else "neither"] += 1
        place.below(kill["url"]).open_in_parts().get_file(KEY, target)
        assert target.read_bytes() == NEW
    assert left["old"] > 0
    assert left["new"] > 0
    assert left["neither"] == 0
    hidden = [path.name for path in Path(task["target"]).parent.iterdir() if path.name.startswith(".")]
    assert hidden == []


@pytest.mark.xdist_group("s3")
def test_after_a_kill_only_the_missing_parts_are_sent(
    s3_place: Any, network: Any, raw_s3: Any, script: Any, files: dict[str, str]
) -> None:
    task = {**s3_place.settings(), **files, "key": KEY, "part_size": PART, "old": None, "operation": "put_file"}
    saved = 0
    for kill in script("killed_writer.py", task):
        there = stored_parts(raw_s3, kill["url"])
        sent_before = network.count("PUT", "partNumber=")
        store = s3_place.below(kill["url"]).through(network.endpoint).open_in_parts()
        store.put_file(KEY, Path(files["new"]))
        assert network.count("PUT", "partNumber=") - sent_before == PARTS - there
        assert store.get(KEY) == NEW
        saved += there
    assert saved > PARTS


def stored_parts(raw_s3: Any, url: str) -> int:
    """How many parts unfinished uploads of the key have."""
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    uploads = raw_s3.list_multipart_uploads(Bucket=bucket, Prefix=f"{prefix}/{KEY}").get("Uploads", [])
    names = [{"Bucket": bucket, "Key": upload["Key"], "UploadId": upload["UploadId"]} for upload in uploads]
    return sum(len(raw_s3.list_parts(**name).get("Parts", [])) for name in names)
