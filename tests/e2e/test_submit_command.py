"""`slipway submit` as people use it: real processes, a real model, a rendered snapshot, the local launcher."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.xdist_group("submit-command"), pytest.mark.timeout(400)]

BIN = Path(sys.executable).parent
PATIENCE = 200.0
SHORT = ("bay-occupancy", "batch=8", "trainer.max_epochs=2")
LONG = ("bay-occupancy", "batch=8", "trainer.max_epochs=100000", "runtime.checkpoint_seconds=1")
SETTINGS = """
[contexts.local.targets.gpu-l4]
launcher = "kubernetes"
accelerator = "l4"
gpus = 1
price_per_hour = 0.71

[contexts.local.targets.dear]
price_per_hour = 0.71
"""


@dataclass
class Desk:
    """A project with a snapshot, and `slipway` in it."""

    root: Path
    snapshot: Path

    @property
    def environ(self) -> dict[str, str]:
        return {"HOME": str(self.root.parent), "PATH": f"{BIN}:/usr/bin:/bin", "OMP_NUM_THREADS": "1", "USER": "ada"}

    def begin(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command."""
        return subprocess.Popen(
            [str(BIN / "slipway"), *arguments],
            cwd=self.root,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        """What a command prints and says."""
        process = self.begin(*arguments)
        printed, said = process.communicate(timeout=PATIENCE)
        assert process.returncode == code, said
        return printed, said

    def submit(self, *arguments: str, on: str = "local", code: int = 0) -> tuple[Any, str]:
        """The answer to a submission, and what was said on the way."""
        printed, said = self.run(
            "submit", *arguments, "--on", on, "--snapshot", str(self.snapshot), "--json", code=code
        )
        return json.loads(printed) if printed else None, said

    def state(self, run: str) -> str:
        """Of a run, now."""
        return str(json.loads(self.run("show", run, "--json")[0])["state"])


def eventually(condition: Callable[[], object]) -> None:
    """Wait for a condition, and fail when it never holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A project; whatever still runs in it at the end is cancelled."""
    root = tmp_path_factory.mktemp("submit") / "project"
    root.mkdir()
    (root / "slipway.toml").write_text(SETTINGS)
    snapshot = root.parent / "world"
    subprocess.run([str(BIN / "slipway"), "world", "render", "tiny", str(snapshot)], check=True, capture_output=True)
    desk = Desk(root, snapshot)
    yield desk
    for run in json.loads(desk.run("runs", "--active", "--json")[0]):
        desk.run("cancel", run["key"], "--for-all")
        eventually(lambda run=run: desk.state(run["key"]) not in {"running", "pending"})  # type: ignore[misc]


@pytest.fixture(scope="module")
def done(desk: Desk) -> dict[str, Any]:
    """Short work on two nodes, waited for."""
    answer, said = desk.submit(*SHORT, "--nodes", "2", "--wait")
    assert "price: free" in said
    assert "files" in said
    assert isinstance(answer, dict)
    return answer


def test_work_on_two_nodes_is_seen_to_its_end_and_found_when_submitted_again(desk: Desk, done: dict[str, Any]) -> None:
    assert done["state"] == "done"
    again, said = desk.submit(*SHORT, "--nodes", "2")
    assert (again["key"], again["how"]) == (done["key"], "found")
    assert "done already" in said
    assert "Not used, because nothing was started: --note." in desk.submit(*SHORT, "--nodes", "2", "--note", "x")[1]
    (listed,) = [one for one in json.loads(desk.run("runs", "--json")[0]) if one["key"] == done["key"]]
    assert (listed["nodes"], listed["headline"], listed["state"]) == (2, "accuracy", "done")


def test_what_would_be_done_is_told_and_nothing_is_written(desk: Desk, done: dict[str, Any]) -> None:
    before = sorted((desk.root / ".slipway/store").rglob("*"))
    dear = ("--nodes", "2", "--budget", "0.0001", "--dry-run")
    told, _ = desk.submit(*SHORT, "seed=5", *dear, on="dear")
    assert told["key"] != done["key"]
    assert (told["price"]["per_hour"], told["budget"], told["would"]) == ("1.42", "USD 0.0001", "start")
    given = ("submit", *SHORT, "seed=5", *dear, "--on", "dear", "--snapshot", str(desk.snapshot))
    assert "stopped before it is done" in desk.run(*given)[1]
    rendering = ("--snapshot", str(desk.snapshot), "--dry-run", "-o", "yaml")
    printed, _ = desk.run("submit", *SHORT, "seed=5", "--on", "local", "--nodes", "2", *rendering)
    assert printed.count("slipway.platform.jobs.runner") == 2
    printed, said = desk.run("submit", *SHORT, "--on", "local", "--nodes", "2", *rendering)
    assert printed == ""
    assert "Nothing would be sent" in said
    _, refused = desk.submit(*SHORT, "seed=5", "--name", done["name"], "--dry-run", code=2)
    assert "belongs to other work" in refused
    assert sorted((desk.root / ".slipway/store").rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*SHORT, "--on", "lokal"), "Did you mean `local`?"),
        (("bay-ocupancy", "--on", "local"), "Did you mean `bay-occupancy`?"),
        ((*SHORT, "--on", "local", "--nodes", "3"), "batch is a multiple of trainer.processes (3)"),
        ((*SHORT, "trainer.processes=4", "--on", "local", "--nodes", "3"), "cannot be shared equally among 3 nodes"),
        ((*SHORT, "trainer.accelerator=h100", "--on", "gpu-l4"), "`gpu-l4` computes with `l4`"),
        ((*SHORT, "--on", "local", "--budget", "5"), "has no price"),
        ((*SHORT, "--on", "local", "--budget", "x"), "not `x`"),
        ((*SHORT, "--on", "local", "-o", "yaml"), "only with --dry-run"),
        (("--on", "local"), "What is to be trained?"),
        ((*SHORT, "--on", "local", "--dry-run", "-o", "json"), "is --json"),
        ((*SHORT, "--on", "local", "--nodes", "99"), "`local` has 8 at most"),
        ((*SHORT, "runtime.target=gpu-l4", "--on", "local"), "runtime.target is `gpu-l4`"),
        (("bay-occupancy", "--script", "train.py", "--on", "local"), "expected a model or a script"),
        ((*SHORT, "--on", "gpu-l4", "--dry-run"), "kubernetes.image"),
    ],
)
def test_a_slip_is_one_message(desk: Desk, arguments: tuple[str, ...], said: str) -> None:
    _, told = desk.run("submit", *arguments, "--snapshot", str(desk.snapshot), code=2)
    assert said in told
    assert "Traceback" not in told


def test_who_waits_may_leave_and_the_run_goes_on_until_it_is_cancelled(desk: Desk) -> None:
    waiting = desk.begin("submit", *LONG, "--on", "local", "--snapshot", str(desk.snapshot), "--wait")
    try:
        eventually(lambda: any(one["step"] for one in json.loads(desk.run("runs", "--active", "--json")[0])))
        os.kill(waiting.pid, signal.SIGINT)
        _, said = waiting.communicate(timeout=PATIENCE)
    finally:
        waiting.kill()
        waiting.wait()
    assert waiting.returncode == 130, said
    (run,) = json.loads(desk.run("runs", "--active", "--json")[0])
    assert f"slipway logs {run['name']} -f" in said
    attached, _ = desk.submit(*LONG)
    assert (attached["how"], attached["name"], attached["submitted_by"]) == ("attached", run["name"], run["person"])
    following = desk.begin("logs", run["name"], "-f")
    desk.run("cancel", run["name"])
    _, remarks = following.communicate(timeout=PATIENCE)
    assert following.returncode == 0
    assert "cancelled" in remarks
    assert desk.state(run["name"]) == "cancelled"


def test_the_same_in_python(desk: Desk, done: dict[str, Any]) -> None:
    from slipway.training.submitting import submit

    found = submit(
        "bay-occupancy", SHORT[1:], on="local", nodes=2, snapshot=str(desk.snapshot), wait=True, folder=desk.root
    )
    assert (found.how, found.key) == ("found", done["key"])
