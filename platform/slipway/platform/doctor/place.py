"""Whether something that is not there yet could be made."""

import os
from pathlib import Path


def can_be_made(path: Path) -> bool:
    """Whether the nearest folder above that exists can be written to."""
    above = next(folder for folder in path.parents if folder.exists())
    return above.is_dir() and os.access(above, os.W_OK | os.X_OK)
