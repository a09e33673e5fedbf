"""Where frames come from: one Protocol for cameras, files and rendered scenarios.

A source gives frames as they come and raises nothing that a camera may do: a lost camera is a state of its health.
"""

from collections.abc import Iterator
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
    BLACK = "black"
    MOVED = "moved"


@dataclass(frozen=True)
class Frame:
    """One picture of a stream."""

    stream: str
    number: int
    """Counts the frames of a stream from 1 on, dropped ones included."""
    taken: datetime
    image: Image


class Source(Protocol):
    """A stream of frames."""

    @property
    def stream(self) -> str:
        """Its name."""

    @property
    def live(self) -> bool:
        """Whether frames come at their own pace and are lost when nobody takes them; a file waits."""

    def frames(self) -> Iterator[Frame]:
        """The frames, until the source ends or is closed; a lost camera makes it wait and reconnect."""

    def close(self) -> None:
        """Have `frames` end soon, from another thread."""
