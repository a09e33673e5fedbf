"""Memory: what a model took to be loaded stays with the process unless it is told to let go."""

import ctypes
import gc
from contextlib import suppress


def give_back() -> None:
    """Return what is free to the system, where its C library can; takes some milliseconds."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def settle() -> None:
    """What is there now stays: collections need not look through it again and again."""
    gc.collect()
    gc.freeze()
