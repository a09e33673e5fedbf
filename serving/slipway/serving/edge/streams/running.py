"""The streams of a device: cameras in, events out, until all have ended or somebody says stop."""

import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from slipway.serving.channel.site import MOST_STREAMS, STREAM
from slipway.serving.edge.decisions import Namer
from slipway.serving.edge.streams.areas import Areas
from slipway.serving.edge.streams.asking import Asker
from slipway.serving.edge.streams.events import Out, stamp
from slipway.serving.edge.streams.log import DecisionLog
from slipway.serving.edge.streams.rules import Rules
from slipway.serving.edge.streams.stream import Models, Stream, Telling
from slipway.serving.edge.streams.telling import Nobody, Telemetry
from slipway.serving.edge.streams.told import Counting, Told
from slipway.serving.errors import WrongUse
from slipway.serving.runtime.cameras.address import without_passwords
from slipway.serving.runtime.cameras.opening import open_source
from slipway.serving.runtime.cameras.reconnecting import Timing
from slipway.serving.runtime.cameras.stored import Now, utc_now
from slipway.serving.runtime.live import Live
from slipway.serving.runtime.pictures import Box

logger = logging.getLogger(__name__)

LOOK_EVERY: Final = 0.1
SECONDS_TO_END: Final = 70.0
"""In which the admitted frames of a stream that was stopped are answered."""


@dataclass(frozen=True)
class Camera:
    """A stream: its name and where its frames come from."""

    name: str
    address: str
    areas: Mapping[str, Box] = field(default_factory=dict)
    """Parts of the picture that are looked at; without any, the whole picture."""


@dataclass(frozen=True)
class Lives:
    """The live models: a detector, perhaps with one that looks at each box; or one alone."""

    first: Live
    boxes: Live | None = None


@dataclass(frozen=True)
class Settings:
    """How streams are run."""

    device: str
    """Its id, which stands in decision ids."""
    vectors: bool = False
    """Whether events and log hold the vectors; they follow vehicles, so they stay in memory unless asked for."""
    empty: bool = False
    """Whether pictures in which nothing was found are events."""
    timing: Timing = Timing()  # noqa: RUF009 - frozen
    """Of live cameras."""


def read_camera(text: str) -> Camera:
    """A camera as people write it, `NAME=SRC`."""
    name, mark, address = text.partition("=")
    if not mark or not address or not re.fullmatch(STREAM, name):
        raise WrongUse(
            f"`{without_passwords(text)[:100]}` is no camera; expected NAME=SRC, the name in lower-case letters, "
            "digits, `-` and `_`.",
            mend="Such as --camera gate=rtsp://10.0.0.7/main or --camera lot=world:tiny.",
        )
    return Camera(name, address)


class Stop(Protocol):
    """Who may say stop: a `threading.Event`, a clock that a signal stops."""

    def wait(self, seconds: float) -> bool:
        """Wait; True when somebody asked to stop."""


class Streams:
    """Cameras, opened and ready. What is wrong with an address, a name or a device's id is told here."""

    def __init__(
        self,
        cameras: Sequence[Camera],
        lives: Lives,
        out: Out,
        telemetry: Telemetry | None = None,
        *,
        settings: Settings,
        log: DecisionLog | None = None,
        now: Now = utc_now,
        rules: Callable[[], Rules] = Rules,
    ) -> None:
        """`rules` says what decisions are taken by now; it may say something else at any time."""
        _check(cameras)
        self._now, self._rules, self._halt = now, rules, threading.Event()
        self._told = Told(out, log, self._halt, telemetry or Nobody())
        told = self._told
        how = Telling(
            told.write, told.telemetry, Namer(settings.device, now), vectors=settings.vectors, empty=settings.empty
        )
        models = Models(Asker(lives.first), None if lives.boxes is None else Asker(lives.boxes))
        self._streams = [
            Stream(
                open_source(one.name, one.address, tell=told.notice, timing=settings.timing),
                models,
                how,
                self._halt,
                areas=Areas(one.areas),
                rules=rules(),
            )
            for one in cameras
        ]

    def run(self, stop: Stop) -> dict[str, dict[str, int]]:
        """Until all cameras have ended or `stop` says so; what became of each stream's frames.

        Frames that were admitted are answered and told before this returns.
        """
        streams = self._streams
        counting = [Counting(stream, self._told.telemetry) for stream in streams]
        for stream in streams:
            stream.start()
        try:
            while not (self._halt.is_set() or all(one.join(0) for one in streams) or stop.wait(LOOK_EVERY)):
                for stream, its in zip(streams, counting, strict=True):
                    its.look()
                    stream.rules = self._rules()
        finally:
            _end(streams, self._halt)
            for its in counting:
                its.look()
        counts = {stream.source.stream: stream.counts() for stream in streams}
        for name, frames in counts.items():
            self._told.write({"event": "end", "stream": name, "at": stamp(self._now()), "frames": frames})
        return counts


def _check(cameras: Sequence[Camera]) -> None:
    names = [one.name for one in cameras]
    if not names:
        raise WrongUse("There is no camera.", mend="Give at least one: --camera NAME=SRC.")
    if len(names) > MOST_STREAMS:
        raise WrongUse(f"{len(names)} cameras are too many.", mend=f"A device has at most {MOST_STREAMS} streams.")
    if twice := [name for name in names if names.count(name) > 1]:
        raise WrongUse(f"Two cameras are called `{twice[0]}`.", mend="Give each one a name of its own.")


def _end(streams: Sequence[Stream], halt: threading.Event) -> None:
    halt.set()
    for stream in streams:
        stream.source.close()
    for stream in streams:
        if not stream.join(SECONDS_TO_END):
            logger.warning("The stream %s did not end in time.", stream.source.stream)
