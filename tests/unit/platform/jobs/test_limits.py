"""Where a running attempt is stopped, and what is said of it: as a function, and with real children."""

import json
import signal
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import psutil
import pytest

from slipway.platform.jobs.runner import checkpoints
from slipway.platform.jobs.runner.limits import Measured, overstepped
from slipway.platform.jobs.spec import JobSpec, Limits, Price
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.records import Cause, Outcome, State

pytestmark = pytest.mark.timeout(240)

Desk = Any
Eventually = Callable[[Callable[[], bool]], None]
HOUR = 3600
PRICE = Price(per_hour=Decimal(360), currency="EUR")
"""Ten cents a second."""

LIVELY = """
import json, os, threading, time
order = json.load(open('order.json'))['arguments']['release']
def beat():
    while not (os.path.exists(order + '.waiting') and os.path.exists(order + '.waiting-1')):
        open('journal.jsonl', 'a').write(json.dumps({'kind': 'note', 'text': 'on the way'}) + chr(10))
        time.sleep(0.1)
threading.Thread(target=beat, daemon=True).start()
"""
"""Makes progress until both ranks stand still."""


def job(nodes: int = 1, **limits: Any) -> JobSpec:
    return JobSpec(
        key="r1-x", model="m", package="p", config={}, snapshot="s", view={}, code="c", nodes=nodes, price=PRICE,
        limits=Limits(**limits),
    )  # fmt: skip


def gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def ended(process: Any) -> Outcome:
    printed, errors = process.communicate()
    assert process.returncode == 0, errors
    return Outcome.model_validate(json.loads(printed)["outcome"])


@pytest.mark.parametrize(
    ("limits", "found", "cause"),
    [
        ({}, Measured(seconds=1e6, still=10, memory=2**40), None),
        ({"memory_bytes": 100}, Measured(1, memory=100), None),
        ({"memory_bytes": 100}, Measured(1, memory=101), Cause.OUT_OF_MEMORY),
        ({"stall_seconds": 60}, Measured(100, still=59), None),
        ({"stall_seconds": 60}, Measured(100, still=60), Cause.STALLED),
        ({"deadline_seconds": 60}, Measured(59), None),
        ({"deadline_seconds": 60}, Measured(60), Cause.DEADLINE),
        ({"budget": Decimal(5)}, Measured(49, before=Decimal(0)), None),
        ({"budget": Decimal(5)}, Measured(50, before=Decimal(0)), Cause.BUDGET),
        ({"budget": Decimal(5)}, Measured(10, before=Decimal(4)), Cause.BUDGET),
    ],
)
def test_a_limit_is_reached_exactly_there(limits: dict[str, Any], found: Measured, cause: Cause | None) -> None:
    halt = overstepped(job(**limits), found)
    assert (halt.cause if halt else None) is cause


def test_every_node_costs() -> None:
    assert overstepped(job(budget=Decimal(5)), Measured(30)) is None
    halt = overstepped(job(nodes=2, budget=Decimal(5)), Measured(30))
    assert halt is not None
    assert "6.00 of 5.00 EUR" in halt.reason


def test_a_child_that_uses_more_memory_than_allowed_is_killed_and_told_how_much_it_used(desk: Desk) -> None:
    limits = Limits(memory_bytes=150 * 2**20)
    hog = "import sys; sys.held = bytearray(200 * 2**20)"
    outcome = desk.run(load=hog, wait_at=3, job={"limits": limits}).outcome
    assert (outcome.state, outcome.cause) == (State.FAILED, Cause.OUT_OF_MEMORY)
    assert "0.15 GiB are allowed" in outcome.reason
    assert outcome.memory_peak > 200 * 2**20
    assert "memory" in outcome.mend
    assert "Out of memory" in desk.log()


def test_memory_and_time_of_several_ranks_are_summed(desk: Desk, eventually: Eventually) -> None:
    hog = "import sys, time; sys.held = bytearray(120 * 2**20)\nwhile time.process_time() < 0.5: pass"
    runner = desk.begin(processes=2, load=hog, wait_at=3)

    def told() -> int:
        beat = desk.heartbeat()
        return int(beat.progress.get("memory", 0)) if beat else 0

    eventually(lambda: told() > 240 * 2**20)
    desk.release().touch()
    outcome = ended(runner)
    assert outcome.memory_peak > 240 * 2**20
    assert outcome.cpu_seconds > 1.0


def test_time_of_workers_is_known_when_nobody_could_wait_for_them(desk: Desk, eventually: Eventually) -> None:
    busy = "import time\nwhile time.process_time() < 1.0: pass"
    runner = desk.begin(processes=2, load=busy, wait_at=3, stubborn=True)
    eventually(desk.folder.joinpath("release.waiting").exists)
    eventually(desk.folder.joinpath("release.waiting-1").exists)
    seen = (desk.heartbeat() or pytest.fail("no sign of life")).sequence
    eventually(lambda: desk.heartbeat().sequence > seen + 2)
    runner.send_signal(signal.SIGINT)
    runner.send_signal(signal.SIGTERM)
    assert ended(runner).cpu_seconds > 2.0


def test_a_deadline_stops_behind_a_checkpoint_and_starting_again_goes_on(desk: Desk) -> None:
    outcome = desk.run(wait_at=3, job={"limits": Limits(deadline_seconds=1.0)}).outcome
    assert (outcome.state, outcome.cause) == (State.RESUMABLE, Cause.DEADLINE)
    assert "at step 3" in outcome.reason
    assert "goes on" in outcome.mend
    assert desk.run().outcome.state is State.DONE
    assert "step-00000003.ckpt" in desk.log(2)


def test_what_does_not_hear_is_killed_after_the_grace(desk: Desk) -> None:
    limits = Limits(deadline_seconds=1.0, grace_seconds=0.5)
    outcome = desk.run(wait_at=3, stubborn=True, job={"limits": limits}).outcome
    assert (outcome.state, outcome.cause, outcome.exit_code) == (State.RESUMABLE, Cause.DEADLINE, -9)


def test_no_progress_is_a_stall_with_the_stacks_of_every_rank(desk: Desk) -> None:
    outcome = desk.run(processes=2, wait_at=3, load=LIVELY, job={"limits": Limits(stall_seconds=6)}).outcome
    assert (outcome.state, outcome.cause) == (State.FAILED, Cause.STALLED), desk.log()
    for rank in (0, 1):
        stack = outcome.traceback.partition(f"rank {rank} (process")[2].partition("rank")[0]
        assert "in wait" in stack
        assert "training.py" in stack


def test_what_makes_progress_however_slowly_is_no_stall(desk: Desk, eventually: Eventually) -> None:
    limits = Limits(stall_seconds=600)
    runner = desk.begin(wait_at=3, job={"limits": limits})
    child = desk.wait_until_it_stands_still(runner)
    eventually(lambda: desk.heartbeat() is not None and desk.heartbeat().still > 0.3)
    desk.release().touch()
    assert ended(runner).state is State.DONE
    assert gone(child)


def test_a_rank_that_hears_nothing_has_no_stack_but_a_state(desk: Desk) -> None:
    stopped = "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"
    outcome = desk.run(load=stopped, job={"limits": Limits(stall_seconds=1.0)}).outcome
    assert outcome.cause is Cause.STALLED
    assert "stopped" in outcome.traceback


def test_at_its_budget_it_checkpoints_and_stops_and_a_larger_one_goes_on(desk: Desk) -> None:
    small = {"price": PRICE, "limits": Limits(budget=Decimal("0.1"))}
    first = desk.run(wait_at=3, job=small).outcome
    assert (first.state, first.cause) == (State.RESUMABLE, Cause.BUDGET)
    assert "of 0.10 EUR" in first.reason
    assert "--budget" in first.mend
    assert first.cost >= Decimal("0.1")
    assert first.currency == "EUR"
    again = desk.run(job=small).outcome
    assert (again.state, again.cause, again.exit_code) == (State.RESUMABLE, Cause.BUDGET, None)
    larger = {"price": PRICE, "limits": Limits(budget=Decimal(1000))}
    assert desk.run(job=larger).outcome.state is State.DONE
    assert "step-00000003.ckpt" in desk.log(3)


def test_devices_and_nodes_count_for_gpu_hours_and_cost(desk: Desk) -> None:
    outcome = desk.run(job={"price": PRICE, "gpus": 4}).outcome
    assert outcome.gpu_seconds == pytest.approx(4 * outcome.seconds, abs=0.01)
    assert outcome.cost == PRICE.of(outcome.seconds, 1)


def test_the_store_keeps_the_last_checkpoint_of_a_job_at_its_deadline(desk: Desk) -> None:
    desk.run(wait_at=5, job={"limits": Limits(deadline_seconds=1.0)})
    assert checkpoints.stored(desk.store, WorkKeys(desk.key))[0].step == 5
