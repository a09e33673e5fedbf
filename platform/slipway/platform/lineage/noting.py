"""Notes of this machine: small files of what never changes, so that it is found out once. They may be thrown away."""

import logging
import os
import tempfile
from pathlib import Path

log = logging.getLogger(__name__)


def noted(path: Path) -> bytes:
    """What is noted there; nothing where nothing is, or it cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def note(path: Path, data: bytes) -> None:
    """Replace the file as a whole; a folder that takes nothing costs time and nothing else."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except OSError as error:
        log.info("Nothing can be noted in %s: %s", path.parent, error)
