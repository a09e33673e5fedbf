"""The trigger behind `SlipwayJobOperator`: looks after one piece of work until it has ended.

It keeps nothing that it could lose: started again with the same arguments, in another process, it goes on. When a
person ends the task, and only then, the work is cancelled; a triggerer that stops or hands the trigger over cancels
nothing.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from slipway.pipelines.airflow.project import Project

if TYPE_CHECKING:
    from slipway.pipelines.airflow.watching import JobWatch


class SlipwayJobTrigger(BaseTrigger):
    """Waits for the work of `key`."""

    def __init__(self, key: str, project: str = "", slipway_context: str = "", poll_seconds: float = 5.0) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.key, self.project, self.slipway_context, self.poll_seconds = key, project, slipway_context, poll_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What another triggerer starts it again with."""
        arguments = {
            "key": self.key,
            "project": self.project,
            "slipway_context": self.slipway_context,
            "poll_seconds": self.poll_seconds,
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until there is an end. What blocks happens in threads, for a moment each."""
        watch = await asyncio.to_thread(self._watch)
        while True:
            look = await asyncio.to_thread(watch.look)
            for line in look.lines:
                self.log.info(line)
            if look.event is not None:
                yield TriggerEvent(dict(look.event))
                return
            await asyncio.sleep(self.poll_seconds)

    async def on_kill(self) -> None:
        """A person ended the task: nobody here wants the work any more."""
        watch = await asyncio.to_thread(self._watch)
        cancelled = await asyncio.to_thread(watch.cancel)
        self.log.info("%s: %s", cancelled.how, cancelled.words)

    def _watch(self) -> "JobWatch":
        from slipway.pipelines.airflow.watching import JobWatch

        return JobWatch(Project(self.project, self.slipway_context), self.key)
