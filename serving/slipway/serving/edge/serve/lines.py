"""Lines on standard error, written by a thread of their own: whoever reads them slowly, or not, holds up nobody."""

import json
import queue
import sys
import threading
from contextlib import suppress
from typing import Any, Final, TextIO

MOST: Final = 1000
"""Lines that may wait; more are counted and dropped."""
_LAST_S: Final = 1.0
"""For which the end waits for a reader."""


class Lines:
    """What the server tells, as text or as JSON."""

    def __init__(self, *, as_json: bool, to: TextIO | None = None) -> None:
        self._as_json, self._to = as_json, to or sys.stderr
        self._waiting: queue.Queue[str | None] = queue.Queue(MOST)
        self._dropped = 0
        self._writer = threading.Thread(target=self._write, name="lines", daemon=True)
        self._writer.start()

    def tell(self, text: str, event: str = "note", **values: Any) -> None:  # noqa: ANN401 - whatever JSON takes
        """One line; `values` stand in JSON beside the text."""
        line = json.dumps({"event": event, "text": text, **values}) if self._as_json else f"slipway-edge: {text}"
        try:
            self._waiting.put_nowait(line)
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """Write what waits, if anybody reads it."""
        with suppress(queue.Full):
            self._waiting.put(None, timeout=_LAST_S)
        self._writer.join(_LAST_S)

    def _write(self) -> None:
        while (line := self._waiting.get()) is not None:
            dropped, self._dropped = self._dropped, 0
            try:
                if dropped:
                    self._to.write(f"slipway-edge: {dropped} lines were not read in time and are lost.\n")
                self._to.write(f"{line}\n")
                self._to.flush()
            except (OSError, ValueError):
                continue  # nobody listens; serving goes on
