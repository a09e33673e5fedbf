"""A channel's files in a folder, such as a USB stick or a mounted share.

Whoever prepared the folder is not trusted: links are not followed, nothing outside is read, and only plain files are.
"""

import os
import stat
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Final

from slipway.serving.channel.errors import ChannelError, Untrusted
from slipway.serving.channel.transport import NotThere, TransferFailed

PIECE: Final = 1024 * 1024


class FolderTransport:
    """Reads below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def place(self) -> str:
        return str(self._folder)

    def open(self, path: str, start: int = 0) -> Iterator[bytes]:
        try:
            file = os.fdopen(self._opened(path), "rb", buffering=0)
        except OSError as error:
            raise self._told(error, path) from error
        return self._pieces(file, path, start)

    def _told(self, error: OSError, path: str) -> ChannelError:
        if not self._folder.is_dir():
            return TransferFailed(f"There is no folder {self._folder}.", mend="Is the stick in and mounted?")
        if self._has_link(path):
            return Untrusted(f"{self._folder / path} is a link, or lies behind one; links are refused.")
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return NotThere(f"{self._folder} has no {path}.")
        return TransferFailed(f"{self._folder / path} cannot be read: {error.strerror}.")

    def _opened(self, path: str) -> int:
        """The file, reached from the folder step by step."""
        *folders, name = path.split("/")
        if any(part in {"", ".", ".."} for part in (*folders, name)):
            raise Untrusted(f"`{path}` does not lie in {self._folder}.")
        at = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for folder in folders:
                inner = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
                os.close(at)
                at = inner
            # not blocking: somebody may have put a pipe here
            return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
        finally:
            os.close(at)

    def _has_link(self, path: str) -> bool:
        parts = path.split("/")
        return any(self._folder.joinpath(*parts[:end]).is_symlink() for end in range(1, len(parts) + 1))

    def _pieces(self, file: FileIO, path: str, start: int) -> Iterator[bytes]:
        with file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Untrusted(f"{self._folder / path} is no plain file.")
            try:
                file.seek(start)
                while piece := file.read(PIECE):
                    yield piece
            except OSError as error:
                raise TransferFailed(f"{self._folder / path} cannot be read: {error.strerror}.") from error
