"""Folders, videos and rendered cameras as sources, and addresses that are refused."""

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from slipway.serving.errors import SlipwayError, WrongUse
from slipway.serving.runtime.cameras.address import read_address
from slipway.serving.runtime.cameras.opening import open_source
from slipway.serving.runtime.pictures import encode

if TYPE_CHECKING:
    from slipway.serving.runtime.source import Notice


def test_a_folder_gives_its_pictures_in_the_order_of_their_names(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        (tmp_path / f"{number}.jpg").write_bytes(encode(np.full((16, 16, 3), number * 10, np.uint8)))
    (tmp_path / "3.png").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("")
    notices: list[Notice] = []
    source = open_source("lot", str(tmp_path), tell=notices.append)
    assert [round(frame.image.mean() / 10) for frame in source.frames()] == [1, 2, 10]
    assert not source.live
    assert source.counts.unreadable == 1
    assert "3.png" in notices[0].detail


def test_a_video_file_gives_every_frame(tmp_path: Path) -> None:
    path = tmp_path / "lot.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for level in (40, 120, 200):
        writer.write(np.full((48, 64, 3), (level, 0, 0), np.uint8))
    writer.release()
    source = open_source("lot", str(path))
    frames = list(source.frames())
    assert [round(float(frame.image[..., 2].mean()), -1) for frame in frames] == [40, 120, 200]
    assert frames[0].image[..., 0].mean() < 20


def test_a_file_waits_and_drops_nothing(tmp_path: Path) -> None:
    for number in range(6):
        (tmp_path / f"{number}.jpg").write_bytes(encode(np.full((16, 16, 3), number, np.uint8)))
    source = open_source("lot", str(tmp_path))
    taken = []
    for frame in source.frames():
        taken.append(frame.number)
        if len(taken) == 4:
            source.close()
    assert taken == [1, 2, 3, 4]
    assert source.counts.dropped == 0


def test_a_rendered_camera_is_live_at_its_pace_and_waits_without_one() -> None:
    paced = open_source("lot", "world:tiny/harbour?fps=200&frames=3")
    frames = list(paced.frames())
    assert paced.live
    assert frames[0].image.shape == (240, 320, 3)
    waiting = open_source("lot", "world:tiny/harbour/gate?fps=0&frames=2")
    assert not waiting.live
    assert len(list(waiting.frames())) == 2


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("nowhere.mp4", "is no file that is there and no address"),
        ("ftp://host/stream", "is no file that is there and no address"),
        ("rtsp:///stream", "names no host"),
        ("http://ada:secret@:x/", "names no host"),
        ("v4l2:", "names no video device"),
        ("v4l2:/dev/../etc/passwd", "names no video device"),
        ("gst: ", "names no pipeline"),
        ("mars:rover", "nothing here renders `mars:`"),
        ("world:tiny?speed=3", "`speed=3` is not understood"),
        ("world:tiny?fps=-1", "`fps=-1` is not understood"),
        ("world:tyni", "no world scenario `tyni`"),
        ("world:tiny/harbour/gaet", "is no camera of the scenario tiny"),
    ],
)
def test_what_is_no_address_is_refused_with_what_would_be(address: str, said: str) -> None:
    with pytest.raises(WrongUse, match=said) as caught:
        open_source("gate", address)
    assert caught.value.mend
    assert "secret" not in f"{caught.value} {caught.value.mend}"


def test_what_is_no_video_is_refused_before_anything_begins(tmp_path: Path) -> None:
    path = tmp_path / "lot.mp4"
    path.write_text("no video")
    with pytest.raises(SlipwayError, match="could not be opened"):
        open_source("gate", str(path))
    with pytest.raises(WrongUse, match="holds no pictures"):
        open_source("gate", str(tmp_path))


def test_a_pipeline_needs_an_opencv_with_gstreamer() -> None:
    if cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER):
        pytest.skip("this OpenCV has GStreamer")
    with pytest.raises(SlipwayError, match="was built without GStreamer") as caught:
        open_source("gate", "gst:videotestsrc ! appsink")
    assert caught.value.mend is not None
    assert "--system-site-packages" in caught.value.mend


def test_without_opencv_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cv2", None)
    with pytest.raises(SlipwayError, match="need OpenCV") as caught:
        open_source("gate", "rtsp://host/stream")
    assert caught.value.mend is not None
    assert "slipway-serving[camera]" in caught.value.mend


def test_passwords_are_not_shown() -> None:
    assert read_address("rtsp://ada:secret@host:554/main").shown == "rtsp://ada:…@host:554/main"
    shown = read_address("gst:rtspsrc location=rtsp://ada:secret@host user-pw=hidden ! appsink").shown
    assert "secret" not in shown
    assert "hidden" not in shown
