"""Airflow's LocalExecutor, whose scheduler ends when a worker was killed, so that whoever supervises it starts it anew.

Workers take their work from one queue, and the one that waits there holds the queue's lock. Killed, by the system that
is short of memory or by a person, it takes the lock with it: from then on no task begins, while the scheduler is well
by all that it says of itself. A scheduler that begins anew finds the tasks of the one before it, and starts them again.
"""

import os
from collections.abc import Callable
from typing import Final

from airflow.executors.local_executor import LocalExecutor

FAILED: Final = 1


class SlipwayLocalExecutor(LocalExecutor):
    """LocalExecutor, until a worker dies. `leave` ends this process at once: nothing here can be waited for."""

    leave: Callable[[int], object] = staticmethod(os._exit)

    def sync(self) -> None:
        """What it does between two rounds of the scheduler."""
        killed = [pid for pid, worker in self.workers.items() if worker.exitcode]
        if killed:
            self.log.error("Workers were killed: %s. Tasks could wait for ever, so the scheduler ends.", killed)
            self.leave(FAILED)
        super().sync()
