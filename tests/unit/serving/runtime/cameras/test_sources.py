"""Sources of every kind, against a real camera on loopback that is cut, stalled, slow, wrong and of another size."""

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loopback_camera import LoopbackCamera, loopback_camera, noisy, until
from loopback_camera.rtsp import rtsp_camera
from slipway.serving.runtime.cameras.feed import FeedBroken
from slipway.serving.runtime.cameras.health import Limits
from slipway.serving.runtime.cameras.mjpeg import MjpegFeed
from slipway.serving.runtime.cameras.opening import open_source
from slipway.serving.runtime.cameras.reconnecting import LiveSource, Timing, wait_before
from slipway.serving.runtime.source import CameraState, Frame, Image, Notice, Source

QUICK = Timing(deadline=0.4, first_wait=0.02, longest_wait=0.1, look_every=0.02, waiting=2, patience=2.0, ending=0.5)


@pytest.fixture
def camera() -> Iterator[LoopbackCamera]:
    with loopback_camera() as one:
        yield one


@dataclass
class Watched:
    """A source whose frames are taken by a thread, and what it told."""

    source: Source
    notices: list[Notice] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)

    def begin(self) -> "Watched":
        self.thread = threading.Thread(target=lambda: self.frames.extend(self.source.frames()))
        self.thread.start()
        return self

    def end(self) -> None:
        self.source.close()
        self.thread.join(10)
        assert not self.thread.is_alive()

    @property
    def states(self) -> list[CameraState]:
        """As they were told."""
        return [one.state for one in self.notices if one.state is not one.was]


@pytest.fixture
def watched() -> Iterator[Callable[..., Watched]]:
    """Opens sources; they are closed afterwards."""
    begun: list[Watched] = []

    def open_one(address: str, **parts: Any) -> Watched:
        notices: list[Notice] = []
        source = open_source("gate", address, tell=notices.append, timing=parts.get("timing", QUICK))
        begun.append(Watched(source, notices).begin())
        return begun[-1]

    yield open_one
    for one in begun:
        one.end()


def test_frames_come_numbered_and_as_they_were(camera: LoopbackCamera, watched: Callable[..., Watched]) -> None:
    one = watched(camera.url)
    until(lambda: len(one.frames) >= 5)
    assert [frame.number for frame in one.frames[:3]] == [1, 2, 3]
    assert one.frames[0].image.shape == (48, 64, 3)
    assert np.abs(one.frames[0].image.astype(int) - camera.picture(1)).mean() < 6
    assert one.source.live
    until(lambda: one.states == [CameraState.WELL])
    assert one.source.state is CameraState.WELL


def test_a_cut_camera_is_opened_again_without_a_word(camera: LoopbackCamera, watched: Callable[..., Watched]) -> None:
    one = watched(camera.url)
    until(lambda: one.frames)

    def connected(one: Watched, times: int) -> bool:
        return one.source.counts.connections >= times

    def more(one: Watched, frames: int) -> bool:
        return len(one.frames) > frames + 2

    for connections in (2, 3):
        camera.cut()
        until(partial(connected, one, connections))
        until(partial(more, one, len(one.frames)))
    assert one.states == [CameraState.WELL]
    assert [frame.number for frame in one.frames] == sorted({frame.number for frame in one.frames})


@pytest.mark.parametrize("mode", ["stalled", "garbage", "refusing", "dripping", "gone"])
def test_a_camera_without_pictures_is_lost_and_comes_back(
    camera: LoopbackCamera, watched: Callable[..., Watched], mode: str
) -> None:
    one = watched(camera.url)
    until(lambda: one.frames)
    camera.mode = mode
    camera.cut() if mode == "refusing" else None
    until(lambda: one.states[-1:] == [CameraState.LOST], what="losing it")
    assert "no frame for" in one.notices[-1].detail
    camera.mode = "well"
    there = len(one.frames)
    until(lambda: len(one.frames) > there and len(one.states) > 2, what="its return")
    assert one.states == [CameraState.WELL, CameraState.LOST, CameraState.WELL]


def test_a_camera_that_never_was_there_is_told_at_once_and_found_later(watched: Callable[..., Watched]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    one = watched(f"http://ada:secret@127.0.0.1:{port}/stream")
    until(lambda: one.states == [CameraState.LOST])
    assert "refused" in one.notices[0].detail
    assert "secret" not in one.notices[0].detail


def test_another_size_is_told_once(camera: LoopbackCamera, watched: Callable[..., Watched]) -> None:
    one = watched(camera.url)
    until(lambda: len(one.frames) >= 3)
    camera.picture = noisy(96, 128)
    until(lambda: one.frames[-1].image.shape == (96, 128, 3))
    there = len(one.frames)
    until(lambda: len(one.frames) > there + 3)
    told = [notice.detail for notice in one.notices if notice.state is notice.was]
    assert told == ["the picture is 128 x 96 now, 64 x 48 before"]


def test_a_frozen_camera_is_told(camera: LoopbackCamera) -> None:
    still = camera.picture(1)
    camera.picture = lambda _: still
    notices: list[Notice] = []
    limits = Limits(frozen_after=0.3, well_after=0.05)
    source = LiveSource(
        "gate", lambda: MjpegFeed(camera.url, seconds=1), tell=notices.append, timing=QUICK, limits=limits
    )
    one = Watched(source, notices).begin()
    until(lambda: one.states[-1:] == [CameraState.FROZEN])
    camera.picture = noisy()
    until(lambda: len(one.states) > 2)
    one.end()
    assert one.states == [CameraState.WELL, CameraState.FROZEN, CameraState.WELL]


def test_the_oldest_frames_are_dropped_and_counted_when_nobody_takes_them(camera: LoopbackCamera) -> None:
    source = open_source("gate", camera.url, timing=QUICK)
    frames = source.frames()
    first = next(frames)
    until(lambda: source.counts.received >= 12)
    second, third = next(frames), next(frames)
    source.close()
    assert first.number == 1
    assert third.number == second.number + 1
    assert second.number >= 10
    assert source.counts.dropped >= 8
    assert list(frames) == []


def test_a_camera_may_be_quicker_than_its_frames_are_wanted(
    camera: LoopbackCamera, watched: Callable[..., Watched]
) -> None:
    one = watched(camera.url, timing=Timing(every=0.25, first_wait=0.02, ending=0.5))
    until(lambda: len(one.frames) >= 4)
    apart = (one.frames[3].taken - one.frames[0].taken).total_seconds()
    assert apart >= 0.5
    assert [frame.number for frame in one.frames[:4]] == [1, 2, 3, 4]
    assert camera.sent > 8
    assert one.source.counts.dropped == 0


def test_one_part_that_is_no_picture_does_not_end_the_connection(
    camera: LoopbackCamera, watched: Callable[..., Watched]
) -> None:
    patient = Timing(deadline=20, first_wait=0.02, look_every=0.02, ending=0.5)
    one = watched(camera.url, timing=patient)
    until(lambda: one.frames)
    camera.mode = "garbage"
    until(lambda: one.source.counts.unreadable >= 2)
    camera.mode = "well"
    there = len(one.frames)
    until(lambda: len(one.frames) > there)
    assert one.source.counts.connections == 1


def test_parts_without_a_length_are_read(camera: LoopbackCamera, watched: Callable[..., Watched]) -> None:
    camera.mode = "unsized"
    one = watched(camera.url)
    until(lambda: len(one.frames) >= 3)
    assert one.source.counts.unreadable == 0


def test_a_part_without_an_end_is_given_up(camera: LoopbackCamera) -> None:
    camera.mode = "endless"
    feed = MjpegFeed(camera.url, seconds=30)
    with pytest.raises(FeedBroken, match="bytes without an end of a part"):
        feed.read()
    feed.close()


def test_name_and_password_are_sent_and_never_shown(camera: LoopbackCamera) -> None:
    url = camera.url.replace("http://", "http://ada:se%40cret@")
    feed = MjpegFeed(url, seconds=5)
    assert feed.read() is not None
    feed.close()
    assert camera.authorization == "Basic YWRhOnNlQGNyZXQ="
    camera.mode = "refusing"
    with pytest.raises(FeedBroken) as caught:
        MjpegFeed(url, seconds=5)
    assert "answered 503" in str(caught.value)
    assert "cret" not in str(caught.value)


def test_a_page_is_no_stream(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("hello")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(FeedBroken, match="`text/html`; expected 200 with `multipart/x-mixed-replace`"):
            MjpegFeed(f"http://127.0.0.1:{server.server_port}/index.html", seconds=5)
        server.shutdown()


def test_a_silent_rtsp_server_does_not_hold_anybody_up(watched: Callable[..., Watched]) -> None:
    """OpenCV waits for it; the camera is lost in the meantime, and closing ends at once."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        one = watched(f"rtsp://127.0.0.1:{silent.getsockname()[1]}/stream")
        until(lambda: one.states == [CameraState.LOST])
        silent.settimeout(10)
        first, _ = silent.accept()
        again, _ = silent.accept()
        begun = time.monotonic()
        one.end()
        assert time.monotonic() - begun < 5
        first.close()
        again.close()


def test_an_rtsp_camera_is_cut_changes_its_size_stalls_and_comes_back(watched: Callable[..., Watched]) -> None:
    timing = Timing(deadline=4.0, first_wait=0.02, longest_wait=0.1, ending=0.5)
    with rtsp_camera() as camera:
        one = watched(camera.url, timing=timing)
        until(lambda: len(one.frames) >= 3)
        assert np.abs(one.frames[0].image.astype(int) - camera.picture(1)).mean() < 6
        camera.cut()
        until(lambda: one.source.counts.connections == 2 and one.frames)
        camera.picture = noisy(96, 128)
        until(lambda: one.frames[-1].image.shape == (96, 128, 3))
        camera.stalled = True
        until(lambda: one.states[-1:] == [CameraState.LOST])
        camera.stalled = False
        until(lambda: one.states[-1:] == [CameraState.WELL])
        sizes = [notice.detail for notice in one.notices if notice.state is notice.was]
        assert sizes == ["the picture is 128 x 96 now, 64 x 48 before"]
        assert one.states == [CameraState.WELL, CameraState.LOST, CameraState.WELL]
        one.end()


class Hanging:
    """A driver that hangs in its first read of each connection, but of the third."""

    def __init__(self) -> None:
        self.opened = 0
        self.released = threading.Event()

    def __call__(self) -> "Hanging":
        self.opened += 1
        return self

    def read(self) -> Image | None:
        if self.opened < 3:
            self.released.wait()
        time.sleep(0.01)
        return np.zeros((8, 8, 3), np.uint8)

    def close(self) -> None:
        pass


def test_a_reader_that_hangs_is_replaced() -> None:
    driver = Hanging()
    notices: list[Notice] = []
    quick = Timing(deadline=0.1, first_wait=0.01, patience=1.0, look_every=100, ending=0.5)
    one = Watched(LiveSource("gate", driver, tell=notices.append, timing=quick), notices).begin()
    until(lambda: len(one.frames) >= 3)
    driver.released.set()
    assert driver.opened == 3
    assert one.states[-1] is CameraState.WELL
    numbers = [frame.number for frame in one.frames]
    assert numbers == sorted(set(numbers))
    one.end()


def test_waits_between_tries_grow_and_are_drawn() -> None:
    waits = [wait_before(vain, Timing(), random.Random(vain)) for vain in range(20)]
    assert waits[0] <= 0.5
    assert waits[3] > 4 * waits[0]
    assert all(15 <= one <= 30 for one in waits[6:])
    assert len(set(waits)) == len(waits)
