"""`slipway data diff` and `merge` as a person and a script see them."""

import json
import shutil
from dataclasses import replace
from typing import Any

import pytest

from slipway.platform.data.snapshot import Snapshot


def test_diff_takes_folders_digests_and_revisions(repository: Any, shot: Any) -> None:
    first = repository.commit([shot("a")])
    second = repository.commit([shot("a"), shot("b")])
    asked = [(first[:8], second[:10]), ("HEAD~1", "HEAD"), ("HEAD~1", "data"), (first, "main")]
    answers = [json.loads(repository.fine("diff", *pair, "--json")) for pair in asked]
    assert all(one == answers[0] for one in answers)
    assert (answers[0]["before"], answers[0]["after"]) == (first, second)
    assert [row["source"] for row in answers[0]["added"]] == ["b.jpg"]


def test_comparing_fetches_the_tables_alone(repository: Any, shot: Any) -> None:
    first = repository.commit([shot("a")])
    repository.commit([shot("b")])
    shutil.rmtree(repository.root / ".slipway/cache/snapshots")
    repository.fine("diff", first[:8], "HEAD")
    cached = repository.root / ".slipway/cache/snapshots" / first
    assert sorted(path.name for path in cached.rglob("*") if path.is_file()) == [
        "boxes.parquet", "identities.parquet", "index.parquet", "manifest.json",
    ]  # fmt: skip


def test_diff_tells_a_person_the_largest_changes_and_no_more_rows_than_asked(
    make: Any, shot: Any, car: Any, slipway: Any
) -> None:
    before = make([shot(f"a{n}") for n in range(40)])
    after = make([shot(f"a{n}").but(replace(car, category="van"), light="night") for n in range(40)])
    done = slipway("diff", before.folder, after.folder, "--limit", "3")
    assert done.returncode == 0
    assert "40 → 40: 40 relabelled" in done.stdout
    assert "box category changed  40" in done.stdout
    shifted = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("shifted")]
    assert sorted(shifted) == ["category", "light"]
    assert len(done.stdout.split("BEFORE  AFTER")[1].splitlines()) == 4


def test_equal_snapshots_say_so_with_code_0(make: Any, shot: Any, slipway: Any) -> None:
    snapshot = make([shot("a")])
    done = slipway("diff", snapshot.folder, snapshot.folder)
    assert (done.returncode, "No row differs." in done.stdout) == (0, True)


@pytest.mark.parametrize("reference", ["nowhere", "deadbeef", "--", "HEAD~7"])
def test_what_cannot_be_found_is_one_message(repository: Any, shot: Any, reference: str) -> None:
    repository.commit([shot("a")])
    done = repository.slipway("diff", "HEAD", reference)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_merge_writes_data_and_names_the_snapshot(repository: Any, make: Any, shot: Any) -> None:
    repository.commit([shot("a")])
    other = make([shot("b")])
    told = json.loads(repository.fine("merge", "HEAD", other.folder, "--json"))
    assert Snapshot(repository.root / "data").digest == told["digest"]
    assert told["counts"]["images"] == 2


def test_a_dry_merge_writes_nothing(make: Any, shot: Any, slipway: Any) -> None:
    ours, theirs, target = make([shot("a")]), make([shot("b")]), make.place()
    done = slipway("merge", ours.folder, theirs.folder, "--into", target, "--dry-run")
    assert (done.returncode, target.exists()) == (0, False)
    assert "would write 2 images" in done.stderr


def test_conflicts_are_listed_with_code_1_and_nothing_is_written(make: Any, shot: Any, van: Any, slipway: Any) -> None:
    ours, theirs, target = make([shot("a")]), make([shot("a").but(van)]), make.place()
    done = slipway("merge", ours.folder, theirs.folder, "--into", target)
    assert (done.returncode, target.exists()) == (1, False)
    assert "1 car id-1 (human, by ada)" in done.stdout
    assert "--take" in done.stderr
    as_data = json.loads(slipway("merge", ours.folder, theirs.folder, "--into", target, "--json").stdout)
    assert as_data["conflicts"][0]["theirs"] == "1 van (human, by ada)"
    assert slipway("merge", ours.folder, theirs.folder, "--into", target, "--take", "theirs").returncode == 0
    assert Snapshot(target).boxes["category"].to_pylist() == ["van"]


def test_data_that_is_committed_nowhere_is_not_replaced(repository: Any, make: Any, shot: Any) -> None:
    kept = make([shot("only here")], folder=repository.root / "data").digest
    ours, theirs = make([shot("a")]), make([shot("b")])
    done = repository.slipway("merge", ours.folder, theirs.folder)
    assert done.returncode == 2
    assert "would be lost" in done.stderr
    assert Snapshot(repository.root / "data").digest == kept
    repository.fine("commit")
    repository.fine("merge", ours.folder, theirs.folder)
