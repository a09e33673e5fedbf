"""What a person gets from `slipway world`, and how light the world is for those who only ask."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner

from slipway.platform.data.snapshot import Snapshot
from slipway.platform.errors import WrongUse
from slipway.training.cli.commands import COMMANDS
from slipway.training.cli.world import app
from slipway.training.world.scenarios import scenarios
from slipway.training.world.source import SOURCE


def test_the_list_names_every_scenario_with_its_twin() -> None:
    shown = json.loads(CliRunner().invoke(app, ["list", "--json"]).stdout)
    assert [one["name"] for one in shown] == list(scenarios())
    twins = {one["name"]: one["clean_twin"] for one in shown}
    assert twins["corrupt"] == "corrupt-clean"
    assert twins["baseline"] is None
    assert "night-shift" in CliRunner().invoke(app, ["list"]).stdout


def test_a_dry_run_renders_nothing(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["render", "baseline", str(tmp_path / "new"), "--dry-run"])
    assert "world:baseline@1" in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_preview_is_a_picture(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["preview", "tiny", str(tmp_path / "tiny.png")])
    assert result.exit_code == 0, result.output
    sheet = cv2.imread(str(tmp_path / "tiny.png"))
    assert sheet is not None
    assert sheet.shape[1] >= 4 * 320
    assert sheet.std() > 20


def test_a_preview_under_another_name_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["preview", "tiny", str(tmp_path / "tiny.txt")])
    assert isinstance(result.exception, WrongUse)
    assert list(tmp_path.iterdir()) == []


def test_the_source_makes_what_it_names(tmp_path: Path, tiny: Snapshot) -> None:
    assert "world:baseline@1" in SOURCE.names()
    told: list[str] = []
    SOURCE.make("world:tiny@1", tmp_path / "made", told.append)
    assert Snapshot(tmp_path / "made").digest == tiny.digest
    assert told


def test_a_version_that_is_not_installed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="tiny@999"):
        SOURCE.make("world:tiny@999", tmp_path / "made", lambda _: None)


def test_asking_for_commands_and_names_imports_nothing_heavy() -> None:
    code = (
        "import sys; from slipway.training.cli import commands, world;"
        "from slipway.training.world.source import SOURCE; SOURCE.names();"
        "print([name for name in ('numpy', 'cv2', 'torch', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert "world" in [one.name for one in COMMANDS]
