"""What streams say, to all who hear of it: the out, the decision log, telemetry; and what they counted since.

Nothing that goes wrong there reaches the streams.
"""

import logging
import threading

from slipway.serving.edge.streams.events import Event, Out, OutGone, line_of, stamp
from slipway.serving.edge.streams.log import DecisionLog
from slipway.serving.edge.streams.stream import Stream
from slipway.serving.edge.streams.telling import Telemetry
from slipway.serving.runtime.source import Notice

logger = logging.getLogger(__name__)


class Counting:
    """What one stream counted, told as what was added."""

    def __init__(self, stream: Stream, telemetry: Telemetry) -> None:
        self._stream, self._telemetry = stream, telemetry
        self._before: dict[str, int] = {}

    def look(self) -> None:
        """Tell what came to it since the last look."""
        for what, count in self._stream.counts().items():
            if more := count - self._before.get(what, 0):
                self._before[what] = count
                self._telemetry.count(f"frames.{self._stream.source.stream}.{what}", more)


class Told:
    """Where events go. When nobody reads them any more, `gone` is set."""

    def __init__(self, out: Out, log: DecisionLog | None, gone: threading.Event, telemetry: Telemetry) -> None:
        self._out, self._log, self.gone, self.telemetry = out, log, gone, telemetry
        self._lost = 0

    def write(self, event: Event) -> None:
        """Say an event, and keep it where it is a decision."""
        line = line_of(event)
        if "decision" in event and self._log is not None:
            self._log.add(line)
        try:
            self._out.write(line)
        except OutGone:
            self.gone.set()
        except OSError as error:
            self._lost += 1
            if self._lost == 1:
                logger.warning("Events cannot be written: %s.", error.strerror)
            self.telemetry.count("events.lost")

    def notice(self, notice: Notice) -> None:
        """Say that a camera changed."""
        self.write(
            {
                "event": "camera", "stream": notice.stream, "at": stamp(notice.at), "state": notice.state.value,
                "was": notice.was.value if notice.was else None, "detail": notice.detail,
            }
        )  # fmt: skip
        try:
            self.telemetry.noticed(notice)
        except Exception:
            logger.exception("Telemetry failed at a notice of %s.", notice.stream)
