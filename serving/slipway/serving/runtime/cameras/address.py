"""What a camera's address says: `rtsp://…`, `http://…`, `v4l2:…`, `gst:…`, a file, a folder, or `world:…`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from slipway.serving.errors import WrongUse

Kind = Literal["rtsp", "http", "v4l2", "gst", "video", "folder", "rendered"]

FORMS: Final = (
    "rtsp://HOST/PATH, http(s)://HOST/PATH of an MJPEG stream, v4l2:/dev/video0, gst:PIPELINE, a video file, a folder "
    "of JPEG and PNG pictures, or world:SCENARIO[/SITE[/CAMERA[/BAY]]][?fps=N&frames=N]"
)
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]+(?=:)")
_OPTIONS: Final = {"fps": 240.0, "frames": 1e9}
"""Of rendered cameras, with the greatest value of each."""


@dataclass(frozen=True)
class Address:
    """Where frames come from."""

    kind: Kind
    place: str
    """What the kind's reader takes."""
    shown: str
    """For people; without a password."""
    provider: str = ""
    """The entry point that renders."""
    options: Mapping[str, float] = field(default_factory=dict)


def read_address(text: str) -> Address:
    """What an address says; nothing is opened yet."""
    found = _SCHEME.match(text)
    scheme = found.group() if found else ""
    rest = text[len(scheme) + 1 :]
    if scheme in {"rtsp", "rtsps"}:
        return Address("rtsp", _url(text), without_password(text))
    if scheme in {"http", "https"}:
        return Address("http", _url(text), without_password(text))
    if scheme == "v4l2":
        return Address("v4l2", _device(rest), text)
    if scheme == "gst":
        if not rest.strip():
            raise WrongUse("`gst:` names no pipeline.", mend="Such as `gst:v4l2src ! videoconvert ! appsink`.")
        return Address("gst", rest, without_passwords(text))
    path = Path(text)
    if path.is_dir():
        return Address("folder", text, text)
    if path.is_file():
        return Address("video", text, text)
    if not scheme or rest.startswith("//"):
        raise WrongUse(f"`{without_password(text)}` is no file that is there and no address.", mend=f"Give {FORMS}.")
    place, _, options = rest.partition("?")
    return Address("rendered", place, text, scheme, _options(text, options))


def without_password(url: str) -> str:
    """An address that may be shown."""
    if "@" not in url:
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.partition(":")[0] + "://…"
    if parts.password is None:
        return url
    _, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{parts.username}:…@{host}"))


def without_passwords(text: str) -> str:
    """A text in which addresses and settings may stand, such as a pipeline."""
    text = re.sub(r"(://[^/\s:@]*:)[^/\s]*@", r"\1…@", text)
    return re.sub(r"((?:user-pw|password)=)\S+", r"\1…", text)


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if not parts.hostname:
        raise WrongUse(f"`{without_passwords(text)}` names no host.", mend=f"Give {FORMS}.")
    return text


def _device(rest: str) -> str:
    if not re.fullmatch(r"\d{1,3}|/dev/[A-Za-z0-9/._:-]{1,200}", rest) or ".." in rest:
        raise WrongUse(f"`v4l2:{rest}` names no video device.", mend="Such as `v4l2:/dev/video0` or `v4l2:0`.")
    return rest


def _options(text: str, options: str) -> Mapping[str, float]:
    found: dict[str, float] = {}
    for name, value in parse_qsl(options, keep_blank_values=True):
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if name not in _OPTIONS or not 0 <= number <= _OPTIONS[name]:
            raise WrongUse(f"`{text}`: `{name}={value}` is not understood.", mend="`fps` and `frames` are numbers.")
        found[name] = number
    return found
