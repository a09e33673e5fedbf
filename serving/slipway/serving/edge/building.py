"""How far an engine is that is being built: minutes in which the agent does nothing else that could be seen.

The agent's log tells it, and a note in the device's folder does for `status` and `why`, which are other processes. The
note goes when the engine is there or has failed. One that a killed process left says nothing while no agent works, and
the next one that builds replaces it; so it needs no care, and none that the disk does not take stops anything.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from slipway.serving.bundle.errors import BadBundle
from slipway.serving.bundle.reading import read_plain
from slipway.serving.edge.agent.state import Phase, State
from slipway.serving.edge.configuration import Home

log = logging.getLogger(__name__)

NOTE: Final = "building.{}"
LARGEST_NOTE: Final = 1000
EVERY_S: Final = 10.0
"""Between two lines: more is not read, and flash wears."""


class Building:
    """Of one model on the device in this home."""

    def __init__(self, home: Home, model: str, pace: Callable[[], float] = time.monotonic) -> None:
        self._home, self._model, self._pace = home, model, pace
        self._next = 0.0

    @contextmanager
    def of(self, variant: str) -> Iterator[Callable[[str, int, int], None]]:
        """While the engine of a variant is built; what this gives hears how far it is."""
        self._next = 0.0

        def tell(phase: str, done: int, steps: int) -> None:
            self._tell(f"building the engine of {variant}: {phase}, {done} of {steps}")

        self._tell(f"building the engine of {variant}")
        self._next = 0.0
        try:
            yield tell
        finally:
            with suppress(OSError):
                (self._home.folder / NOTE.format(self._model)).unlink(missing_ok=True)

    def _tell(self, what: str) -> None:
        moment = self._pace()
        if moment < self._next:
            return
        self._next = moment + EVERY_S
        log.info("%s: %s", self._model, what)
        with suppress(OSError):
            self._home.write(NOTE.format(self._model), what[:LARGEST_NOTE].encode())


def how_far(home: Home, state: State, agent: str | None) -> str | None:
    """How far the engine of a model is; None where none is built now, `agent` being who works in the folder."""
    if agent is None or state.phase is not Phase.BUILD:
        return None
    try:
        return read_plain(home.folder / NOTE.format(state.model), 4 * LARGEST_NOTE).decode(errors="replace") or None
    except BadBundle:
        return None
