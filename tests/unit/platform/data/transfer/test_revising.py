"""A new snapshot on a branch, without a work tree: what changes, and everything that must not."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.data.added import adding
from slipway.platform.data.branch import Branch, By
from slipway.platform.data.errors import DataError, LabelConflict, SplitChanged
from slipway.platform.data.fetch import fetch
from slipway.platform.data.manifest import Manifest, Provenance
from slipway.platform.data.project import Project
from slipway.platform.data.record import load_record
from slipway.platform.data.revising import Change, Revised, revise
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.settings import load

Day = Callable[..., Snapshot]
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
ADA = By("ada", "ada@example.com")


def begun(scratch: Any) -> Any:
    """Ten images committed on main."""
    scratch.fill(range(10))
    scratch.fine("commit")
    scratch.commit_all()
    return scratch


def added(scratch: Any, change: Change, **how: object) -> Revised:
    return revise(scratch.project, change, message="Data: a day", by=ADA, at=NOON, **how)  # type: ignore[arg-type]


def images_of(scratch: Any, revised: Revised) -> int:
    record = load_record(scratch.project.store, revised.pointer.digest)
    assert record is not None
    return record.manifest.counts["images"]


def everything(root: Path) -> dict[str, tuple[bytes, int]]:
    """What is checked out, and the index, to the byte and the moment."""
    paths = [path for path in root.rglob("*") if path.is_file() and ".slipway" not in path.parts]
    kept = [path for path in paths if ".git" not in path.parts or path.name in ("index", "HEAD", "config")]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in kept}


def test_a_day_is_committed_on_its_branch_and_nothing_that_is_checked_out_is_touched(scratch: Any, day: Day) -> None:
    begun(scratch)
    scratch.add(range(10, 12))  # not committed
    (scratch.root / "data.dvc").write_text("half an edit")
    (scratch.root / "draft.txt").write_text("mine")
    scratch.git("add", "draft.txt")
    before, main = everything(scratch.root), scratch.git("rev-parse", "main")
    revised = added(scratch, adding(day(range(20, 25))))
    assert revised.changed
    assert everything(scratch.root) == before
    assert scratch.git("rev-parse", "main") == main
    assert scratch.git("rev-parse", "slipway/data^") == main
    assert scratch.git("log", "-1", "--format=%an %ae %aI %s", "slipway/data") == (
        "ada ada@example.com 2026-11-29T12:00:00+00:00 Data: a day"
    )
    assert scratch.git("diff", "--name-only", "main", "slipway/data") == "data.dvc"


def test_anybody_gets_it_from_the_remote_and_old_shards_are_not_sent_again(
    scratch: Any, day: Day, tmp_path: Path
) -> None:
    begun(scratch)
    scratch.fine("push")
    before = scratch.remote_objects
    revised = added(scratch, adding(day(range(20, 25))))
    sent = scratch.remote_objects
    assert {name: sent[name] for name in before} == before
    assert len(sent) == len(before) + 6, "three tables, the manifest, DVC's list and one shard"
    elsewhere = load(scratch.root, {"HOME": str(scratch.home), "SLIPWAY_DATA__CACHE": str(tmp_path / "cache")}).settings
    there = Snapshot(fetch(revised.pointer.digest, elsewhere))
    assert list(there.verify()) == []
    assert there.index.num_rows == 15


def test_the_base_needs_not_be_here_with_its_images(scratch: Any, day: Day, tmp_path: Path) -> None:
    begun(scratch)
    scratch.fine("push")
    settings = load(scratch.root, {"HOME": str(scratch.home), "SLIPWAY_DATA__CACHE": str(tmp_path / "cache")}).settings
    project = Project(scratch.root, settings)
    revise(project, adding(day(range(20, 25))), message="a day", by=ADA, at=NOON)
    shards = {path.name for path in (tmp_path / "cache" / "snapshots").rglob("*.tar")}
    assert shards == set()


def test_the_same_day_again_is_found_and_makes_no_commit(scratch: Any, day: Day) -> None:
    begun(scratch)
    first = added(scratch, adding(day(range(20, 25)), Provenance(kind="delivery", source="one")))
    again = added(scratch, adding(day(range(20, 25), "other"), Provenance(kind="delivery", source="two")))
    assert (first.changed, again.changed) == (True, False)
    assert again.pointer == first.pointer
    assert scratch.git("rev-list", "--count", "main..slipway/data") == "1"


def test_who_is_slower_begins_again_on_what_the_other_made(scratch: Any, day: Day) -> None:
    begun(scratch)
    tuesday, wednesday = day(range(20, 25), "tuesday"), day(range(30, 35), "wednesday")
    calls = []

    def overtaken(base: Snapshot | None, folder: Path) -> Manifest | None:
        calls.append(base.index.num_rows if base else 0)
        if len(calls) == 1:
            added(scratch, adding(wednesday))
        return adding(tuesday)(base, folder)

    revised = added(scratch, overtaken)
    assert calls == [10, 15]
    assert images_of(scratch, revised) == 20
    assert scratch.git("rev-list", "--count", "main..slipway/data") == "2"


def test_two_processes_with_the_same_day_make_one_commit_and_say_the_same(scratch: Any, day: Day) -> None:
    begun(scratch)
    day(range(20, 25))
    script = Path(__file__).with_name("revising_child.py")
    children = [
        subprocess.Popen(
            [sys.executable, str(script), str(scratch.root), str(scratch.root.parent / "day"), str(scratch.home)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [child.communicate()[0] for child in children]
    assert said[0] == said[1] != ""
    assert scratch.git("rev-list", "--count", "main..slipway/data") == "1"


def test_a_kill_at_any_moment_loses_nothing_and_the_next_one_ends_it(scratch: Any, day: Day) -> None:
    begun(scratch)
    day(range(20, 25))
    script = Path(__file__).with_name("revising_child.py")
    done = subprocess.run(
        [sys.executable, str(script), str(scratch.root), str(scratch.root.parent / "day"), str(scratch.home), "4"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    killed, steps = map(int, done.stdout.split())
    assert killed > 3, f"{killed} of {steps} steps"
    assert scratch.git("rev-list", "--count", "main..slipway/data") == "1"
    assert scratch.git("fsck", "--no-dangling") == ""


def test_other_labels_of_a_sample_are_refused_whole(scratch: Any, day: Day) -> None:
    begun(scratch)
    with pytest.raises((LabelConflict, SplitChanged)):
        added(scratch, adding(day(range(5, 15), split="test")))
    assert Branch(scratch.project, "slipway/data").tip() is None


def test_a_branch_that_somebody_works_on_is_refused(scratch: Any, day: Day, tmp_path: Path) -> None:
    begun(scratch)
    scratch.git("branch", "slipway/data")
    scratch.git("worktree", "add", "-q", str(tmp_path / "hers"), "slipway/data")
    with pytest.raises(DataError, match=r"is checked out in .*hers"):
        added(scratch, adding(day(range(20, 25))))
    with pytest.raises(DataError, match="`main` is checked out"):
        added(scratch, adding(day(range(20, 25), "other")), branch="main")


def test_without_a_snapshot_the_first_day_is_all_of_it(scratch: Any, day: Day) -> None:
    scratch.commit_all()
    revised = added(scratch, adding(day(range(20, 25))))
    assert revised.earlier is None
    assert images_of(scratch, revised) == 5


def test_a_snapshot_that_is_not_in_git_is_not_passed_over(scratch: Any, day: Day) -> None:
    scratch.commit_all()
    scratch.fill(range(10))
    scratch.fine("commit")
    with pytest.raises(DataError, match="is here and not in git"):
        added(scratch, adding(day(range(20, 25))))


def test_trying_it_changes_nothing(scratch: Any, day: Day) -> None:
    begun(scratch)
    tried = added(scratch, adding(day(range(20, 25))), dry_run=True)
    assert not tried.changed
    assert tried.pointer != tried.earlier
    assert Branch(scratch.project, "slipway/data").tip() is None
    assert load_record(scratch.project.store, tried.pointer.digest) is None
