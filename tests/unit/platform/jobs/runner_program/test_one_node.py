"""The program of a node, as the only one of its job."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.runs.presence import Sign, sign_of
from slipway.platform.runs.records import Begun, Outcome, State

pytestmark = pytest.mark.timeout(240)

Yard = Any
Eventually = Callable[[Callable[[], bool]], None]


def waiting(yard: Yard, eventually: Eventually) -> None:
    """The child stands still."""
    mark = Path(f"{yard.desk.release()}.waiting")
    eventually(lambda: mark.exists() or yard.nodes[0].poll() is not None)
    assert yard.nodes[0].poll() is None, yard.nodes[0].communicate()
    mark.unlink()


def test_an_assigned_attempt_is_begun_executed_and_recorded(yard: Yard) -> None:
    yard.assign()
    assert yard.standing().state is State.PENDING
    node = yard.start(SLIPWAY_HOST="machine-7/pod-1")
    printed, _ = node.communicate()
    assert node.returncode == 0, printed
    begun = Begun.load(yard.desk.store, yard.keys.begun)
    assert begun is not None
    assert (begun.place.host, begun.place.pid) == ("machine-7/pod-1", node.pid)
    after = yard.standing()
    assert after.state is State.DONE
    assert after.result is not None
    assert "resumes from None" in yard.log()
    assert sign_of(yard.here.state, yard.spec.nonce) is Sign.UNKNOWN


def test_a_second_process_of_the_same_attempt_leaves_quietly(yard: Yard, eventually: Eventually) -> None:
    yard.assign(wait_at=2)
    first = yard.start()
    waiting(yard, eventually)
    second = yard.start(lock=False)
    printed, _ = second.communicate()
    assert second.returncode == 0, printed
    assert "by another process" in printed
    yard.desk.release().touch()
    printed, _ = first.communicate()
    assert first.returncode == 0, printed
    third = yard.start(lock=False)
    printed, _ = third.communicate()
    assert (third.returncode, f"by process {first.pid}" in printed) == (0, True), printed


def test_the_process_id_stands_in_the_lock_before_anything_is_known_of_the_attempt(yard: Yard) -> None:
    spec = yard.assign()
    yard.desk.store.put(f"jobs/{spec.job}.json", b"{}")
    node = yard.start()
    printed, _ = node.communicate()
    assert node.returncode == 1
    assert "is not what its name says" in printed
    assert "Traceback" not in printed
    assert (yard.here.state / f"{spec.nonce}.alive").read_text().split()[0] == str(node.pid)
    assert yard.standing().state is State.PENDING


def test_sigterm_stops_it_behind_a_checkpoint_and_the_exit_code_says_so(yard: Yard, eventually: Eventually) -> None:
    yard.assign(wait_at=3)
    node = yard.start()
    waiting(yard, eventually)
    node.send_signal(signal.SIGTERM)
    printed, _ = node.communicate()
    assert node.returncode == 75, printed
    yard.assign()
    again = yard.start()
    printed, _ = again.communicate()
    assert again.returncode == 0, printed
    assert "step-00000003.ckpt" in yard.log()


def test_a_killed_runner_leaves_no_process_and_its_attempt_is_lost_at_once(yard: Yard, eventually: Eventually) -> None:
    yard.assign(wait_at=3)
    node = yard.start()
    waiting(yard, eventually)
    node.kill()
    node.communicate()
    eventually(lambda: not yard.leftovers())
    eventually(lambda: yard.standing().state is State.LOST)


def test_a_failure_ends_with_a_code_and_one_line(yard: Yard) -> None:
    yard.assign(fail_at=2)
    node = yard.start()
    printed, _ = node.communicate()
    assert node.returncode == 1
    assert "divided by nothing" in printed.splitlines()[-1]
    outcome = Outcome.load(yard.desk.store, yard.keys.outcome)
    assert outcome is not None
    assert outcome.state is State.FAILED


def test_an_attempt_that_does_not_exist_is_told_in_one_message(yard: Yard) -> None:
    yard.assign()
    yard.number = 7
    node = yard.start(lock=False)
    printed, _ = node.communicate()
    assert node.returncode == 1
    assert "has no attempt 7" in printed
    assert "Traceback" not in printed
    assert json.dumps(printed).count("SLIPWAY_STORE__URL") == 1


def test_what_the_training_left_running_in_a_session_of_its_own_ends_before_the_attempt(yard: Yard) -> None:
    leave = "import subprocess; subprocess.Popen(['sleep', '600'], start_new_session=True); print('left it')"
    yard.assign(load=leave)
    node = yard.start()
    printed, _ = node.communicate()
    assert node.returncode == 0, printed
    assert "left it" in yard.log()
    assert not yard.leftovers()
