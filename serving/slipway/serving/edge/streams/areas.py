"""Parts of a stream's pictures that are looked at, by name: in pixels, or in shares of a picture of whatever size.

A model of boxes is asked about each of them. Of what a detector finds, that counts whose centre lies in one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from slipway.serving.runtime.pictures import Box
from slipway.serving.runtime.source import Image

Point = tuple[float, float]


@dataclass(frozen=True)
class Areas:
    """Of one stream; without any, the whole picture is looked at."""

    boxes: Mapping[str, Box] = field(default_factory=dict)
    shares: bool = False
    """Whether they are shares of width and height, in place of pixels."""

    def of(self, image: Image) -> Mapping[str, Box]:
        """In pixels of this picture."""
        if not self.shares:
            return self.boxes
        height, width = image.shape[:2]
        return {
            name: (left * width, top * height, right * width, bottom * height)
            for name, (left, top, right, bottom) in self.boxes.items()
        }


def between(corners: Mapping[str, tuple[Point, Point]]) -> Areas:
    """Areas by two opposite corners each, as shares of the picture."""
    boxes: dict[str, Box] = {}
    for name, ((x, y), (other_x, other_y)) in corners.items():
        boxes[name] = (min(x, other_x), min(y, other_y), max(x, other_x), max(y, other_y))
    return Areas(boxes, shares=True)


def holding(areas: Mapping[str, Box], box: Box) -> list[str]:
    """The areas in which the centre of a box lies."""
    across, down = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return [
        name for name, (left, top, right, bottom) in areas.items() if left <= across < right and top <= down < bottom
    ]
