"""Several processes of one attempt, and a child that is started before there is anything to do."""

import os
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from slipway.platform.jobs.runner.attempt import Surroundings, run_attempt
from slipway.platform.jobs.runner.child import Ahead
from slipway.platform.jobs.runner.environment import child_environment
from slipway.platform.runs.records import State

pytestmark = pytest.mark.timeout(240)

Desk = Any
Eventually = Callable[[Callable[[], bool]], None]


def test_two_processes_are_started_by_torchrun_and_stop_together_when_asked(desk: Desk, eventually: Eventually) -> None:
    runner = desk.begin(processes=2, wait_at=3)
    agent = desk.wait_until_it_stands_still(runner)
    eventually(desk.folder.joinpath("release.waiting-1").exists)
    assert len(agent.children()) == 2
    runner.terminate()
    printed, errors = runner.communicate()
    assert State.RESUMABLE.value in printed, errors
    ran = desk.run(processes=2)
    assert ran.outcome.state is State.DONE, desk.log(2)
    assert {line for line in desk.log(2).splitlines() if line.startswith("rank")} >= {
        f"rank {rank} resumes from {desk.folder / 'work/2/checkpoints/step-00000003.ckpt'}" for rank in (0, 1)
    }


def test_workers_die_with_a_killed_runner(desk: Desk, eventually: Eventually) -> None:
    runner = desk.begin(processes=2, wait_at=1)
    agent = desk.wait_until_it_stands_still(runner)
    eventually(lambda: len(agent.children()) == 2)
    workers = agent.children()
    runner.kill()
    runner.wait()
    eventually(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in (agent, *workers)))


def test_a_child_that_was_started_ahead_does_the_same_work(desk: Desk) -> None:
    parts, job = desk.work()
    environ = child_environment(desk.environ, threads=job.threads)
    ahead = Ahead(["decimal"], environ=environ)
    around = Surroundings(desk.store, desk.loaded.settings, environ=desk.environ)
    ran = run_attempt(job, desk.claim(parts), around, ahead=ahead)
    assert ran.outcome.state is State.DONE, desk.log()
    assert "resumes from None" in desk.log()


def test_a_child_that_was_started_ahead_and_is_not_needed_ends() -> None:
    ahead = Ahead(["decimal"], environ=child_environment(os.environ, threads=1))
    pid = ahead.pid
    ahead.dismiss()
    assert not psutil.pid_exists(pid)
