"""Ending when somebody asks for it: SIGTERM from systemd, Ctrl-C from a person.

The first one asks the clock to stop, so whoever waits ends at once and a step is brought to its end. A step that takes
longer than the grace is cut off, which it survives as it would a power cut; so does it on a second Ctrl-C.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from slipway.serving.edge.agent.clock import SystemClock

GRACE_S: Final = 20.0
"""Less than systemd waits before it kills."""


class CutOff(BaseException):
    """The step took longer than the grace."""


@contextmanager
def stopping(clock: SystemClock) -> Iterator[None]:
    """Within it, signals stop the clock; in the main thread alone."""

    def ask(number: int, _: FrameType | None) -> None:
        if clock.wait(0) and number == signal.SIGINT:
            raise KeyboardInterrupt
        clock.stop()
        signal.setitimer(signal.ITIMER_REAL, GRACE_S)

    def cut_off(_: int, __: FrameType | None) -> None:
        raise CutOff

    handlers = {signal.SIGTERM: ask, signal.SIGINT: ask, signal.SIGALRM: cut_off}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
