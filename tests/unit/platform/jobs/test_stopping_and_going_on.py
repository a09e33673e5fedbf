"""Attempts that are stopped, killed, taken over or repeated, and the ones that go on from them."""

import hashlib
import json
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from slipway.platform.jobs.runner import checkpoints
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.pieces import read_pieces
from slipway.platform.runs.records import Outcome, State
from slipway.platform.runs.standing import Here, standing
from slipway.platform.store import StoreUnreachable

if TYPE_CHECKING:
    import subprocess

pytestmark = pytest.mark.timeout(240)

Desk = Any
Eventually = Callable[[Callable[[], bool]], None]
WEIGHTS = hashlib.sha256(hashlib.sha256(b"6").hexdigest().encode()).hexdigest()
"""What six steps give, in however many attempts."""


def gone(process: psutil.Process) -> bool:
    """Whether it has ended."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def steps_in_store(desk: Desk) -> list[int]:
    parts, _ = desk.work()
    return [one.step for one in checkpoints.stored(desk.store, WorkKeys(parts.key))]


def ended(process: "subprocess.Popen[str]") -> Outcome:
    """How a runner says that it ended."""
    printed, errors = process.communicate()
    assert process.returncode == 0, errors
    return Outcome.model_validate(json.loads(printed)["outcome"])


def test_a_child_dies_with_its_killed_runner_and_the_next_attempt_gives_the_same_weights(
    desk: Desk, eventually: Eventually
) -> None:
    parts, _ = desk.work()
    runner = desk.begin(wait_at=5)
    child = desk.wait_until_it_stands_still(runner)
    eventually(lambda: steps_in_store(desk) == [4])
    assert standing(desk.store, parts.key, Here.at(desk.loaded.root)).under_way
    runner.kill()
    runner.wait()
    eventually(lambda: gone(child))
    assert standing(desk.store, parts.key, Here.at(desk.loaded.root)).state is State.LOST
    ran = desk.run()
    assert "step-00000004.ckpt" in desk.log(2)
    assert ran.result is not None
    assert ran.result.files["weights.safetensors"].sha256 == WEIGHTS
    assert ran.result.attempt == 2
    assert steps_in_store(desk) == [6]


def test_an_orphan_that_outlives_its_runner_counts_as_alive(desk: Desk, eventually: Eventually) -> None:
    parts, _ = desk.work()
    spared = "import ctypes; ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)"
    runner = desk.begin(wait_at=1, load=spared)
    child = desk.wait_until_it_stands_still(runner)
    runner.kill()
    runner.wait()
    assert standing(desk.store, parts.key, Here.at(desk.loaded.root)).under_way
    child.kill()
    eventually(lambda: not standing(desk.store, parts.key, Here.at(desk.loaded.root)).under_way)


def test_what_was_measured_before_the_checkpoint_stands_in_the_next_journal(desk: Desk, eventually: Eventually) -> None:
    parts, _ = desk.work()
    runner = desk.begin(wait_at=5)
    desk.wait_until_it_stands_still(runner)
    eventually(lambda: steps_in_store(desk) == [4])
    runner.kill()
    runner.wait()
    desk.run()
    journal = read_pieces(desk.store, WorkKeys(parts.key).attempt(2).journal)
    steps = [event["step"] for event in map(json.loads, journal.splitlines()) if event["kind"] == "metrics"]
    assert steps == [1, 2, 3, 4, 5, 6]


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(desk: Desk, eventually: Eventually) -> None:
    parts, _ = desk.work()
    runner = desk.begin(wait_at=3)
    desk.wait_until_it_stands_still(runner)
    eventually(lambda: steps_in_store(desk) == [2])
    runner.terminate()
    ended(runner)
    assert steps_in_store(desk) == [3, 2]
    desk.store.put(f"{WorkKeys(parts.key).attempt(1).checkpoints}step-00000003.ckpt", b"5")
    ran = desk.run()
    assert "step-00000002.ckpt" in desk.log(2)
    assert ran.result is not None
    assert ran.result.files["weights.safetensors"].sha256 == WEIGHTS


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_to_stop_ends_behind_a_checkpoint(desk: Desk, number: int) -> None:
    runner = desk.begin(wait_at=3)
    desk.wait_until_it_stands_still(runner)
    runner.send_signal(number)
    outcome = ended(runner)
    assert outcome.state is State.RESUMABLE
    assert "it goes on from the checkpoint of attempt 1 at step 3" in outcome.mend
    assert steps_in_store(desk)[0] == 3
    ran = desk.run()
    assert "step-00000003.ckpt" in desk.log(2)
    assert ran.result is not None
    assert ran.result.files["weights.safetensors"].sha256 == WEIGHTS


def test_a_second_request_ends_at_once_what_does_not_hear_the_first(desk: Desk) -> None:
    runner = desk.begin(wait_at=3, stubborn=True)
    child = desk.wait_until_it_stands_still(runner)
    runner.send_signal(signal.SIGINT)
    runner.send_signal(signal.SIGTERM)
    outcome = ended(runner)
    assert outcome.state is State.RESUMABLE
    assert "at once" in outcome.reason
    assert gone(child)


def test_a_runner_whose_attempt_was_taken_over_stops_and_leaves_the_work_alone(desk: Desk) -> None:
    parts, _ = desk.work()
    runner = desk.begin(wait_at=3)
    child = desk.wait_until_it_stands_still(runner)
    spec = json.loads(desk.store.get(WorkKeys(parts.key).attempt(1).spec))
    desk.store.put(WorkKeys(parts.key).attempt(2).spec, json.dumps({**spec, "number": 2, "nonce": "f" * 32}).encode())
    outcome = ended(runner)
    assert outcome.state is State.LOST
    assert "taken for lost" in outcome.reason
    assert gone(child)
    assert not list(desk.store.list(WorkKeys(parts.key).attempt(1).outcome))


def test_a_repeated_attempt_begins_anew_and_says_whether_the_weights_are_the_same(desk: Desk) -> None:
    first = desk.run()
    again = desk.run(fresh=True)
    assert again.same is True
    assert "resumes from None" in desk.log(2)
    other = desk.run(fresh=True, salt="pepper")
    assert other.same is False
    assert other.result == again.result == first.result


class Away:
    """A store that does not answer the first `times` writes."""

    def __init__(self, store: Any, times: int) -> None:
        self._store, self.left = store, times

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        return self._writing(found) if name.startswith("put") else found

    def _writing(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            if self.left:
                self.left -= 1
                raise StoreUnreachable("nobody is at home")
            return write(*arguments)

        return call


def test_a_store_that_is_away_for_a_while_stops_nothing_and_loses_nothing(desk: Desk) -> None:
    away = Away(desk.store, times=6)
    ran = desk.run(store=away)
    assert away.left == 0
    assert ran.outcome.state is State.DONE
    assert ran.complete
    assert desk.outcome() == ran.outcome
    assert "rank 0" in desk.log()
