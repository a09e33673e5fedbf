"""`git merge` of two branches that both changed the data."""

from typing import Any

from slipway.platform.data.diff import diff
from slipway.platform.data.snapshot import Snapshot


def branches(repository: Any, base: Any, ours: Any, theirs: Any) -> tuple[str, str]:
    """Commit a base on main, theirs on a branch, ours on main."""
    if base is not None:
        repository.commit(base)
    repository.git("checkout", "-q", "-b", "night")
    second = repository.commit(theirs)
    repository.git("checkout", "-q", "main")
    return repository.commit(ours), second


def test_two_branches_become_one_snapshot_that_pull_brings(repository: Any, make: Any, shot: Any, van: Any) -> None:
    branches(
        repository,
        [shot("a"), shot("b")],
        [shot("a").but(van), shot("b")],
        [shot("a"), shot("b").but(light="dusk"), shot("c")],
    )
    told = repository.git("merge", "-m", "both", "night")
    assert "slipway data pull" in told
    repository.fine("pull")
    merged = Snapshot(repository.root / "data")
    assert f"snapshot: {merged.digest}" in repository.pointer()
    assert diff(make([shot("a").but(van), shot("b").but(light="dusk"), shot("c")]), merged).empty
    repository.fine("verify")
    assert repository.git("status", "--porcelain") == ""
    repository.fine("push")


def test_both_directions_give_the_same_pointer(repository: Any, shot: Any) -> None:
    branches(repository, [shot("a")], [shot("a"), shot("b")], [shot("a"), shot("c")])
    repository.git("merge", "-q", "-m", "both", "night")
    forward = repository.pointer()
    repository.git("checkout", "-q", "night")
    repository.git("merge", "-q", "-m", "both", "main~1")
    assert repository.pointer() == forward


def test_branches_without_a_common_snapshot_are_merged_too(repository: Any, shot: Any) -> None:
    branches(repository, None, [shot("a")], [shot("b")])
    repository.git("merge", "-q", "-m", "both", "night")
    repository.fine("pull")
    assert Snapshot(repository.root / "data").index.num_rows == 2


def test_a_conflict_stops_git_is_listed_and_is_resolved_as_the_message_says(
    repository: Any, shot: Any, van: Any
) -> None:
    ours, _ = branches(
        repository,
        [shot("a"), shot("b")],
        [shot("a").but(van), shot("b")],
        [shot("a", ()), shot("b").but(light="dusk")],
    )
    told = repository.git("merge", "-m", "both", "night", code=1)
    assert "1 van (human, by ada)" in told
    assert "no boxes (human)" in told
    assert "a.jpg" in told
    assert f"snapshot: {ours}" in repository.pointer()
    assert "UU data.dvc" in repository.git("status", "--porcelain")
    assert "--base $(git merge-base HEAD MERGE_HEAD) --take ours" in told
    base = repository.git("merge-base", "HEAD", "MERGE_HEAD")
    repository.fine("merge", "HEAD", "MERGE_HEAD", "--base", base, "--take", "theirs")
    repository.fine("commit")
    repository.git("add", "data.dvc")
    repository.git("commit", "-q", "-m", "resolved")
    assert Snapshot(repository.root / "data").boxes.num_rows == 1
