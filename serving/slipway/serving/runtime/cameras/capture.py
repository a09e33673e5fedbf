"""What OpenCV reads: RTSP and video files through its ffmpeg, local cameras through V4L2, pipelines through GStreamer.

OpenCV is given times after which opening and reading are to end; ffmpeg and GStreamer keep to them. A driver that hangs
does not, which is why a camera's reader has a thread of its own.
"""

import os
from typing import Any, Final

from slipway.serving.errors import SlipwayError
from slipway.serving.runtime.cameras.address import Address
from slipway.serving.runtime.cameras.feed import FeedBroken
from slipway.serving.runtime.libraries import opencv
from slipway.serving.runtime.source import Image

MILLISECONDS: Final = 1000


class NoGStreamer(SlipwayError):
    """This OpenCV reads no pipelines."""


class CaptureFeed:
    """One `VideoCapture`."""

    def __init__(self, address: Address, *, seconds: float) -> None:
        self._cv2 = opencv()
        self._address = address
        self._capture = _opened(self._cv2, address, seconds)
        if not self._capture.isOpened():
            self._capture.release()
            raise FeedBroken(f"{address.shown} could not be opened.", mend=_MENDS.get(address.kind))

    def read(self) -> Image | None:
        try:
            there, picture = self._capture.read()
        except self._cv2.error as error:
            raise FeedBroken(f"{self._address.shown}: {str(error).splitlines()[0][:200]}") from None
        if not there or picture is None:
            if self._address.kind == "video":
                return None
            raise FeedBroken(f"{self._address.shown} gave no picture in time, or ended.")
        if picture.ndim == 2:  # noqa: PLR2004 - grey
            image: Image = self._cv2.cvtColor(picture, self._cv2.COLOR_GRAY2RGB)
        else:
            image = self._cv2.cvtColor(picture, self._cv2.COLOR_BGR2RGB)
        return image

    def close(self) -> None:
        self._capture.release()


def check_capture(address: Address) -> None:
    """Refuse an address that no OpenCV, or not this one, can read."""
    cv2 = opencv()
    if address.kind == "gst" and not cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER):
        raise NoGStreamer(
            f"This OpenCV {cv2.__version__} was built without GStreamer, so it reads no pipelines.",
            mend="On a Jetson use JetPack's own: make the environment with --system-site-packages and leave out the "
            "extra `camera`. A camera with RTSP needs no GStreamer.",
        )


def _opened(cv2: Any, address: Address, seconds: float) -> Any:  # noqa: ANN401 - OpenCV is found when it is used
    # What goes wrong is told by the camera's state, once.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    times = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(seconds * MILLISECONDS),
        cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(seconds * MILLISECONDS),
    ]  # fmt: skip
    if address.kind == "v4l2":
        number = int(address.place) if address.place.isdigit() else address.place
        return cv2.VideoCapture(number, cv2.CAP_V4L2)
    if address.kind == "gst":
        return cv2.VideoCapture(address.place, cv2.CAP_GSTREAMER, times)
    if address.kind == "rtsp":
        return cv2.VideoCapture(address.place, cv2.CAP_FFMPEG, times)
    return cv2.VideoCapture(os.path.realpath(address.place), cv2.CAP_FFMPEG, times)


_MENDS: Final = {
    "rtsp": "Is the camera reachable from here (ping), and are path and password right?",
    "v4l2": "`v4l2-ctl --list-devices` shows the cameras; the user must be in the group `video`.",
    "gst": "Try the pipeline with gst-launch-1.0; it must end in `videoconvert ! appsink`.",
    "video": "Is it a video file? ffprobe tells.",
}
