"""`slipway fleet simulate` lives through what was asked for, and says what came of it."""

import json
import subprocess
import sys
from pathlib import Path

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
    drawn = (tmp_path / "days.svg").read_text()
    assert drawn.count("<polygon") >= 2
    assert "release 1" in drawn
    assert [path.name for path in tmp_path.iterdir()] == ["days.svg"]


def test_a_scenario_that_does_not_exist_is_refused_with_the_nearest(tmp_path: Path) -> None:
    result = simulate(tmp_path, "--scenario", "powr")
    assert result.returncode == 2
    assert "power" in result.stderr
