"""One connection to what gives pictures: it is opened, read until it breaks or ends, and closed."""

from collections.abc import Callable
from typing import Protocol

from slipway.serving.errors import SlipwayError
from slipway.serving.runtime.source import Image


class FeedBroken(SlipwayError):
    """The connection is of no use any more, or never was; another one may be."""


class NoPicture(SlipwayError):
    """What came is no picture; the next may be one."""


class Feed(Protocol):
    """One connection; used by one thread."""

    def read(self) -> Image | None:
        """The next picture; None where there will never be another. `FeedBroken` or `NoPicture`, and each in time."""

    def close(self) -> None:
        """Give back what it holds."""


Opener = Callable[[], Feed]
"""Opens a connection in time, or raises `FeedBroken`."""
