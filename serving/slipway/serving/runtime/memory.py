"""Memory: what a model took to be loaded stays with the process unless it is told to let go."""

import ctypes
from contextlib import suppress


def give_back() -> None:
    """Return what is free to the system, where its C library can; takes some milliseconds."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
