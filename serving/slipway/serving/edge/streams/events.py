"""Events as JSON lines, to standard output or to a file that is put aside when it is full.

    {"event": "camera", "stream", "at", "state", "was", "detail"}
    {"event": "boxes", "stream", "at", "frame", "decision", "model", "release", "bundle", "latency_ms",
     "boxes": [{"box": [left, top, right, bottom], "category", "score",
                "embedding": {"decision", "model", "release", "bundle", "vector"}}]}
    {"event": "answer", …, "area", "answer", "score", "scores"}
    {"event": "embedding", …, "area", "vector"}
    {"event": "failure", "stream", "at", "detail"}
    {"event": "end", "stream", "at", "frames": {…}}

`at` is when the frame was, in UTC; `bundle` the first digits of its digest; `release` its number, null where the bundle
was loaded from a folder. `vector` is there if it was asked for: base64 of little-endian 16-bit floats.
"""

import base64
import json
import os
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final, Protocol, TextIO

import numpy as np
import numpy.typing as npt

from slipway.serving.edge.decisions import PREFIX
from slipway.serving.errors import SlipwayError
from slipway.serving.runtime.live import LoadedModel

Event = Mapping[str, Any]
MEGABYTE: Final = 1_000_000


class OutGone(SlipwayError):
    """Nobody reads the events any more."""


class Out(Protocol):
    """Where events go; used from several threads."""

    def write(self, line: str) -> None:
        """One event, without the end of its line; `OSError` if this one could not be written, `OutGone` if none can."""

    def close(self) -> None:
        """Nothing comes any more."""


class StandardOut:
    """Standard output, or another text stream."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._lock = threading.Lock()

    def write(self, line: str) -> None:
        with self._lock:
            try:
                self._stream.write(line + "\n")
                self._stream.flush()
            except (BrokenPipeError, ValueError):
                self._forget()
                raise OutGone("Nobody reads the events any more.") from None

    def close(self) -> None:
        pass

    def _forget(self) -> None:
        """What is still to be written goes nowhere, so that nothing complains of it at the end of the process."""
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


class RotatedFile:
    """A file that becomes `.1` when it is full, `.1` becomes `.2`, and the last one goes."""

    def __init__(self, path: Path, *, most_bytes: int = 64 * MEGABYTE, keep: int = 3) -> None:
        self._path, self._most, self._keep = path, most_bytes, keep
        self._lock = threading.Lock()
        self._file = self._opened()

    def write(self, line: str) -> None:
        data = line.encode() + b"\n"
        with self._lock:
            if self._file.tell() and self._file.tell() + len(data) > self._most:
                self._rotate()
            self._file.write(data)

    def close(self) -> None:
        with self._lock:
            self._file.close()

    def _rotate(self) -> None:
        self._file.close()
        for number in range(self._keep, 0, -1):
            older = self._numbered(number - 1)
            if older.exists():
                older.replace(self._numbered(number))
        if self._keep == 0:
            self._path.unlink()
        self._file = self._opened()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path

    def _opened(self) -> Any:  # noqa: ANN401 - an unbuffered file has a private type
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        file = os.fdopen(descriptor, "ab", buffering=0)
        if file.seek(0, os.SEEK_END) and not _ends_a_line(self._path):
            file.write(b"\n")  # a power cut took the end of the last one
        return file


def line_of(event: Event) -> str:
    """One line of JSON."""
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False)


def stamp(moment: datetime) -> str:
    """A moment, as events say it."""
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def who(loaded: LoadedModel) -> dict[str, Any]:
    """Which model, as events say it."""
    return {"model": loaded.model, "release": loaded.release, "bundle": loaded.bundle[:PREFIX]}


def vector_text(vector: npt.NDArray[np.float32]) -> str:
    """A vector in a third of what its digits would take."""
    return base64.b64encode(vector.astype("<f2").tobytes()).decode()


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
