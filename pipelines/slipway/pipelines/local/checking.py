"""Asking components whether they are healthy, each in its turn and never twice at once, without holding anybody up."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from slipway.pipelines.local.component import Component

THREADS: Final = 6
STARTING_SECONDS: Final = 0.5
"""Between two questions to one that starts."""
WELL_SECONDS: Final = 5.0
"""Between two questions to one that is healthy."""


class Checking:
    """The questions that are under way."""

    def __init__(self, *, starting: float = STARTING_SECONDS, well: float = WELL_SECONDS) -> None:
        self._starting, self._well = starting, well
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="slipway-checking")
        self._asked: dict[str, tuple[int, Future[str]]] = {}
        self._again: dict[str, float] = {}

    def ask(self, component: Component, pid: int, now: float) -> None:
        """Ask one when its time has come."""
        if component.name not in self._asked and now >= self._again.get(component.name, 0.0):
            self._asked[component.name] = pid, self._threads.submit(_answer, component)

    def answers(self, now: float) -> Iterator[tuple[str, int, str]]:
        """Those that came: who, of which process, and what is missing."""
        for name, (pid, answer) in list(self._asked.items()):
            if answer.done():
                del self._asked[name]
                missing = answer.result()
                self._again[name] = now + (self._starting if missing else self._well)
                yield name, pid, missing

    def soon(self, name: str) -> None:
        """Its process is new: ask at once."""
        self._again.pop(name, None)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _answer(component: Component) -> str:
    try:
        return component.ready()
    except Exception as error:  # noqa: BLE001 - a check that fails is no reason for the supervisor to end
        return f"its check failed: {type(error).__name__}: {error}"
