"""What is told about the work tree."""

from pathlib import Path
from typing import Any

from slipway.platform.runs.code.revision import revision_of

RANDOM = "q7Zt2LwX9v" + "KpR4mNc8Jd"
STEPS = "base/acme/base/steps.py"


def test_a_clean_tree_is_its_commit(clone: Path) -> None:
    found = revision_of(clone / "base")
    assert len(str(found)) == 40
    assert (found.dirty, found.patch) == (False, "")


def test_a_dirty_tree_says_what_differs_without_its_secrets(clone: Path) -> None:
    commit = str(revision_of(clone))
    (clone / STEPS).write_text(f"import acme\nPASSWORD = '{RANDOM}'\nURL = 'http://ada:" + "hunter22@db'\n")
    (clone / "new file.py").write_text("")
    found = revision_of(clone)
    assert str(found) == f"{commit}+dirty"
    assert RANDOM not in found.patch
    assert "hunter22" not in found.patch
    assert "\n+import acme\n" in found.patch
    assert "# new, and not in this patch: new file.py\n" in found.patch
    assert found.hidden >= 1


def test_a_large_difference_is_cut_at_a_line(clone: Path) -> None:
    (clone / STEPS).write_text("".join(f"line = {number}\n" for number in range(500)))
    patch = revision_of(clone, limit=1000).patch
    lines = patch.splitlines()
    assert len(patch) < 1100
    assert lines[-1].startswith("# cut here: ")
    assert lines[-2].startswith("+line = ")


def test_bytes_that_are_no_text_are_no_obstacle(clone: Path) -> None:
    (clone / STEPS).write_bytes(b"name = '\xff\xfe'\n")
    assert "+name = " in revision_of(clone).patch.encode().decode()


def test_without_git_or_a_commit_nothing_is_claimed(tree: Path, tmp_path: Path, run_git: Any) -> None:
    assert str(revision_of(tree)) == ""
    run_git(tmp_path, "init", "--quiet", "fresh")
    assert str(revision_of(tmp_path / "fresh")) == ""
