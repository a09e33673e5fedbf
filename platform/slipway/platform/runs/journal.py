"""The journal of an attempt: what happens in a training, a line of JSON for each event.

The training writes it with as little delay as an append to a file costs, and nothing else: shipping to MLflow, progress
bars and heartbeats read it from outside. A reader goes by the offset of the last whole line that it has dealt with.

    {"kind":"metrics","time":1763654400.123,"step":40,"values":{"train/loss":1.25}}
    {"kind":"progress","time":…,"step":40,"steps":600,"epoch":1,"epochs":20,"phase":"train","rate":512.0,"loss":1.25,"metric":0.41}
    {"kind":"checkpoint","time":…,"step":40,"file":"step-00000040.ckpt"}
    {"kind":"picture","time":…,"name":"pr-curve","file":"pictures/pr-curve.png","step":600}
    {"kind":"facts","time":…,"values":{"hardware/cpu":"…"}}
    {"kind":"note","time":…,"text":"resumed at step 40"}
"""

import errno
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

KINDS: Final = ("metrics", "progress", "checkpoint", "picture", "facts", "note")


class Journal:
    """Appends events; one writer."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def write(self, kind: str, **fields: Any) -> None:  # noqa: ANN401 - whatever JSON can say
        """Add one event, whole or not at all: a torn line before others would end every reading."""
        line = json.dumps({"kind": kind, "time": time.time(), **fields}, separators=(",", ":")).encode() + b"\n"
        written = os.write(self._descriptor, line)
        if written < len(line):
            os.ftruncate(self._descriptor, os.fstat(self._descriptor).st_size - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Add the values of metrics at a step."""
        self.write("metrics", step=step, values=dict(values))

    def close(self) -> None:
        """Give the file back."""
        os.close(self._descriptor)


def events(path: Path, offset: int = 0) -> Iterator[tuple[dict[str, Any], int]]:
    """The whole lines from `offset` on, each with the offset behind it."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            yield json.loads(line), offset
