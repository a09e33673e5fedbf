"""Committing, pushing and pulling."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_commit_names_the_data_and_makes_no_git_commit(scratch: Any) -> None:
    manifest = scratch.fill(range(8))
    done = scratch.slipway("commit")
    assert done.returncode == 0
    assert manifest.digest in done.stdout
    assert "No git commit was made" in done.stderr
    assert scratch.run("git", "rev-parse", "HEAD").returncode != 0
    assert f"snapshot: {manifest.digest}" in (scratch.root / "data.dvc").read_text()
    record = json.loads((scratch.root / ".slipway/store/snapshots" / f"{manifest.digest}.json").read_bytes())
    assert record["manifest"] == json.loads(manifest.to_bytes())
    assert "already" in scratch.fine("commit")


def test_a_dry_commit_changes_nothing(scratch: Any) -> None:
    manifest = scratch.fill(range(8))
    assert manifest.digest in scratch.fine("commit", "--dry-run")
    assert not (scratch.root / "data.dvc").exists()
    assert not (scratch.root / ".slipway/cache").exists()
    assert not list((scratch.root / ".slipway").rglob("*.json"))


def test_a_clone_pulls_the_tree_that_was_committed(scratch: Any, clone: Callable[[], Any]) -> None:
    scratch.fill(range(20))
    scratch.fine("commit")
    scratch.fine("push")
    scratch.commit_all()
    other = clone()
    remote = str(scratch.root / ".slipway/remote")
    done = other.slipway("pull", SLIPWAY_DATA__REMOTE=remote)
    assert done.returncode == 0, done.stderr
    assert tree(other.data) == tree(scratch.data)
    assert other.git("status", "--porcelain") == ""


def test_a_new_day_pushes_its_own_objects_only(scratch: Any) -> None:
    before = scratch.fill(range(40))
    scratch.fine("commit")
    scratch.fine("push")
    first = scratch.remote_objects
    after = scratch.add(range(40, 44))
    scratch.fine("commit")
    told = json.loads(scratch.fine("push", "--json"))
    second = scratch.remote_objects
    changed = {name for name, entry in after.files.items() if before.files.get(name) != entry}
    assert sum(name.startswith("shards/") for name in changed) == 1
    assert set(told["objects"]) == set(second) - set(first)
    assert len(told["objects"]) == len(changed) + 2  # with the manifest and DVC's list of files
    assert {oid: inode for oid, inode in second.items() if oid in first} == first


def test_pull_by_revision_and_by_digest_moves_data_and_data_dvc(scratch: Any) -> None:
    first = scratch.fill(range(8))
    scratch.fine("commit")
    revision = scratch.commit_all()
    old = tree(scratch.data)
    second = scratch.add(range(8, 10))
    scratch.fine("commit")
    scratch.commit_all()
    new = tree(scratch.data)
    scratch.fine("pull", "--rev", revision)
    assert tree(scratch.data) == old
    assert first.digest in (scratch.root / "data.dvc").read_text()
    scratch.fine("pull", "--digest", second.digest[:8])
    assert tree(scratch.data) == new
    assert scratch.git("status", "--porcelain") == ""


def test_versions_tell_where_each_snapshot_is_known_from(scratch: Any) -> None:
    first = scratch.fill(range(8))
    scratch.fine("commit")
    scratch.fine("push")
    commit = scratch.commit_all()
    scratch.git("tag", "v1")
    second = scratch.add(range(8, 10))
    scratch.fine("commit")
    found = {one["digest"]: one for one in json.loads(scratch.fine("versions", "--json"))}
    assert set(found) == {first.digest, second.digest}
    assert found[first.digest]["commits"] == [commit]
    assert found[first.digest]["names"] == ["HEAD", "main", "v1"]
    assert found[second.digest]["names"] == ["work tree"]
    assert found[first.digest]["counts"]["images"] == 8
    assert found[first.digest]["remote"]
    assert not found[second.digest]["remote"]
    assert found[second.digest]["cache"]
    assert first.digest[:12] in scratch.fine("versions")


def test_status_says_what_to_do_next_until_nothing_is_left(scratch: Any) -> None:
    def advice() -> str | None:
        said: str | None = json.loads(scratch.fine("status", "--json"))["advice"]
        return said

    assert advice() == "slipway data import"
    scratch.fill(range(8))
    assert advice() == "slipway data commit"
    scratch.fine("commit")
    assert advice() == "slipway data push"
    scratch.fine("push")
    assert advice() == "git commit data.dvc"
    scratch.commit_all()
    assert advice() is None
    next(scratch.data.glob("shards/*")).unlink()
    assert advice() == "slipway data pull"
    scratch.fine("pull")
    assert advice() is None


def test_an_edit_in_the_work_tree_does_not_reach_the_cache(scratch: Any) -> None:
    manifest = scratch.fill(range(8))
    scratch.fine("commit")
    for path in scratch.data.rglob("*.*"):
        with path.open("r+b") as file:
            file.write(b"spoilt")
    scratch.fine("pull", "--force")
    assert (scratch.data / "manifest.json").read_bytes() == manifest.to_bytes()
    assert json.loads(scratch.fine("status", "--json"))["clean"]


def test_a_dry_pull_changes_nothing(scratch: Any) -> None:
    first = scratch.fill(range(8))
    scratch.fine("commit")
    scratch.add([8])
    scratch.fine("commit")
    before = tree(scratch.root)
    assert first.digest[:12] in scratch.fine("pull", "--digest", first.digest, "--dry-run")
    assert tree(scratch.root) == before
