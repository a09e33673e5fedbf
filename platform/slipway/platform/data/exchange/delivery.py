"""Where an export goes: written beside its folder, which it takes as a whole at the end.

A folder that holds anything is not touched; with `replace` one is, if an export of ours made it, as a small file in it
says. Names come from foreign data: one that would leave the folder, or stand for two files, stops the export.
"""

import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from slipway.platform.data.errors import BadExport
from slipway.platform.data.exchange.rows_out import ImageRow
from slipway.platform.data.staging import explained, put_in_place
from slipway.platform.data.watching import SILENT, Watcher

MARK: Final = ".slipway-export.json"


class Delivery:
    """Files of an export, in a folder that has no name yet."""

    def __init__(self, folder: Path, watcher: Watcher = SILENT) -> None:
        self._folder = folder
        self._watcher = watcher
        self._names: set[str] = set()
        self.images = 0

    def text(self, name: str, content: str) -> None:
        """A text file, exactly so."""
        self._path(name).write_bytes(content.encode("utf-8"))

    def image(self, name: str, row: ImageRow) -> None:
        """An image's bytes."""
        self.bytes(name, row.data())
        self._watcher.advance(1)

    def bytes(self, name: str, data: "bytes | memoryview") -> None:
        """An image that is no row of a snapshot yet."""
        self._path(name).write_bytes(data)
        self.images += 1

    def _path(self, name: str) -> Path:
        parts = PurePosixPath(name).parts
        if not parts or parts[0] == "/" or ".." in parts or "\0" in name:
            raise BadExport(f"The file name `{name}` would leave the folder of the export.", mend="Mend the row.")
        if name in self._names:
            raise BadExport(f"Two images would be written to `{name}`.", mend="Mend one of the rows.")
        self._names.add(name)
        path = self._folder.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


class Count:
    """Counts what would be written."""

    def __init__(self) -> None:
        self.images = 0

    def text(self, name: str, content: str) -> None:
        """Not counted."""

    def image(self, name: str, row: ImageRow) -> None:  # noqa: ARG002 - a sink's signature
        """Counted."""
        self.images += 1


def check_destination(destination: Path, *, replace: bool) -> None:
    """Whether an export may go there."""
    if destination.exists() and not destination.is_dir():
        raise BadExport(f"{destination} is no folder.", mend="Name a new folder.")
    if not destination.exists() or not any(destination.iterdir()):
        return
    if not (destination / MARK).is_file():
        raise BadExport(f"{destination} holds something else than an export.", mend="Name a new or empty folder.")
    if not replace:
        raise BadExport(f"{destination} holds an earlier export.", mend="Add --force to replace it.")


@contextmanager
def delivered(
    destination: Path, mark: dict[str, str], watcher: Watcher = SILENT, *, replace: bool = False
) -> Iterator[Delivery]:
    """Write inside; the folder takes its name when all went well, else nothing stays."""
    check_destination(destination, replace=replace)
    destination.parent.mkdir(parents=True, exist_ok=True)
    staging = destination.parent / f".{destination.name}.new-{uuid.uuid4().hex}"
    staging.mkdir()
    try:
        with explained(destination):
            yield Delivery(staging, watcher)
            (staging / MARK).write_text(json.dumps(mark, indent=2, sort_keys=True) + "\n")
            put_in_place(staging, destination, durable=False)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
