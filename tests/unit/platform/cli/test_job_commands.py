"""The commands of a person who submits work, as processes: what is printed, where, and with which exit code."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recorded import Recorder
from slipway.platform.runs.records import Cause, State
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


def test_show_tells_attempts_with_causes_and_costs(recorder: Recorder, slipway: Run) -> None:
    key = recorder.running()
    recorder.end(key, State.FAILED, Cause.OUT_OF_MEMORY, cost="1.50")
    shown = slipway("show", key[:10])
    assert shown.returncode == 0, shown.stderr
    assert "cost so far  USD 1.50, 1 min 00 s" in shown.stdout
    assert "out of memory: It is failed." in shown.stdout
    told = json.loads(slipway("show", name_of(recorder, key), "--json").stdout)
    assert [one["cause"] for one in told["attempts"]] == ["out of memory"]


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


def test_targets_tell_price_and_wait(recorder: Recorder, slipway: Run) -> None:
    recorder.done(target="dear")
    told = {one["name"]: one for one in json.loads(slipway("targets", "--json").stdout)}
    assert (told["dear"]["price_per_hour"], told["local"]["typical_wait_seconds"]) == ("3.6", None)
    assert told["dear"]["typical_wait_seconds"] is not None
    assert "USD 3.60 an hour" in slipway("targets").stdout


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
