"""The folder in which a device keeps what it trusts of one channel.

A write that has returned survives a power cut; one that has not leaves the old content or the new one. At most one
unfinished file is left beside each, and the next write of that file replaces it. Unchanged content is not written
again. Folders are 0700, files 0600.
"""

from pathlib import Path
from typing import Final

from slipway.serving.bundle.durable import sync_folder, write_whole

FOLDER_MODE: Final = 0o700
UNFINISHED: Final = ".unfinished"


class TrustFolder:
    """Files that outlive a power cut, below one folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def prepare(self, folder: str = "") -> None:
        """Make the folder, or one inside it."""
        wanted = self.path / folder
        for one in (*reversed(wanted.parents), wanted):
            if not one.is_dir():
                one.mkdir(FOLDER_MODE, exist_ok=True)
                sync_folder(one.parent)

    def read(self, name: str) -> bytes | None:
        """The whole content; None where there is no such file."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Replace a file as a whole."""
        path = self.path / name
        try:
            if path.read_bytes() == data:
                return
        except OSError:
            pass  # missing, or damaged so far that it cannot be read
        write_whole(path, data, part=path.with_name(path.name + UNFINISHED))
