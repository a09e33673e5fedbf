"""A script of the archive as a job: plain PyTorch without our training loop, in one process or in several."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fake_work.project import archive_of
from slipway.platform.jobs.runner import checkpoints
from slipway.platform.jobs.runner.folders import given_back
from slipway.platform.jobs.spec import Limits
from slipway.platform.runs.code.archive import store_code
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.records import Cause, Outcome, State
from slipway.platform.runs.results import fetch_file

pytestmark = pytest.mark.timeout(240)

Yard = Any
Eventually = Callable[[Callable[[], bool]], None]

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


GOING_ON = """
import json, os, sys, time
from pathlib import Path

folder, resume, form = Path(os.environ["SLIPWAY_CHECKPOINTS"]), os.environ["SLIPWAY_RESUME"], {form!r}
step = 0
if resume:
    found = Path(resume)
    step = int((found / "state.pt" if found.is_dir() else found).read_text())
    print("goes on with", found.name, "at", step, sorted(one.name for one in folder.iterdir()))
for step in range(step + 1, 5):
    if form == "file":
        (folder / "state.pt").write_text(str(step))
    elif form == "renamed":
        (folder / "state.pt.tmp").write_text(str(step))
        (folder / "state.pt.tmp").rename(folder / "state.pt")
    else:
        (folder / f"epoch-{{step}}").mkdir()
        (folder / f"epoch-{{step}}" / "state.pt").write_text(str(step))
    print("epoch", step, flush=True)
    if step == 3 and not resume:
        if form == "file":
            while not Path("{write}").exists():
                time.sleep(0.02)
            torn = (folder / "state.pt").open("w")
            torn.write("99")
            torn.flush()
        print("stands still", flush=True)
        time.sleep(120)
(Path(os.environ["SLIPWAY_RESULTS"]) / "metrics.json").write_text(json.dumps({{"loss": 1 / step}}))
"""


def give(yard: Yard, text: str, *, nodes: int = 1, processes: int = 1, limits: Limits | None = None) -> None:
    """An attempt at running this script."""
    desk = yard.desk
    (desk.folder / "train.py").write_text(text)
    (desk.folder / "beside.py").write_text("greeting = 'hello from beside'")
    code = archive_of({"train.py": desk.folder / "train.py", "beside.py": desk.folder / "beside.py"})
    store_code(code, desk.store)
    parts, job = desk.work(processes=processes)
    parts = Parts(**{**parts.model_dump(), "code": code.files})
    changed = {"key": parts.key, "module": "train.py", "package": "", "code": parts.code_digest, "nodes": nodes}
    changed |= {"limits": limits or Limits()}
    yard.give(parts, job.model_copy(update={**changed, "arguments": {"arguments": ["--lr", "0.1"]}}))


def ended(yard: Yard) -> Outcome:
    """How the last attempt did."""
    outcome = Outcome.load(yard.desk.store, yard.keys.outcome)
    assert outcome is not None
    return outcome


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
    outcome = ended(yard)
    assert outcome.reason == "LookupError: no column `x`"
    assert "in load" in outcome.traceback
    assert "boot.py" not in outcome.traceback
    assert "runpy" not in outcome.traceback
    assert "in load" in yard.log()
    assert "boot.py" not in yard.log()
    assert "runpy" not in yard.log()


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


@pytest.mark.parametrize(("form", "entry"), [("renamed", "state.pt"), ("folder", "epoch-3")])
@pytest.mark.parametrize("how", ["killed", "asked"])
def test_a_script_goes_on_from_what_it_left_in_its_folder(
    yard: Yard, eventually: Eventually, form: str, entry: str, how: str
) -> None:
    give(yard, GOING_ON.format(form=form, write=""))
    node = yard.start()
    eventually(lambda: "stands still" in yard.log())
    if how == "killed":
        eventually(lambda: any(key.endswith(".json") for key in yard.desk.store.list(yard.keys.checkpoints)))
        node.kill()
        eventually(lambda: yard.standing().state is State.LOST)
    else:
        node.terminate()
    node.communicate()
    if how == "asked":
        mend = ended(yard).mend
        assert mend == "Started again, it goes on from checkpoint 1, of attempt 1."
    give(yard, GOING_ON.format(form=form, write=""))
    again = yard.start()
    printed, _ = again.communicate()
    assert again.returncode == 0, (printed, yard.log())
    assert yard.number == 2
    assert f"goes on with {entry} at 3" in yard.log()
    assert "epoch 3" not in yard.log()


def test_a_file_that_a_killed_script_was_writing_is_not_believed(yard: Yard, eventually: Eventually) -> None:
    limits = Limits(grace_seconds=0.2)
    give(yard, GOING_ON.format(form="file", write=yard.desk.folder / "write"), limits=limits)
    node = yard.start()
    eventually(lambda: bool(list(yard.desk.store.list(yard.keys.checkpoints))))
    (yard.desk.folder / "write").touch()
    eventually(lambda: "stands still" in yard.log())
    node.terminate()
    node.communicate()
    outcome = ended(yard)
    assert (outcome.exit_code, outcome.cause) == (-9, Cause.EVICTED)
    give(yard, GOING_ON.format(form="file", write=yard.desk.folder / "write"), limits=limits)
    again = yard.start()
    printed, _ = again.communicate()
    assert again.returncode == 0, (printed, yard.log())
    assert "goes on with state.pt at 3 ['state.pt']" in yard.log()


def test_a_script_that_left_no_checkpoint_is_said_to_begin_anew(yard: Yard) -> None:
    text = "import time\nprint('epoch 3', flush=True)\ntime.sleep(120)"
    give(yard, text, limits=Limits(deadline_seconds=3.0))
    node = yard.start()
    node.communicate()
    outcome = ended(yard)
    assert outcome.cause is Cause.DEADLINE
    assert outcome.mend == "Start the same work again. It left no checkpoint: started again, it begins anew."
    assert "step" not in outcome.reason
    assert "SIGTERM tells the script to stop, within 60 s" in yard.log()


def test_a_script_that_is_asked_to_stop_finishes_the_file_that_it_writes(yard: Yard, eventually: Eventually) -> None:
    text = """
import os, time
from pathlib import Path
with (Path(os.environ["SLIPWAY_CHECKPOINTS"]) / "state.pt").open("w") as file:
    file.write("first ")
    file.flush()
    print("writes", flush=True)
    while not Path("RELEASE").exists():
        time.sleep(0.02)
    file.write("second")
time.sleep(120)
"""
    give(yard, text.replace("RELEASE", str(yard.desk.folder / "release")))
    node = yard.start()
    eventually(lambda: "writes" in yard.log())
    node.terminate()
    eventually(lambda: "SIGTERM tells the script to stop" in yard.log())
    (yard.desk.folder / "release").touch()
    node.communicate()
    assert ended(yard).exit_code == 75
    found = checkpoints.stored(yard.desk.store, WorkKeys(yard.desk.key))
    packed = checkpoints.bring(yard.desk.store, found[0], yard.desk.folder)
    assert packed is not None
    entry = given_back(packed, yard.desk.folder / "back")
    assert entry is not None
    assert entry.read_text() == "first second"
