"""Being asked to stop: SIGTERM is noted, and the training ends at its next allowed boundary.

Behind the last checkpoint there is no boundary to wait for: then the process ends at once.
"""

import os
import signal
from types import FrameType

from slipway.platform.runs.workplace import RESUME


class Stopped(Exception):
    """A checkpoint is written; another attempt goes on from it."""


class Request:
    """Whether somebody asked."""

    def __init__(self) -> None:
        self.asked = False
        self.at_once = False
        """There is nothing left to write first."""

    def listen(self) -> None:
        """Take the signal from here on."""
        signal.signal(signal.SIGTERM, self._hear)

    def finish(self) -> None:
        """From here on nothing is lost by stopping."""
        self.at_once = True
        if self.asked:
            os._exit(RESUME)

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        if self.at_once:
            os._exit(RESUME)
