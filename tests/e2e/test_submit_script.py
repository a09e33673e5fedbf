"""A script of a person's own, submitted as people do it: stopped, it goes on from what it left, and is told truly."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(300)

BIN = Path(sys.executable).parent
SETTINGS = """
[contexts.local.targets.dear]
price_per_hour = 720
"""
SCRIPT = """
import json, os, sys, time
from pathlib import Path

state, resume = Path(os.environ["SLIPWAY_CHECKPOINTS"]) / "state.pt", os.environ["SLIPWAY_RESUME"]
epoch = int(Path(resume).read_text()) if resume else 0
print("begins at", epoch, sys.argv[1:], flush=True)
while epoch < 400 and not (resume and epoch > 3):
    epoch += 1
    if "keep" in sys.argv:
        state.write_text(str(epoch))
    time.sleep(0.3)
(Path(os.environ["SLIPWAY_RESULTS"]) / "metrics.json").write_text(json.dumps({"epoch": epoch}))
"""


class Desk:
    """A project with a snapshot and a script, and `slipway` in it."""

    def __init__(self, root: Path) -> None:
        self.root, self.snapshot = root, root.parent / "world"

    def run(self, *arguments: str, code: int = 0) -> str:
        """What a command prints and says."""
        environ = {"HOME": str(self.root.parent), "PATH": f"{BIN}:/usr/bin:/bin", "OMP_NUM_THREADS": "1", "USER": "ada"}
        ran = subprocess.run(
            [str(BIN / "slipway"), *arguments], cwd=self.root, env=environ, capture_output=True, text=True, check=False
        )
        assert ran.returncode == code, ran.stdout + ran.stderr
        return ran.stdout + ran.stderr

    def submit(self, *arguments: str, budget: str, code: int) -> str:
        """Wait for the script on the dear target."""
        given = ("--script", "train.py", "--on", "dear", "--snapshot", str(self.snapshot), "--budget", budget, "--wait")
        return self.run("submit", *given, "--", *arguments, code=code)

    @property
    def runs(self) -> list[dict[str, Any]]:
        """All of them, the newest first."""
        return list(json.loads(self.run("runs", "--json")))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    root = tmp_path_factory.mktemp("script") / "project"
    root.mkdir()
    (root / "slipway.toml").write_text(SETTINGS)
    (root / "train.py").write_text(SCRIPT)
    desk = Desk(root)
    desk.run("world", "render", "tiny", str(desk.snapshot))
    return desk


def test_a_script_whose_budget_is_used_up_goes_on_with_a_larger_one(desk: Desk) -> None:
    told = desk.submit("keep", "two words", budget="1.2", code=75)
    assert "Submit the same work with a larger --budget. Started again, it goes on from checkpoint" in told
    told = desk.submit("keep", "two words", budget="12", code=0)
    assert "steps" not in told
    run = desk.runs[0]["name"]
    assert "begins at 0" in desk.run("logs", run, "--attempt", "1")
    assert "begins at 0" not in desk.run("logs", run, "--attempt", "2")
    shown = desk.run("show", run)
    assert "keep 'two words'" in shown
    assert "step" not in shown


def test_a_script_that_left_nothing_is_said_to_begin_anew(desk: Desk) -> None:
    told = desk.submit("nothing", budget="1.2", code=75)
    assert "It left no checkpoint: started again, it begins anew." in told
    assert "step" not in told
