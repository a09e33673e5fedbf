"""`slipway data validate`: what a person and a script see, and verdicts that are stored once."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.writer import SnapshotWriter

Build = Callable[..., Snapshot]
Run = Callable[..., Any]


@pytest.fixture
def snapshot(build: Build, shots: list[Any], project: Path) -> Path:
    """The working snapshot of a project, with two things wrong: one blocks, one warns."""
    shots[0].change(legal_basis=None)
    for shot in shots:
        if shot.boxes[0].identity == "v5":
            shot.relabel(category="lorry")
    build(shots).folder.rename(project / "data")
    return project / "data"


def test_a_verdict_is_told_stored_and_not_computed_twice(snapshot: Path, project: Path, slipway: Run) -> None:
    first = slipway("data", "validate", "--docs", "docs")
    assert first.returncode == 1
    assert "failed   snapshot  expect_legal_basis" in first.stdout
    assert "gate/0-0.jpg has no legal basis: index row" in first.stdout
    assert "warning  snapshot  expect_classes_in_every_split" in first.stdout
    assert "loading Great Expectations" in first.stderr
    assert (project / "docs/index.html").is_file()
    assert (project / "docs/offending.png").is_file()

    # Without the image bytes nothing can be judged again: what comes now was stored.
    for shard in (snapshot / "shards").iterdir():
        shard.unlink()
    second = slipway("data", "validate", "--json")
    assert second.returncode == 1
    verdict = json.loads(second.stdout)
    assert verdict["passed"] is False
    assert verdict["snapshot"] == Snapshot(snapshot).digest
    broken = [one for one in verdict["findings"] if not one["ok"]]
    assert {one["expectation"] for one in broken} == {"expect_legal_basis", "expect_classes_in_every_split"}
    assert {"suite", "rows", "severity", "sentence", "expected", "observed"} <= set(broken[0])
    assert broken[0]["rows"][0]["shard"]
    third = slipway("data", "validate")
    assert f"This verdict is from {verdict['judged_at']}; --again judges anew." in third.stderr
    assert len(list((project / ".slipway/store/validations").iterdir())) == 1

    again = slipway("data", "validate", "--again", "--json")
    assert "expect_images_to_decode" in {
        one["expectation"] for one in json.loads(again.stdout)["findings"] if not one["ok"]
    }


def test_a_warning_alone_does_not_fail(build: Build, shots: list[Any], project: Path, slipway: Run) -> None:
    suite = project / "mine.expectations.yaml"
    suite.write_text(
        "- expectation: expect_table_row_count_to_be_between\n  table: index\n  severity: warning\n"
        "  kwargs: {min_value: 1000}\n"
    )
    done = slipway("data", "validate", str(build(shots).folder), "--suite", str(suite))
    assert done.returncode == 0, done.stderr
    assert "warning  mine   expect_table_row_count_to_be_between" in done.stdout
    assert "72 found" in done.stdout
    assert "0 blocking, 1 warnings" in done.stdout


def test_wrong_use_ends_before_anything_starts(project: Path, slipway: Run) -> None:
    missing = slipway("data", "validate")
    assert missing.returncode == 1
    assert "holds no snapshot" in missing.stderr
    (project / "bad.yaml").write_text("- expectation: expect_unicorns\n  table: index\n")
    bad = slipway("data", "validate", "--suite", "bad.yaml")
    assert bad.returncode == 2
    assert "bad.yaml, line 1: `expect_unicorns`" in bad.stderr
    assert "Traceback" not in missing.stderr + bad.stderr
    assert not (project / ".slipway/store").exists()


def test_a_snapshot_without_images_blocks(project: Path, slipway: Run) -> None:
    with SnapshotWriter(project / "data") as writer:
        writer.finish([], "CC0-1.0")
    done = slipway("data", "validate")
    assert done.returncode == 1
    assert "expect_table_row_count_to_be_between" in done.stdout
    assert "1 blocking, 0 warnings" in done.stdout, done.stdout + done.stderr
    assert list((project / ".slipway/store/validations").iterdir())
