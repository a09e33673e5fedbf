"""Only what nobody knows goes, and only when somebody says so."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

DAY = 24 * 3600


@pytest.fixture
def old(scratch: Any) -> Any:
    """Four snapshots: a tag's, one that only the store knows, one that nobody knows any more, the work tree's."""
    scratch.fill(range(8))
    digests = {}
    for number, known_by in enumerate(("tag", "record", "nobody", "work tree")):
        digests[known_by] = scratch.add([20 + number]).digest
        scratch.fine("commit")
        scratch.fine("push")
        if known_by == "tag":
            scratch.commit_all()
            scratch.git("tag", "kept")
    (scratch.root / ".slipway/store/snapshots" / f"{digests['nobody']}.json").unlink()
    for folder in ("cache", "remote"):
        age(scratch.root / ".slipway" / folder, 2)
    return scratch


def age(folder: Path, days: int) -> None:
    for path in (folder, *folder.rglob("*")):
        then = path.stat().st_mtime - days * DAY
        os.utime(path, (then, then))


def objects(scratch: Any, place: str) -> int:
    return len(list((scratch.root / ".slipway" / place / "files/md5").glob("*/*")))


def test_a_dry_run_tells_and_removes_nothing(old: Any) -> None:
    before = objects(old, "cache"), objects(old, "remote")
    found = json.loads(old.fine("gc", "--dry-run", "--json"))
    assert len(found["remote"]) == len(found["cache"]) == 5  # manifest, three tables, DVC's list; shards live on
    assert (objects(old, "cache"), objects(old, "remote")) == before


def test_nobody_is_not_asked_where_nobody_is(old: Any) -> None:
    before = objects(old, "remote")
    done = old.slipway("gc")
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert objects(old, "remote") == before


def test_what_goes_is_what_no_known_snapshot_needs(old: Any) -> None:
    versions = json.loads(old.fine("versions", "--json"))
    before = objects(old, "remote")
    halfway = old.root / ".slipway/cache/incoming"
    (halfway / "killed/data").mkdir(parents=True)
    (halfway / "growing").write_text("half")
    age(halfway, 2)
    (halfway / "young").write_text("half")
    old.fine("gc", "--yes")
    assert [path.name for path in halfway.iterdir()] == ["young"]
    assert objects(old, "remote") == before - 5
    for one in versions:
        old.run("rm", "-r", "data", ".slipway/cache")
        old.fine("pull", "--digest", one["digest"])


def test_what_is_young_stays(old: Any) -> None:
    age(old.root / ".slipway/remote", -2)
    found = json.loads(old.fine("gc", "--dry-run", "--json"))
    assert not found["remote"]
    assert found["cache"]


def test_age_releases_records_but_no_branch_tag_or_work_tree(old: Any) -> None:
    names = {one["digest"]: one["names"] for one in json.loads(old.fine("versions", "--json"))}
    age(old.root / ".slipway/store/snapshots", 40)
    found = json.loads(old.fine("gc", "--older", "30", "--dry-run", "--json"))
    assert found["released"] == [digest for digest, named in names.items() if not named]
    assert len(found["released"]) == 1
    old.fine("gc", "--older", "30", "--yes")
    assert (old.root / ".slipway/store/snapshots" / f"{found['released'][0]}.json").exists()
    for digest in (digest for digest, named in names.items() if named):
        old.run("rm", "-r", "data", ".slipway/cache")
        old.fine("pull", "--digest", digest)


def test_what_another_work_tree_names_stays(old: Any, tmp_path: Path) -> None:
    mine = (old.root / "data.dvc").read_text()
    old.git("worktree", "add", "-q", str(tmp_path / "other"))
    (tmp_path / "other/data.dvc").write_text(mine)
    for record in (old.root / ".slipway/store/snapshots").iterdir():
        record.unlink()
    old.git("checkout", "-q", "data.dvc")
    before = json.loads(old.fine("gc", "--dry-run", "--json"))
    (tmp_path / "other/data.dvc").unlink()
    after = json.loads(old.fine("gc", "--dry-run", "--json"))
    assert len(after["remote"]) > len(before["remote"])


def test_a_shallow_clone_does_not_know_enough(old: Any, tmp_path: Path) -> None:
    old.commit_all()
    old.git("clone", "-q", "--depth", "1", f"file://{old.root}", str(tmp_path / "clone"))
    done = type(old)(tmp_path / "clone", old.home).slipway("gc", "--dry-run")
    assert done.returncode == 1
    assert "shallow clone" in done.stderr
