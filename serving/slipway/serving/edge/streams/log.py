"""What a device decided, kept on it: bounded, the oldest goes first, and a power cut takes at most the last lines.

Files of lines in a folder, `000000000001.log` and on. A line is a checksum and an event; what has another checksum is
passed over, so damage to one line is damage to no other. Each start begins a new file: nothing is ever written behind a
line that a power cut tore. A full disk loses decisions and counts them, and stops nothing.
"""

import json
import logging
import os
import re
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from slipway.serving.edge.decisions import parse_id
from slipway.serving.edge.streams.events import MEGABYTE

log = logging.getLogger(__name__)

MOST_BYTES: Final = 64 * MEGABYTE
FILES: Final = 16
"""So many make up the whole; the oldest goes as one."""
SYNCED_EVERY: Final = 64
"""Lines, after which the file is on the disk for good."""
_NAME: Final = re.compile(r"\d{12}\.log")
_CHECK: Final = 8


class DecisionLog:
    """The log of one device; used from several threads of one process."""

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
        self._folder, self._each, self._most = folder, max(1, most_bytes // FILES), most_bytes
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._size = self._unsynced = 0
        self.lost = 0
        """Decisions that could not be written."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def add(self, line: str) -> None:
        """Keep an event, given as its line of JSON."""
        data = line.encode()
        whole = b"%08x %s\n" % (zlib.crc32(data), data)
        with self._lock:
            try:
                self._write(whole)
            except OSError as error:
                self._leave()  # whatever was written of the line, nothing may stand behind it
                self.lost += 1
                if self.lost == 1:
                    log.warning("The decision log in %s cannot be written: %s.", self._folder, error.strerror)

    def find(self, decision: str) -> dict[str, Any] | None:
        """The event that a decision is part of; None where it is not, or no longer, here."""
        parse_id(decision)
        wanted = f'"{decision}"'.encode()
        for path in reversed(self._files()):
            for line in _lines(path):
                if wanted in line and (event := _checked(line)) is not None:
                    return event
        return None

    def events(self) -> Iterator[dict[str, Any]]:
        """All that is there, the oldest first."""
        for path in self._files():
            for line in _lines(path):
                if (event := _checked(line)) is not None:
                    yield event

    def close(self) -> None:
        """Have everything on the disk."""
        with self._lock:
            self._leave()

    def _write(self, data: bytes) -> None:
        if self._descriptor is None or self._size + len(data) > self._each:
            self._leave()
            self._begin()
        assert self._descriptor is not None  # noqa: S101 - `_begin` has opened it
        written = os.write(self._descriptor, data)
        self._size += written
        if written < len(data):
            raise OSError(28, "No space left on device")
        self._unsynced += 1
        if self._unsynced >= SYNCED_EVERY:
            os.fdatasync(self._descriptor)
            self._unsynced = 0

    def _begin(self) -> None:
        """A new file, after the oldest ones made room for it."""
        files = self._files()
        sizes = [path.stat().st_size for path in files]
        while files and sum(sizes) + self._each > self._most:
            files.pop(0).unlink()
            sizes.pop(0)
        number = int(files[-1].stem) + 1 if files else 1
        path = self._folder / f"{number:012d}.log"
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._size = self._unsynced = 0

    def _leave(self) -> None:
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        try:
            os.fdatasync(descriptor)
        except OSError as error:
            log.debug("The decision log could not be synced: %s", error)
        finally:
            os.close(descriptor)

    def _files(self) -> list[Path]:
        return sorted(path for path in self._folder.iterdir() if _NAME.fullmatch(path.name))


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\n")
    except OSError:
        return []  # it was the oldest and has just gone, or the disk is damaged there


def _checked(line: bytes) -> dict[str, Any] | None:
    """The event in a line; None for a damaged one."""
    check, data = line[:_CHECK], line[_CHECK + 1 :]
    try:
        if int(check, 16) != zlib.crc32(data):
            return None
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
