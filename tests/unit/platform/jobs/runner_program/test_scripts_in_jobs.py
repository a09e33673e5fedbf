"""A script of the archive as a job: plain PyTorch without our training loop, in one process or in several."""

import json
from pathlib import Path
from typing import Any

import pytest

from fake_work.project import archive_of
from slipway.platform.runs.code.archive import store_code
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.records import Outcome, State
from slipway.platform.runs.results import fetch_file

pytestmark = pytest.mark.timeout(240)

Yard = Any

WHOLE = """
import json, os, sys
from pathlib import Path
from beside import greeting

if __name__ == "__main__":
    results = Path(os.environ["SLIPWAY_RESULTS"])
    assert Path(os.environ["SLIPWAY_SNAPSHOT"]).is_dir()
    assert Path(os.environ["SLIPWAY_CHECKPOINTS"]).is_dir()
    print(greeting, *sys.argv[1:], "rank", os.environ.get("RANK"), sys.path[0] == str(Path(__file__).parent))
    if os.environ.get("RANK", "0") == "0":
        (results / "weights.bin").write_bytes(b"trained")
        (results / "metrics.json").write_text(json.dumps({"loss": 0.25}))
"""


def give(yard: Yard, text: str, *, nodes: int = 1, processes: int = 1) -> None:
    """An attempt at running this script."""
    desk = yard.desk
    (desk.folder / "train.py").write_text(text)
    (desk.folder / "beside.py").write_text("greeting = 'hello from beside'")
    code = archive_of({"train.py": desk.folder / "train.py", "beside.py": desk.folder / "beside.py"})
    store_code(code, desk.store)
    parts, job = desk.work(processes=processes)
    parts = Parts(**{**parts.model_dump(), "code": code.files})
    changed = {"key": parts.key, "module": "train.py", "package": "", "code": parts.code_digest, "nodes": nodes}
    yard.give(parts, job.model_copy(update={**changed, "arguments": {"arguments": ["--lr", "0.1"]}}))


@pytest.mark.parametrize("nodes", [1, 2])
def test_a_script_runs_as_main_with_its_arguments_and_leaves_a_result(yard: Yard, nodes: int) -> None:
    give(yard, WHOLE, nodes=nodes, processes=nodes)
    started = [yard.start(node) for node in range(nodes)]
    printed = [one.communicate()[0] for one in started]
    assert [one.returncode for one in started] == [0] * nodes, (printed, yard.log())
    rank = "None" if nodes == 1 else "0"
    assert f"hello from beside --lr 0.1 rank {rank} True" in yard.log()
    result = yard.standing().result
    assert result.metrics == {"loss": 0.25}
    fetch_file(yard.desk.store, result, "weights.bin", yard.desk.folder / "got")
    assert (yard.desk.folder / "got").read_bytes() == b"trained"


def test_an_exception_of_a_script_is_the_failure_with_its_own_lines_only(yard: Yard) -> None:
    give(yard, "def load():\n    raise LookupError('no column `x`')\n\nload()\n")
    node = yard.start()
    printed, _ = node.communicate()
    assert node.returncode == 1, printed
    outcome = Outcome.load(yard.desk.store, yard.keys.outcome)
    assert outcome is not None
    assert outcome.reason == "LookupError: no column `x`"
    assert "in load" in outcome.traceback
    assert "boot.py" not in outcome.traceback
    assert "runpy" not in outcome.traceback


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import sys\nsys.exit(3)", "code 3"),
        ("import sys\nsys.exit('the data is too small')", "code 1"),
        (
            "import os\nopen(os.environ['SLIPWAY_RESULTS'] + '/metrics.json', 'w').write('{\"loss\": NaN}')",
            "finite numbers",
        ),
    ],
)
def test_a_script_that_ends_otherwise_says_how(yard: Yard, text: str, reason: str) -> None:
    give(yard, text)
    node = yard.start()
    node.communicate()
    after = yard.standing()
    assert after.state is State.FAILED
    assert reason in after.reason, json.dumps(after.reason)
    assert "too small" not in text or "too small" in yard.log()


def test_a_script_that_leaves_its_own_summary_is_believed(yard: Yard) -> None:
    summary = json.dumps({"steps": 7, "metrics": {"loss": 0.5}, "seconds": 1.0})
    give(yard, f"open('results/summary.json', 'w').write('''{summary}''')")
    assert Path(yard.desk.folder).is_dir()
    node = yard.start()
    printed, _ = node.communicate()
    assert node.returncode == 0, printed
    assert yard.standing().result.steps == 7
