"""Why an attempt ended, as whoever decides what comes next reads it: cancelled, evicted, stopped, out of memory."""

import json
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.errors import SlipwayError
from slipway.platform.jobs.runner.child import Usage
from slipway.platform.jobs.runner.ending import Ended, outcome_of
from slipway.platform.jobs.runner.measuring import memory_kills
from slipway.platform.jobs.spec import Limits
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.records import Cause, Outcome, State
from slipway.platform.runs.workplace import Failure, Workplace

pytestmark = pytest.mark.timeout(240)

Desk = Any
Eventually = Callable[[Callable[[], bool]], None]


def ended(process: Any) -> Outcome:
    printed, errors = process.communicate()
    assert process.returncode == 0, errors
    return Outcome.model_validate(json.loads(printed)["outcome"])


@pytest.mark.parametrize(("options", "cause"), [(["--submitted"], Cause.EVICTED), ([], Cause.STOPPED)])
def test_a_signal_is_an_eviction_of_a_job_and_a_persons_wish_elsewhere(
    desk: Desk, options: list[str], cause: Cause
) -> None:
    runner = desk.begin(wait_at=3, options=options)
    desk.wait_until_it_stands_still(runner)
    runner.terminate()
    outcome = ended(runner)
    assert (outcome.state, outcome.cause) == (State.RESUMABLE, cause)
    assert desk.run().outcome.state is State.DONE
    assert "step-00000003.ckpt" in desk.log(2)


def test_a_launcher_that_repeats_its_signal_takes_nothing_of_the_grace(desk: Desk, eventually: Eventually) -> None:
    hears_later = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    runner = desk.begin(wait_at=3, stubborn=True, load=hears_later, options=["--submitted"])
    child = desk.wait_until_it_stands_still(runner)
    runner.send_signal(signal.SIGTERM)
    eventually(lambda: "launcher asks it to end" in desk.log())
    runner.send_signal(signal.SIGTERM)
    seen = desk.heartbeat().sequence
    eventually(lambda: desk.heartbeat().sequence > seen + 3)
    assert child.is_running()
    desk.release().touch()
    assert ended(runner).state is State.DONE


def test_what_is_evicted_and_does_not_hear_is_killed_after_the_grace(desk: Desk) -> None:
    limits = {"limits": Limits(grace_seconds=0.5)}
    runner = desk.begin(wait_at=3, stubborn=True, options=["--submitted"], job=limits)
    desk.wait_until_it_stands_still(runner)
    runner.terminate()
    outcome = ended(runner)
    assert (outcome.state, outcome.cause, outcome.exit_code) == (State.RESUMABLE, Cause.EVICTED, -9)


@pytest.mark.parametrize("options", [["--submitted"], []])
def test_a_cancelled_attempt_ends_behind_a_checkpoint_and_says_who_wanted_it(desk: Desk, options: list[str]) -> None:
    runner = desk.begin(wait_at=3, options=options)
    desk.wait_until_it_stands_still(runner)
    desk.cancel("bob", "wrong data")
    outcome = ended(runner)
    assert (outcome.state, outcome.cause, outcome.exit_code) == (State.CANCELLED, Cause.CANCELLED, 75)
    assert outcome.reason == "Cancelled by bob: wrong data, at step 3."
    assert desk.outcome() == outcome


def test_a_cancelled_child_that_does_not_hear_is_killed_after_the_grace(desk: Desk) -> None:
    runner = desk.begin(wait_at=3, stubborn=True, job={"limits": Limits(grace_seconds=0.5)})
    desk.wait_until_it_stands_still(runner)
    desk.cancel()
    outcome = ended(runner)
    assert (outcome.cause, outcome.exit_code) == (Cause.CANCELLED, -9)


def test_the_signal_of_a_launcher_that_cancels_is_no_eviction(desk: Desk) -> None:
    runner = desk.begin(wait_at=3, options=["--submitted", "--usual"])
    desk.wait_until_it_stands_still(runner)
    desk.cancel()
    runner.terminate()
    assert ended(runner).cause is Cause.CANCELLED


def test_what_is_cancelled_before_its_child_exists_ends_at_once(desk: Desk) -> None:
    parts, job = desk.work()
    attempt = desk.assigned(parts, job)
    attempt.close()
    desk.store.delete(WorkKeys(parts.key).attempt(1).begun)
    desk.cancel()
    outcome = desk.run(submitted=True).outcome
    assert (outcome.state, outcome.cause, outcome.exit_code) == (State.CANCELLED, Cause.CANCELLED, None)
    assert "Cancelled by ada." in desk.log()


class Slow:
    """A store whose code archives never come; `began` is called when one is asked for."""

    def __init__(self, store: Any, began: Callable[[], None]) -> None:
        self._store, self._began = store, began

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def get(self, key: str) -> bytes:
        if key.startswith("code/"):
            self._began()
            threading.Event().wait(100)
        data: bytes = self._store.get(key)
        return data


@pytest.mark.parametrize(("submitted", "limits"), [(True, None), (False, None), (True, 0.3)])
def test_what_is_being_fetched_for_an_attempt_that_ends_is_not_waited_for(
    desk: Desk, *, submitted: bool, limits: float | None
) -> None:
    store = Slow(desk.store, (lambda: None) if limits else desk.cancel)
    job = {"limits": Limits(deadline_seconds=limits)}
    outcome = desk.run(submitted=submitted, store=store, job=job).outcome
    assert outcome.cause is (Cause.DEADLINE if limits else Cause.CANCELLED)
    assert outcome.exit_code is None
    assert outcome.seconds < 100
    assert outcome.reason in desk.log()


def test_a_failure_before_there_is_a_child_leaves_reason_remedy_and_log(desk: Desk) -> None:
    for key in list(desk.store.list("code/")):
        desk.store.delete(key)
    with pytest.raises(SlipwayError) as caught:
        desk.run(submitted=True)
    outcome = desk.outcome()
    assert (outcome.state, outcome.cause) == (State.FAILED, Cause.EXIT_CODE)
    assert outcome.reason == str(caught.value)
    assert outcome.mend == caught.value.mend
    assert outcome.reason in desk.log()
    assert outcome.currency == "USD"


def test_a_mistake_of_ours_before_there_is_a_child_leaves_its_traceback(desk: Desk) -> None:
    broken = {"view": {"where": 1}}
    with pytest.raises(TypeError):
        desk.run(submitted=True, job=broken)
    outcome = desk.outcome()
    assert outcome.state is State.FAILED
    assert outcome.reason.startswith("TypeError")
    assert "preparing.py" in outcome.traceback


def seen(tmp_path: Path, **found: Any) -> Outcome:
    usual: dict[str, Any] = {"step": 3, "seconds": 1.0, "usage": Usage()}
    return outcome_of(Ended(**{**usual, **found}), Workplace(tmp_path), datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("code", [-9, 137, 1])
def test_a_child_that_ended_when_the_kernel_killed_for_memory_was_out_of_memory(tmp_path: Path, code: int) -> None:
    outcome = seen(tmp_path, code=code, memory_killed=True)
    assert (outcome.state, outcome.cause) == (State.FAILED, Cause.OUT_OF_MEMORY)
    assert seen(tmp_path, code=code).cause is Cause.EXIT_CODE


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory", Cause.OUT_OF_MEMORY),
        ("MemoryError", Cause.OUT_OF_MEMORY),
        ("ValueError: OutOfMemoryError", Cause.EXIT_CODE),
    ],
)
def test_an_error_of_memory_is_out_of_memory(tmp_path: Path, error: str, cause: Cause) -> None:
    (tmp_path / "failure.json").write_text(Failure(error=error, traceback="").model_dump_json())
    assert seen(tmp_path, code=1).cause is cause


def test_whatever_is_not_done_has_a_cause(tmp_path: Path) -> None:
    for code in (0, 1, 75, -9, -15, 137, 143):
        for asked in (False, True):
            for submitted in (False, True):
                assert seen(tmp_path, code=code, asked=asked, submitted=submitted).cause is not None


@pytest.mark.parametrize(
    ("groups", "file"),
    [
        ("0::/a/b\n", "sys/fs/cgroup/a/b/memory.events"),
        ("0::/\n", "sys/fs/cgroup/memory.events"),
        ("0::/outside\n", "sys/fs/cgroup/memory.events"),
        ("4:memory:/a/b\n0::/\n", "sys/fs/cgroup/memory/a/b/memory.oom_control"),
    ],
)
def test_the_kernels_count_is_found_in_every_kind_of_control_group(tmp_path: Path, groups: str, file: str) -> None:
    assert memory_kills(tmp_path) == 0
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(groups)
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text("oom 7\noom_kill_disable 0\noom_kill 2\noom_group_kill 0\n")
    assert memory_kills(tmp_path) == 2
