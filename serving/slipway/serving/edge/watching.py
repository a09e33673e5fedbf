"""Cameras beside the agent: streams in threads of their own, while this one follows the channel.

When all cameras have ended, as files do, so does the agent; when the agent is asked to stop, frames that were admitted
are answered first.
"""

import argparse
import threading
from typing import Final

from slipway.serving.edge.agent.clock import SystemClock
from slipway.serving.edge.assembling import Assembled
from slipway.serving.edge.commands.options import check_model
from slipway.serving.edge.configuration import Enrolment, Home
from slipway.serving.edge.streams.events import Out, RotatedFile, StandardOut
from slipway.serving.edge.streams.log import DecisionLog
from slipway.serving.edge.streams.running import Camera, Lives, Settings, read_camera, run_streams

DECISIONS: Final = "decisions"
"""The log's folder, in the device's."""


def follow_with_cameras(device: Assembled, home: Home, options: argparse.Namespace) -> None:
    """Run the streams that were asked for, and follow the channel until both have ended."""
    first, boxes = models_of(device.enrolment, options.first, options.boxes)
    lives = Lives(device.lives[first], device.lives[boxes] if boxes else None)
    out: Out = RotatedFile(options.events) if options.events else StandardOut()
    settings = Settings(device.enrolment.id, vectors=options.vectors, empty=options.empty)
    streams = _Streams(
        [read_camera(text) for text in options.camera], lives, out, settings, DecisionLog(home.folder / DECISIONS)
    )
    streams.start(device.clock)
    try:
        device.following.follow()
    finally:
        streams.end()
        out.close()


def models_of(enrolment: Enrolment, first: str | None, boxes: str | None) -> tuple[str, str | None]:
    """Who sees the pictures, and who sees what was found: as asked for, else in the order of the enrolment."""
    for named in filter(None, (first, boxes)):
        check_model(named, enrolment)
    chosen = first or next(one for one in enrolment.models if one != boxes)
    return chosen, boxes or next((one for one in enrolment.models if one != chosen and first is None), None)


class _Streams:
    """The streams' thread, and what went wrong in it."""

    def __init__(self, cameras: list[Camera], lives: Lives, out: Out, settings: Settings, log: DecisionLog) -> None:
        self._cameras, self._lives, self._out, self._settings, self._log = cameras, lives, out, settings, log
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None

    def start(self, clock: SystemClock) -> None:
        """Begin; at the end the clock is asked to stop."""
        self._thread = threading.Thread(target=self._run, args=(clock,), name="streams")
        self._thread.start()

    def _run(self, clock: SystemClock) -> None:
        try:
            run_streams(self._cameras, self._lives, self._out, self._stop, settings=self._settings, log=self._log)
        except Exception as error:  # noqa: BLE001 - it is raised where the streams were started
            self._error = error
        finally:
            clock.stop()

    def end(self) -> None:
        """Have them end, and raise what went wrong."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._log.close()
        if self._error is not None:
            raise self._error
