"""Libraries that not every device has: those of the extra `camera`, imported where a picture or a camera needs them."""

from types import ModuleType

from slipway.serving.errors import SlipwayError


class LibraryMissing(SlipwayError):
    """What reads cameras and pictures is not installed, or does not load."""


def opencv() -> ModuleType:
    """OpenCV, which starts no threads of its own: ours are many enough."""
    try:
        import cv2
    except ImportError as error:
        raise _missing("OpenCV", error, " On a Jetson JetPack brings one, which reads through GStreamer.") from None
    cv2.setNumThreads(1)
    return cv2


def turbo_jpeg() -> ModuleType:
    """simplejpeg: libjpeg-turbo, which training reads with as well, so that pixels are the same here and there."""
    try:
        import simplejpeg
    except ImportError as error:
        raise _missing("simplejpeg", error) from None
    found: ModuleType = simplejpeg
    return found


def _missing(name: str, error: ImportError, more: str = "") -> LibraryMissing:
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    return LibraryMissing(
        f"Pictures and cameras need {name}, which does not load here ({said}).",
        mend=f"Install the extra: pip install 'slipway-serving[camera]'.{more}",
    )
