"""The executor: a killed worker ends the scheduler, and what is still worked on is not begun a second time."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.executors.base_executor import BaseExecutor
from airflow.models.taskinstancekey import TaskInstanceKey
from airflow.utils.state import CallbackState, TaskInstanceState

from overseen.office import eventually
from slipway.pipelines.airflow.executor import FAILED, SlipwayLocalExecutor

PATIENCE_SECONDS = 60.0


class Left(Exception):
    """In place of the end of this process."""


KEY = TaskInstanceKey("retrain__small-bays", "approval", "asked-1", 1)


@dataclass
class Work:
    """A task that says when a worker begins it, and goes on until it is told to end."""

    key: TaskInstanceKey
    folder: Path
    display_name: str = "work"
    running_state: None = None
    success_state: str = TaskInstanceState.SUCCESS
    failure_state: str = TaskInstanceState.FAILED

    @property
    def ti(self) -> Any:
        """What a task's place in the queue depends on."""
        return SimpleNamespace(priority_weight=1)

    @property
    def begun(self) -> Path:
        return self.folder / "begun"

    @property
    def end(self) -> Path:
        return self.folder / "end"


def work(workload: Work, **_: Any) -> None:
    workload.folder.mkdir()
    workload.begun.touch()
    eventually(workload.end.exists)


def begin(executor: SlipwayLocalExecutor, one: Work) -> None:
    """As a scheduler does in one of its rounds."""
    executor.queued_tasks[one.key] = one  # type: ignore[assignment]
    executor.heartbeat()


def ended(executor: SlipwayLocalExecutor, key: TaskInstanceKey) -> bool:
    """Whether an end of it was reported."""
    executor.sync()
    return key not in executor.running


@pytest.fixture
def executor(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlipwayLocalExecutor]:
    def leave(code: int) -> None:
        raise Left(code)

    monkeypatch.setattr(SlipwayLocalExecutor, "leave", staticmethod(leave))
    monkeypatch.setattr(BaseExecutor, "run_workload", staticmethod(work))
    made = SlipwayLocalExecutor(parallelism=2)  # type: ignore[no-untyped-call]
    made.start()
    yield made
    for worker in made.workers.values():
        worker.kill()
        worker.join()


def test_a_worker_that_was_killed_ends_the_scheduler(executor: SlipwayLocalExecutor) -> None:
    executor.sync()
    first, *_ = executor.workers.values()
    first.kill()
    first.join(PATIENCE_SECONDS)
    with pytest.raises(Left) as left:
        executor.sync()
    assert left.value.args == (FAILED,)


def test_so_does_one_whose_death_is_found_while_work_is_handed_out(
    executor: SlipwayLocalExecutor, tmp_path: Path
) -> None:
    first, *_ = executor.workers.values()
    first.kill()
    first.join(PATIENCE_SECONDS)
    with pytest.raises(Left):
        begin(executor, Work(KEY, tmp_path / "work"))


def test_one_that_came_to_its_end_does_not(executor: SlipwayLocalExecutor) -> None:
    executor.activity_queue.put(None)
    eventually(lambda: not all(worker.is_alive() for worker in executor.workers.values()))
    executor.sync()
    assert len(executor.workers) == 1


def test_a_task_that_was_answered_at_once_begins_again_when_its_first_end_was_reported(
    executor: SlipwayLocalExecutor, tmp_path: Path
) -> None:
    first, second = Work(KEY, tmp_path / "first"), Work(KEY, tmp_path / "second")
    begin(executor, first)
    eventually(first.begun.exists)
    begin(executor, second)
    assert list(executor.queued_tasks) == [KEY]
    assert not second.begun.exists()
    first.end.touch()
    eventually(lambda: ended(executor, KEY))
    assert list(executor.queued_tasks) == [KEY]
    executor.heartbeat()
    eventually(second.begun.exists)
    assert executor.running == {KEY}
    second.end.touch()
    eventually(lambda: ended(executor, KEY))
    assert (dict(executor.queued_tasks), executor.running) == ({}, set())


def test_others_need_not_wait(executor: SlipwayLocalExecutor, tmp_path: Path) -> None:
    one, other = Work(KEY, tmp_path / "one"), Work(KEY.with_try_number(2), tmp_path / "other")
    begin(executor, one)
    begin(executor, other)
    eventually(lambda: one.begun.exists() and other.begun.exists())
    one.end.touch()
    other.end.touch()
    eventually(lambda: ended(executor, one.key))
    eventually(lambda: ended(executor, other.key))


def test_what_tells_that_it_is_at_work_is_still_worked_on(executor: SlipwayLocalExecutor) -> None:
    executor.running.add(KEY)
    executor.change_state(KEY, CallbackState.RUNNING)
    assert executor.running == {KEY}
    executor.change_state(KEY, CallbackState.FAILED)
    assert executor.running == set()
