"""Guarding for as long as the process lives: every so often all models, and at once those that a webhook tells of.

Looking at all models is what holds; webhooks only make it quick. So whatever MLflow, the network or the store are
worth meanwhile, trouble is told once and tried again. Settings stay; people, keys and ledger are read anew each time.
"""

import logging
import queue
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from slipway.platform.errors import SlipwayError
from slipway.platform.registry.guard import Guard, Looked

SOON: Final = 2.0
"""Seconds until everything is looked at again after trouble with what a webhook told of."""

log = logging.getLogger(__name__)


@dataclass
class Watch:
    """Looks until it is stopped; `open_guard` gives a guard for one look."""

    open_guard: Callable[[], Guard]
    every: float
    """Seconds."""
    report: Callable[[Looked], None]
    connect: Callable[[], None] | None = None
    """Sees that MLflow sends its webhooks; tried again until it works, and after every trouble."""
    beat: Callable[[], None] = lambda: None
    """Called after every look, whatever came of it."""
    _wakes: "queue.SimpleQueue[str | None]" = field(default_factory=queue.SimpleQueue)
    _stopped: bool = False
    _troubles: set[str] = field(default_factory=set)
    _unconnected: str = ""
    _lost: set[str] = field(default_factory=set)
    _connected: bool = False

    def wake(self, model: str) -> None:
        """Look at this model now. Any thread may ask."""
        self._wakes.put(model)

    def stop(self) -> None:
        """End after what is under way. A signal's handler may ask."""
        self._stopped = True
        self._wakes.put(None)

    def run(self) -> None:
        """Look until stopped."""
        due = time.monotonic()
        while not self._stopped:
            if time.monotonic() >= due:
                self._connect()
                self._look(Guard.all)
                self.beat()
                due = time.monotonic() + self.every
            if (models := self._woken(due)) and not self._look(partial(Guard.some, models=models)):
                due = min(due, time.monotonic() + SOON)

    def _woken(self, due: float) -> set[str]:
        """The models that were told of until then, as soon as there are any."""
        models: set[str] = set()
        try:
            first = self._wakes.get(timeout=max(0.0, due - time.monotonic()))
            while first is not None:
                models.add(first)
                first = self._wakes.get_nowait()
        except queue.Empty:
            pass
        return models

    def _look(self, how: Callable[[Guard], Iterable[Looked]]) -> bool:
        """Whether it was possible."""
        try:
            with self.open_guard() as guard:
                for looked in how(guard):
                    self._tell(looked)
        except SlipwayError as error:
            if str(error) not in self._troubles:
                log.warning("The guard cannot look, and tries again: %s %s", error, error.mend or "")
            self._troubles.add(str(error))
            self._connected = False
            return False
        if self._troubles:
            log.warning("The guard looks again.")
        self._troubles.clear()
        return True

    def _tell(self, looked: Looked) -> None:
        for sentence in filter(None, (*looked.lost, looked.trouble)):
            if sentence not in self._lost:
                log.error("%s", sentence)
                self._lost.add(sentence)
        if looked.deeds:
            self.report(looked)

    def _connect(self) -> None:
        if self.connect is None or self._connected:
            return
        try:
            self.connect()
        except SlipwayError as error:
            if str(error) != self._unconnected:
                log.warning("MLflow sends no webhooks, so aliases are put back later: %s %s", error, error.mend or "")
            self._unconnected = str(error)
            return
        self._connected, self._unconnected = True, ""
