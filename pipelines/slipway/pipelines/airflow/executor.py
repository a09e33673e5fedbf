"""Airflow's LocalExecutor without two of its faults: a killed worker that stops everything, an answer that is lost.

Workers take their work from one queue, and the one that waits there holds the queue's lock. Killed, by the system that
is short of memory or by a person, it takes the lock with it: from then on no task begins, while the scheduler is well
by all that it says of itself. So this scheduler ends, and whoever supervises it starts it anew; then it finds the tasks
of the one before it, and starts them again.

A task that waits for people is begun twice under one key: until it asks, and from the answer on. Answered at once, it
is begun the second time before the scheduler has heard of the first time's end. It takes that end for the second one's,
finds a task that ended without a result, and fails it. So what has a key that is still worked on waits until that end
was reported.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any, Final

from airflow.executors.local_executor import LocalExecutor

FAILED: Final = 1
RUNNING: Final = "running"
"""What Airflow's states of work in hand have in common, whatever kind of work it is."""


class SlipwayLocalExecutor(LocalExecutor):
    """LocalExecutor, until a worker dies, with one process at a time for each key.

    `leave` ends this process at once: nothing here can be waited for.
    """

    leave: Callable[[int], object] = staticmethod(os._exit)

    def _check_workers(self) -> None:
        """Forget workers that are dead, between two rounds of the scheduler and behind work that is handed out."""
        before = {pid for pid, worker in self.workers.items() if worker.exitcode != 0}
        super()._check_workers()  # type: ignore[no-untyped-call]
        if killed := before - self.workers.keys():
            self.log.error("Workers were killed: %s. Tasks could wait for ever, so the scheduler ends.", killed)
            self.leave(FAILED)

    def change_state(self, key: Any, state: Any, info: Any = None, remove_running: bool = True) -> None:  # noqa: ANN401, FBT001, FBT002
        """What a worker tells of a key: that it is at work on it, or how that has ended."""
        super().change_state(key, state, info, remove_running=remove_running and state != RUNNING)

    def _process_workloads(self, workload_list: Sequence[Any]) -> None:
        """Hand to the workers what none of them works on; the rest stays queued until the next round."""
        free = [one for one in workload_list if one.key not in self.running]
        self.running.update(one.key for one in free)
        super()._process_workloads(free)  # type: ignore[no-untyped-call]
