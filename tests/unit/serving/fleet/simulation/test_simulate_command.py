"""`slipway fleet simulate` lives through what was asked for, and says what came of it."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from guards import GUARDS
from slipway.platform.cli.main import main
from slipway.serving.fleet.simulation.scenarios import SCENARIOS

SLIPWAY = str(Path(sys.executable).with_name("slipway"))


def simulate(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [SLIPWAY, "fleet", "simulate", *arguments]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert "Traceback" not in result.stderr
    return result


def test_everything_holds_and_a_picture_is_drawn_without_a_project(tmp_path: Path) -> None:
    options = ("--devices", "4", "--scenario", "link", "--scenario", "power", "--seed", "3", "--json")
    result = simulate(tmp_path, *options, "--picture", "days.svg")
    told = json.loads(result.stdout)
    assert (result.returncode, told["broken"], told["devices"], told["seed"]) == (0, None, 4, 3)
    assert {one["scenario"]: one["devices"] for one in told["scenarios"]} == {"link": 2, "power": 2}
    assert all(one["decided"] > 0 for one in told["scenarios"])
    assert sum(told["history"][-1]["active"]["simulated-bays"].values()) == 4
    drawn = (tmp_path / "days.svg").read_text()
    assert drawn.count("<polygon") >= 2
    assert "release 1" in drawn
    assert [path.name for path in tmp_path.iterdir()] == ["days.svg"]


def test_a_scenario_that_does_not_exist_is_refused_with_the_nearest(tmp_path: Path) -> None:
    result = simulate(tmp_path, "--scenario", "powr")
    assert result.returncode == 2
    assert "power" in result.stderr


def test_a_picture_that_has_no_place_is_refused_before_anything_is_lived_through(tmp_path: Path) -> None:
    result = simulate(tmp_path, "--devices", "100000", "--picture", "none/days.svg")
    assert (result.returncode, result.stdout) == (2, "")
    assert "no folder none" in result.stderr


def test_what_does_not_hold_is_shown_again_by_the_line_that_is_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = ["fleet", "simulate", "--devices", "3", "--scenario", "stolen-rollout", "--seed", "5"]
    with GUARDS["the floor"].off():
        assert main(asked) == 1
        said = capsys.readouterr().err
        (again,) = [line.partition("Again: slipway ")[2] for line in said.splitlines() if line.startswith("Again: ")]
        assert main(shlex.split(again)) == 1
    (before, after) = (text[text.index("NOT HELD") :] for text in (said, capsys.readouterr().err))
    assert "below the floor" in before
    assert before == after


def test_all_scenarios_are_listed(tmp_path: Path) -> None:
    listed = simulate(tmp_path, "--scenario", "list", "--json")
    assert [one["scenario"] for one in json.loads(listed.stdout)] == list(SCENARIOS)
