"""`slipway why`: what a person is told about why a run ran or did not."""

import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.runs.attempts import Attempt, Claimant, claim
from slipway.platform.runs.names import bind_name
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.presence import boot_id
from slipway.platform.runs.records import Outcome, Place, Result, State
from slipway.platform.runs.results import bind_result
from slipway.platform.runs.standing import Here
from slipway.platform.store.directory import DirectoryStore

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
CONFIG: dict[str, Any] = {"seed": 1, "optimizer": {"lr": 0.1, "clip": 0.0}}
Begin = Callable[..., Attempt]


@pytest.fixture
def begin(project: Path, make_parts: Callable[..., Parts]) -> Begin:
    """Begin an attempt of a named piece of work in the project's store."""
    store = DirectoryStore(project / ".slipway" / "store")

    def run(name: str, **changes: Any) -> Attempt:
        parts = make_parts(**changes)
        here = Here.at(project)
        place = Place(host=here.host, boot=here.boot, pid=1, workplace="w")
        bind_name(store, parts.key, model=parts.model, now=NOW, wanted=name)
        claimant = Claimant(submitted_by="ada", name=name, place=place, created=NOW)
        found = claim(store, parts, claimant, here)
        assert isinstance(found, Attempt)
        return found

    return run


def end(attempt: Attempt, state: State, reason: str) -> None:
    if state is State.DONE:
        result = Result(key=attempt.key, attempt=attempt.number, finished=NOW, files={}, metrics={}, steps=1, seconds=1)
        bind_result(attempt._store, result)
    attempt.finish(Outcome(state=state, reason=reason, ended=NOW, seconds=61.0, step=40))
    attempt.close()


def test_attempts_are_told_with_why_each_began_and_how_it_ended(begin: Begin, slipway: Any) -> None:
    end(begin("other-work", config={**CONFIG, "seed": 2}), State.FAILED, "out of memory")
    end(begin("other-work", config={**CONFIG, "seed": 2}), State.DONE, "all steps done")
    told = slipway("why", "other-work")
    assert told.returncode == 0, told.stderr
    assert "Starting the same work now returns this result; `--again` makes another attempt." in told.stdout
    lines = [line.split("  ") for line in told.stdout.splitlines()]
    rows = [[cell.strip() for cell in line if cell] for line in lines if line[0] in ("1", "2")]
    host = socket.gethostname()
    assert rows == [
        ["1", "failed", "first", "ada", host, "2026-11-20 12:00", "out of memory"],
        ["2", "done", "after attempt 1, failed: out of memory", "ada", host, "2026-11-20 12:00", "all steps done"],
    ]


def test_it_is_compared_with_the_run_that_differs_least(begin: Begin, slipway: Any) -> None:
    far = {"config": {**CONFIG, "seed": 3}, "lock": ("numpy==1", "torch==1"), "snapshot": "6" * 64}
    end(begin("far-away", **far), State.DONE, "done")
    end(begin("close-by", config={**CONFIG, "optimizer": {"lr": 0.2, "clip": 0.0}}), State.DONE, "done")
    end(begin("other-model", model="fish"), State.DONE, "done")
    end(begin("this-one"), State.DONE, "done")
    told = slipway("why", "this-one").stdout
    assert "It is other work than close-by (r1-" in told
    assert "): 1 key of the config differs." in told
    assert told.splitlines()[-1].split() == ["config", "optimizer.lr", "0.2", "0.1"]
    other = slipway("why", "this-one", "--than", "far-away")
    assert "): the snapshot, 1 key of the config and 2 lines of the lock differ." in other.stdout
    assert "`slipway data diff 666666666666 555555555555`" in other.stderr
    fish = slipway("why", "this-one", "--than", "other-model").stdout
    assert fish.splitlines()[-1].split() == ["model", "model", "fish", "bird"]


def test_scripts_get_everything(begin: Begin, slipway: Any, make_parts: Callable[..., Parts]) -> None:
    with begin("first-try") as attempt:
        attempt.beat(step=1, steps=2)
        data = json.loads(slipway("why", attempt.key[:12], "--json").stdout)
    assert (data["name"], data["key"], data["state"], data["other"]) == ("first-try", make_parts().key, "running", None)
    assert [(one["attempt"], one["why"], one["state"]) for one in data["attempts"]] == [(1, "first", "running")]
    end(begin("second-try", snapshot="6" * 64), State.DONE, "done")
    data = json.loads(slipway("why", "second-try", "--json").stdout)
    assert data["other"] == {
        "name": "first-try",
        "key": make_parts().key,
        "differences": [
            {"part": "snapshot", "name": "snapshot", "change": "changed", "before": "5" * 64, "after": "6" * 64}
        ],
    }


def test_a_running_attempt_on_this_machine_is_alive_and_a_killed_one_is_lost(
    begin: Begin, slipway: Any, project: Path
) -> None:
    with begin("first-try") as attempt:
        told = slipway("why", "first-try").stdout
        assert "is running by ada on" in told
        assert "Starting the same work now attaches to this attempt." in told
        lock = project / ".slipway" / "alive" / f"{attempt.spec.nonce}.alive"
        assert lock.exists()
    told = slipway("why", "first-try").stdout
    assert "is lost: its process is gone." in told
    assert "makes attempt 2" in told
    assert boot_id()


def test_an_unknown_run_is_one_message_and_code_2(begin: Begin, slipway: Any) -> None:
    assert slipway("why", "frist-try").returncode == 2
    begin("first-try").close()
    told = slipway("why", "frist-try")
    assert (told.returncode, told.stdout) == (2, "")
    assert "Did you mean `first-try`?" in told.stderr
    assert "Traceback" not in told.stderr
