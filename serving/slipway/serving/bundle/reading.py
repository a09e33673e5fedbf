"""Reading a file that somebody else may have put there: a plain one, no link, no pipe, and never more than was said."""

import os
import stat
from pathlib import Path

from slipway.serving.bundle.errors import BadBundle


def read_plain(path: Path, largest: int) -> bytes:
    """The bytes of a plain file, looked at after it was opened, so that nobody can put another in its place."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        told = "is a link" if path.is_symlink() else f"cannot be read ({error.strerror})"
        raise BadBundle(f"{path} {told}.") from None
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise BadBundle(f"{path} is no plain file.")
        if about.st_size > largest:
            raise BadBundle(f"{path} has {about.st_size:,} bytes, at most {largest:,} are allowed.")
        data = file.read(about.st_size + 1)
    if len(data) != about.st_size:
        raise BadBundle(f"{path} was changed while it was read.")
    return data
