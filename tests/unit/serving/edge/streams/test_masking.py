"""Masks are painted before anybody has a picture; what cannot be painted is no frame."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loopback_camera import loopback_camera, until
from slipway.serving.edge.streams import masking
from slipway.serving.edge.streams.masking import MaskedSource, shown
from slipway.serving.runtime.cameras.opening import open_source
from slipway.serving.runtime.source import CameraState, Notice
from stream_site import QUICK

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))


def inside(polygon: Any, height: int, width: int) -> Any:
    """Pixels whose centre has an odd number of edges to its right, worked out without a library."""
    down, across = np.mgrid[:height, :width] + 0.5
    found = np.zeros((height, width), bool)
    corners = [(x * width, y * height) for x, y in polygon]
    for (x, y), (other_x, other_y) in zip(corners, [*corners[1:], corners[0]], strict=True):
        crosses = (y > down) != (other_y > down)
        with np.errstate(divide="ignore", invalid="ignore"):
            at = x + (down - y) * (other_x - x) / (other_y - y)
        found ^= crosses & (across < at)
    return found


@pytest.mark.parametrize("draws", range(20))
def test_whatever_lies_in_a_polygon_is_covered_in_a_picture_of_any_size(draws: int) -> None:
    draw = np.random.default_rng(draws)
    height, width = (int(side) for side in draw.integers(8, 200, 2))
    polygons = [[tuple(point) for point in draw.random((int(draw.integers(3, 9)), 2))] for _ in range(3)]
    mask = shown(polygons, height, width)
    for polygon in polygons:
        assert not mask[inside(polygon, height, width)].any()


def test_nothing_more_than_a_pixel_around_it_is_covered() -> None:
    mask = shown([((0.25, 0.25), (0.5, 0.25), (0.5, 0.5), (0.25, 0.5))], 40, 80)
    assert (mask[9:22, 19:42] == 0).all()
    assert int((mask == 0).sum()) <= 13 * 23
    assert (shown([], 4, 4) == 255).all()
    assert not shown([((0, 0), (1, 0), (1, 1), (0, 1))], 31, 33).any()


def test_frames_come_painted_and_the_camera_is_judged_from_the_whole_picture() -> None:
    notices: list[Notice] = []
    with loopback_camera() as camera:
        camera.picture = lambda number: np.full((48, 64, 3), 200 if number % 2 else 190, np.uint8)
        source = MaskedSource(open_source("gate", camera.url, timing=QUICK), [LEFT], tell=notices.append)
        assert source.live
        for frame in source.frames():
            assert not frame.image[:, :32].any()
            assert (frame.image[:, 36:] > 150).all()
            if frame.number > 5:
                break
        source.close()
        until(lambda: source.counts.received >= 6)
    assert source.state is CameraState.WELL
    assert notices == []


def test_a_frame_that_cannot_be_painted_is_dropped_counted_and_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notices: list[Notice] = []
    source = MaskedSource(open_source("gate", str(folder)), [LEFT], tell=notices.append)
    whole = masking.shown
    left = iter([MemoryError("no room"), ValueError("no"), None])

    def failing(*arguments: Any) -> Any:
        if (error := next(left)) is not None:
            raise error
        return whole(*arguments)

    monkeypatch.setattr(masking, "shown", failing)
    frames = list(source.frames())
    assert [one.number for one in frames] == [3]
    assert not frames[0].image[:, :16].any()
    assert (source.counts.received, source.counts.dropped) == (3, 2)
    assert [one.detail for one in notices] == [
        "a frame that could not be masked was dropped: MemoryError: no room",
        "a frame that could not be masked was dropped: ValueError: no",
    ]
