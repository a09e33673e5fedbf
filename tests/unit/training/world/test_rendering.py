"""The same seed and version give the same bytes; a render is there as a whole or not at all."""

import filecmp
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from slipway.platform.data.snapshot import Snapshot
from slipway.platform.errors import WrongUse
from slipway.training.cli.world import app
from slipway.training.world import render
from slipway.training.world.rendering import render_scenario
from slipway.training.world.scenarios import Scenario

Shortened = Callable[[str], Scenario]


def test_two_renders_are_equal_byte_by_byte_with_any_number_of_processes(tiny: Snapshot, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["render", "tiny", str(tmp_path / "again"), "--jobs", "2", "--json"])
    assert json.loads(result.stdout)["snapshot"] == tiny.digest
    names = [*tiny.manifest.files, "manifest.json"]
    same, different, missing = filecmp.cmpfiles(tiny.folder, tmp_path / "again", names, shallow=False)
    assert (sorted(same), different, missing) == (sorted(names), [], [])
    assert not filecmp.dircmp(tiny.folder, tmp_path / "again").right_only


def test_a_render_is_a_sound_snapshot_that_says_where_it_came_from(tiny: Snapshot) -> None:
    assert list(tiny.verify()) == []
    (origin,) = tiny.manifest.provenance
    assert (origin.kind, origin.source) == ("world", "world:tiny@1")
    assert origin.detail == {"seed": 2, "version": 1}
    assert tiny.manifest.licence == "CC0-1.0"


def test_another_seed_gives_other_pictures(shortened: Shortened, tmp_path: Path) -> None:
    one = replace(shortened("clock-skew-clean"), days=(("harbour", (0, 0, 1)),), sessions=(("noon", "day"),))
    render_scenario(one, tmp_path / "one")
    render_scenario(replace(one, seed=99), tmp_path / "other")
    assert not samples_of(Snapshot(tmp_path / "one")) & samples_of(Snapshot(tmp_path / "other"))


def test_one_more_day_leaves_the_days_before_as_they_were(shortened: Shortened, tmp_path: Path) -> None:
    one = replace(shortened("clock-skew-clean"), days=(("harbour", (0, 0, 1)),), sessions=(("noon", "day"),))
    render_scenario(one, tmp_path / "one")
    render_scenario(replace(one, days=(("harbour", (0, 0, 2)),)), tmp_path / "two")
    assert samples_of(Snapshot(tmp_path / "one")) < samples_of(Snapshot(tmp_path / "two"))


def test_an_interrupted_render_leaves_nothing_and_the_earlier_snapshot_good(
    shortened: Shortened, tiny: Snapshot, tmp_path: Path
) -> None:
    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    shutil.copytree(tiny.folder, tmp_path / "kept")
    for target in ("new", "kept"):
        with pytest.raises(KeyboardInterrupt):
            render_scenario(shortened("corrupt-clean"), tmp_path / target, progress=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert Snapshot(tmp_path / "kept").digest == tiny.digest


def test_a_folder_that_holds_something_else_is_refused_and_stays(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(WrongUse, match="holds no snapshot"):
        render("tiny", tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_an_unknown_scenario_is_answered_with_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(WrongUse) as refused:
        render("nigth-shift", tmp_path / "new")
    assert "night-shift" in str(refused.value.mend)


def samples_of(snapshot: Snapshot) -> set[str]:
    return {row["sample"] for row in snapshot.index.to_pylist()}
