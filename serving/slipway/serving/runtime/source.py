"""Where frames come from: one Protocol for cameras, files and rendered scenarios.

A source gives frames as they come and raises nothing that a camera may do: a lost camera is a state of its health.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
"""Height x width x 3, RGB."""


class CameraState(Enum):
    """How a camera is."""

    WELL = "well"
    LOST = "lost"
    """No frames; it is being reconnected."""
    FROZEN = "frozen"
    """Frames come, and all show the same moment."""
    BLACK = "black"
    MOVED = "moved"
    """It looks at something else than before, or something stands before it for long."""


@dataclass(frozen=True)
class Frame:
    """One picture of a stream."""

    stream: str
    number: int
    """Counts the frames of a stream from 1 on, dropped ones included."""
    taken: datetime
    image: Image


@dataclass(frozen=True)
class Notice:
    """A camera's state changed, or its pictures have another size than before."""

    stream: str
    at: datetime
    state: CameraState
    was: CameraState | None
    """The state before, the same one where only the size changed; None at the beginning."""
    detail: str


Tell = Callable[[Notice], None]
"""Called from a source's own thread; it must not wait."""


@dataclass(frozen=True)
class Counts:
    """What a source did so far."""

    received: int = 0
    """Frames, dropped ones included."""
    dropped: int = 0
    """Frames that nobody took in time."""
    unreadable: int = 0
    """Pieces that were no picture."""
    connections: int = 0


class Source(Protocol):
    """A stream of frames."""

    @property
    def stream(self) -> str:
        """Its name."""

    @property
    def live(self) -> bool:
        """Whether frames come at their own pace and the oldest are dropped when nobody takes them; a file waits."""

    @property
    def state(self) -> CameraState:
        """How the camera is; a file is always well."""

    @property
    def counts(self) -> Counts:
        """What it did so far."""

    def frames(self) -> Iterator[Frame]:
        """The frames, until the source ends or is closed; a lost camera makes it wait and reconnect. Called once."""

    def close(self) -> None:
        """Have `frames` end soon, from another thread."""
