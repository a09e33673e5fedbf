"""The commands of a person who submits work, as processes: what is printed, where, and with which exit code."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recorded import Recorder
from slipway.platform.jobs.runner.checkpoints import upload
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.records import Cause, State
from slipway.platform.runs.workplace import CHECKPOINT
from slipway.platform.store.directory import DirectoryStore

Run = Callable[..., subprocess.CompletedProcess[str]]

TARGETS = """
[contexts.local.targets.dear]
price_per_hour = 3.6
max_nodes = 2

[contexts.guarded]
protected = true
"""


@pytest.fixture
def recorder(project: Path) -> Iterator[Recorder]:
    """Runs in the project's store."""
    (project / "slipway.toml").write_text(TARGETS)
    made = Recorder.at(DirectoryStore(project / ".slipway" / "store"), project)
    yield made
    made.close()


def name_of(recorder: Recorder, key: str) -> str:
    return recorder.attempts[key].spec.name


def test_runs_are_plain_lines_in_a_pipe_and_data_with_json(recorder: Recorder, slipway: Run) -> None:
    done = recorder.done(model="fish")
    lines = slipway("runs").stdout.splitlines()
    assert lines[0].split()[:3] == ["NAME", "MODEL", "STATE"]
    assert lines[1].split()[:3] == [name_of(recorder, done), "fish", "done"]
    assert "\x1b" not in lines[1]
    (told,) = json.loads(slipway("runs", "--model", "fish", "--json").stdout)
    assert (told["key"], told["state"], told["seconds"]) == (done, "done", 60.0)
    nothing = slipway("runs", "--active")
    assert (nothing.stdout, nothing.stderr) == ("", "Nothing is under way.\n")
    assert "Did you mean --model fish?" in slipway("runs", "--model", "fisch").stderr
    name = name_of(recorder, done)
    assert f"Did you mean `{name}`?" in slipway("show", name[:3]).stderr
    assert "at least 4 digits" in slipway("show", "r1").stderr


def test_show_tells_attempts_with_causes_and_costs(recorder: Recorder, slipway: Run) -> None:
    key = recorder.running()
    recorder.end(key, State.FAILED, Cause.OUT_OF_MEMORY, cost="1.50")
    shown = slipway("show", key[:10])
    assert shown.returncode == 0, shown.stderr
    assert "cost so far  USD 1.50, 1 min 00 s" in shown.stdout
    assert "out of memory: It is failed." in shown.stdout
    told = json.loads(slipway("show", name_of(recorder, key), "--json").stdout)
    assert [one["cause"] for one in told["attempts"]] == ["out of memory"]


@pytest.mark.parametrize(
    ("state", "cause", "said"),
    [
        (State.CANCELLED, Cause.CANCELLED, "goes on from checkpoint 7, of attempt 1"),
        (State.RESUMABLE, Cause.DEADLINE, "goes on from checkpoint 7, of attempt 1"),
        (State.FAILED, Cause.EXIT_CODE, "`slipway debug"),
    ],
)
def test_show_tells_what_comes_next(
    recorder: Recorder, slipway: Run, tmp_path: Path, state: State, cause: Cause, said: str
) -> None:
    key = recorder.running()
    checkpoint = tmp_path / "step-00000007.ckpt"
    checkpoint.write_bytes(b"weights")
    assert CHECKPOINT.format(7) == checkpoint.name
    upload(recorder.store, WorkKeys(key).attempt(1), checkpoint)
    recorder.end(key, state, cause)
    shown = slipway("show", key).stdout
    assert said in shown
    assert f"`slipway rerun {name_of(recorder, key)}`" in shown


def test_lost_work_is_shown_with_who_takes_it_up_and_from_where(recorder: Recorder, slipway: Run) -> None:
    key = recorder.running()
    recorder.fall_silent(key)
    assert "to be taken up again" in slipway("runs", "--active").stdout
    shown = slipway("show", key).stdout
    assert "`slipway jobs reconcile`, takes it up again from the beginning: there is no checkpoint." in shown


def test_logs_go_to_standard_output_and_remarks_beside_it(recorder: Recorder, slipway: Run) -> None:
    key = recorder.running()
    recorder.log(key, "one\ntwo\nthree\n")
    recorder.end(key)
    assert slipway("logs", key, "--tail", "2").stdout == "two\nthree\n"
    followed = slipway("logs", key, "-f")
    assert (followed.returncode, followed.stdout) == (0, "one\ntwo\nthree\n")
    assert "is done" in followed.stderr
    wrong = slipway("logs", key, "--attempt", "3")
    assert wrong.returncode == 2
    assert "It has 1." in wrong.stderr
    assert f"{name_of(recorder, key)} has no attempt 3" in wrong.stderr
    wrong = slipway("logs", key, "--node", "7")
    assert wrong.returncode == 2
    assert "has no node 7" in wrong.stderr


def test_targets_tell_price_and_wait(recorder: Recorder, slipway: Run) -> None:
    recorder.done(target="dear")
    told = {one["name"]: one for one in json.loads(slipway("targets", "--json").stdout)}
    assert (told["dear"]["price_per_hour"], told["local"]["typical_wait_seconds"]) == ("3.6", None)
    assert told["dear"]["typical_wait_seconds"] is not None
    assert "USD 3.60 an hour" in slipway("targets").stdout


def test_targets_are_listed_also_without_their_store(recorder: Recorder, slipway: Run) -> None:
    assert recorder.count == 0
    listed = slipway("targets", SLIPWAY_STORE__URL="s3://slipway-nowhere/store", AWS_EC2_METADATA_DISABLED="true")
    assert listed.returncode == 0, listed.stderr
    assert "credentials" in listed.stderr
    (dear,) = [line.split() for line in listed.stdout.splitlines() if line.startswith("dear")]
    assert dear[-1] == "unknown"


@pytest.mark.parametrize("command", [("runs",), ("show", "some-run-1"), ("jobs", "reconcile")])
def test_a_store_that_cannot_be_is_no_empty_one(recorder: Recorder, slipway: Run, command: tuple[str, ...]) -> None:
    assert recorder.count == 0
    wrong = slipway(*command, SLIPWAY_STORE__URL="/proc/nope")
    assert wrong.returncode != 0
    assert "none can be made" in wrong.stderr
    assert "none can be made" in slipway("runs", SLIPWAY_STORE__URL="slipway.toml").stderr


def test_cancelling_asks_first_where_the_context_is_protected(recorder: Recorder, slipway: Run) -> None:
    key = recorder.running()
    refused = slipway("cancel", key, SLIPWAY_CONTEXT="guarded")
    assert refused.returncode == 2
    assert "is protected" in refused.stderr
    ended = recorder.done()
    assert "is done" in slipway("cancel", ended).stdout


def test_work_that_is_done_is_returned_and_not_run_again(recorder: Recorder, slipway: Run) -> None:
    key = recorder.done()
    again = slipway("rerun", key)
    assert again.returncode == 0, again.stderr
    assert "done already" in again.stderr
    foretold = slipway("rerun", key, "--dry-run")
    assert "returns this result" in foretold.stdout


def test_a_budget_is_a_number(recorder: Recorder, slipway: Run) -> None:
    wrong = slipway("rerun", recorder.done(), "--budget", "much")
    assert wrong.returncode == 2
    assert "not `much`" in wrong.stderr


def test_reconciling_an_empty_store_says_so(recorder: Recorder, slipway: Run) -> None:
    assert recorder.count == 0
    done = slipway("jobs", "reconcile", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["deeds"] == []


@pytest.mark.parametrize("command", ["show", "logs", "cancel", "rerun"])
def test_a_name_that_nobody_has_is_wrong_use(recorder: Recorder, slipway: Run, command: str) -> None:
    name = name_of(recorder, recorder.done())
    wrong = slipway(command, f"{name}x")
    assert wrong.returncode == 2
    assert name in wrong.stderr


def test_the_same_in_python_while_an_event_loop_runs(recorder: Recorder, project: Path) -> None:
    import asyncio

    from slipway.platform.jobs import api

    key = recorder.done()

    async def cell() -> tuple[list[str], State | None, str]:
        rows = [row.entry.key for row in api.runs(folder=project)]
        return rows, api.show(key, folder=project).standing.state, api.logs(key, folder=project)

    assert asyncio.run(cell()) == ([key], State.DONE, "")
    assert [one.name for one in api.targets(folder=project)] == ["dear", "local"]
    assert api.cancel(key, folder=project).how == "nothing to cancel"
    assert api.rerun(key, folder=project).how == "found"
    assert api.reconcile(dry_run=True, folder=project).deeds == []
