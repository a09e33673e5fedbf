"""Trying the same again for as long as somebody is patient."""

import time
from collections.abc import Callable
from typing import Final

PAUSE: Final = 1.0


def tried(step: Callable[[], bool], patience: float) -> bool:
    """Do it until it says that it worked, for so many seconds, and once at least; whether it did."""
    deadline = time.monotonic() + patience
    while not step():
        if time.monotonic() >= deadline:
            return False
        time.sleep(min(PAUSE, patience))
    return True
