"""Plain DVC and ours work on the same files, cache and remote."""

from typing import Any

import pytest


def test_data_dvc_is_what_dvc_add_writes_with_meta_behind_it(scratch: Any) -> None:
    scratch.fill(range(8))
    scratch.fine("commit")
    ours = (scratch.root / "data.dvc").read_text()
    (scratch.root / "data.dvc").unlink()
    scratch.dvc("add", "data")
    theirs = (scratch.root / "data.dvc").read_text()
    assert ours.startswith(theirs)
    assert ours.removeprefix(theirs).splitlines()[0] == "meta:"


def test_what_we_commit_and_push_dvc_finds_in_order_and_pulls(scratch: Any) -> None:
    manifest = scratch.fill(range(8))
    scratch.fine("commit")
    assert "up to date" in scratch.dvc("status")
    assert "in sync" not in scratch.dvc("status", "--cloud")
    scratch.fine("push")
    assert "in sync" in scratch.dvc("status", "--cloud")
    scratch.run("rm", "-r", "data", ".slipway/cache")
    scratch.dvc("pull")
    assert scratch.project.data.joinpath("manifest.json").read_bytes() == manifest.to_bytes()
    assert "already" in scratch.fine("pull")


def test_what_dvc_pushes_we_pull(scratch: Any) -> None:
    scratch.fill(range(8))
    scratch.fine("commit")
    scratch.dvc("push")
    assert "already" in scratch.fine("push")
    scratch.run("rm", "-r", "data", ".slipway/cache", ".slipway/store")
    scratch.fine("pull")
    assert "up to date" in scratch.dvc("status")


@pytest.mark.parametrize("again", ["meta stays", "meta is gone"])
def test_a_dvc_add_behind_our_back_is_noticed(scratch: Any, again: str) -> None:
    scratch.fill(range(8))
    scratch.fine("commit")
    scratch.add(range(8, 9))
    if again == "meta is gone":
        (scratch.root / "data.dvc").unlink()
    scratch.dvc("add", "data")
    (scratch.root / "data").rename(scratch.root / "elsewhere")
    done = scratch.slipway("pull")
    assert done.returncode == 1
    assert "data.dvc" in done.stderr
    assert "edited by hand" in done.stderr
    assert "slipway data commit" in done.stderr
    (scratch.root / "elsewhere").rename(scratch.root / "data")
    scratch.fine("commit")
    assert "already" in scratch.fine("pull")


def test_a_project_that_used_plain_dvc_so_far_can_commit(scratch: Any) -> None:
    scratch.fill(range(4))
    scratch.dvc("add", "data")
    scratch.commit_all()
    done = scratch.slipway("commit")
    assert done.returncode == 0, done.stderr
    assert "Splits cannot be held against it" in done.stderr
    assert "meta:" in (scratch.root / "data.dvc").read_text()
