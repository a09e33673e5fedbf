"""A source whose pictures are black where nothing is to be looked at, before anybody has them.

A frame that cannot be painted is no frame: it is dropped, counted and told, and goes nowhere as it is. How the camera
is, its own source judges from the whole picture, of which nothing is kept.
"""

import logging
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from slipway.serving.edge.streams.areas import Point
from slipway.serving.runtime.cameras.stored import Now, utc_now
from slipway.serving.runtime.libraries import opencv
from slipway.serving.runtime.source import CameraState, Counts, Frame, Image, Notice, Source, Tell

log = logging.getLogger(__name__)

Polygon = Sequence[Point]
"""Corners, as shares of the picture."""
Mask = npt.NDArray[np.uint8]
COVERED: Final = 255


class MaskedSource:
    """Another source, masked."""

    def __init__(self, source: Source, polygons: Sequence[Polygon], *, tell: Tell, now: Now = utc_now) -> None:
        self._cv2 = opencv()  # what can never work is told now
        self._source, self._polygons, self._tell, self._now = source, tuple(polygons), tell, now
        self._mask: Mask | None = None
        self._unmasked = 0
        self._said = ""

    @property
    def stream(self) -> str:
        return self._source.stream

    @property
    def live(self) -> bool:
        return self._source.live

    @property
    def state(self) -> CameraState:
        return self._source.state

    @property
    def counts(self) -> Counts:
        counts = self._source.counts
        return replace(counts, dropped=counts.dropped + self._unmasked)

    def frames(self) -> Iterator[Frame]:
        with closing(_generator(self._source.frames())) as frames:
            for frame in frames:
                if (image := self._painted(frame.image)) is not None:
                    yield replace(frame, image=image)

    def close(self) -> None:
        self._source.close()

    def _painted(self, image: Image) -> Image | None:
        """A copy; None where it could not be made."""
        try:
            size = image.shape[:2]
            if self._mask is None or self._mask.shape != size:
                self._mask = shown(self._polygons, size[0], size[1])
            painted: Image = self._cv2.bitwise_and(image, image, dst=np.zeros_like(image), mask=self._mask)
        except Exception as error:  # noqa: BLE001 - whatever it is, the picture does not go on as it is
            self._unmasked += 1
            self._say(f"a frame that could not be masked was dropped: {type(error).__name__}: {error}")
            return None
        self._said = ""
        return painted

    def _say(self, detail: str) -> None:
        """Once, until it goes well again or something else goes wrong."""
        if detail != self._said:
            self._said = detail
            log.warning("%s: %s", self.stream, detail)
            self._tell(Notice(self.stream, self._now(), self.state, self.state, detail))


def shown(polygons: Sequence[Polygon], height: int, width: int) -> Mask:
    """What of a picture of that size is looked at, as 255; a pixel that a polygon touches is not.

    All that lies within the outline of a polygon is masked, also where it crosses itself or others.
    """
    cv2 = opencv()
    hidden: Mask = np.zeros((height, width), np.uint8)
    for polygon in polygons:
        corners = np.floor(np.array(polygon, np.float64) * (width, height)).astype(np.int32)
        one = np.zeros_like(hidden)
        cv2.fillPoly(one, [corners.clip(0, (width - 1, height - 1))], COVERED)
        outlines, _ = cv2.findContours(one, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(hidden, outlines, -1, COVERED, cv2.FILLED)
    found: Mask = cv2.bitwise_not(cv2.dilate(hidden, np.ones((3, 3), np.uint8)))
    return found


def _generator(frames: Iterator[Frame]) -> Generator[Frame, None, None]:
    yield from frames
