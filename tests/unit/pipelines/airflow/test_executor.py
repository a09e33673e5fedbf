"""The executor whose worker is killed while it waits for work: the scheduler ends, instead of waiting for ever."""

import time
from collections.abc import Iterator

import pytest

from slipway.pipelines.airflow.executor import FAILED, SlipwayLocalExecutor

PATIENCE_SECONDS = 60.0


class Left(Exception):
    """In place of the end of this process."""


@pytest.fixture
def executor(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlipwayLocalExecutor]:
    def leave(code: int) -> None:
        raise Left(code)

    monkeypatch.setattr(SlipwayLocalExecutor, "leave", staticmethod(leave))
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


def test_one_that_came_to_its_end_does_not(executor: SlipwayLocalExecutor) -> None:
    executor.activity_queue.put(None)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while all(worker.is_alive() for worker in executor.workers.values()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    executor.sync()
    assert len(executor.workers) == 1
