"""Where the settings live: the project's root, its `slipway.toml`, and the files of local state beside it.

These remember which context was chosen, and, while a local stack runs, where its servers are.
"""

import os
import tempfile
from pathlib import Path

FILE_NAME = "slipway.toml"
STACK_FILE_NAME = ".slipway/local/settings.toml"


def project_root(start: Path) -> Path:
    """The nearest folder upwards that has a slipway.toml; without one, the folder itself."""
    for folder in (start, *start.parents):
        if os.path.lexists(folder / FILE_NAME):
            return folder
    return start


def stack_file(root: Path) -> Path:
    """Where a local stack says what commands use while it runs: private, so secrets may stand in it."""
    return root / STACK_FILE_NAME


def chosen_context_file(root: Path) -> Path:
    """Where `slipway context use` keeps its choice: local state, not part of the repository."""
    return root / ".slipway" / "context"


def read_chosen_context(root: Path) -> str | None:
    """The context chosen for this project, if one was."""
    try:
        return chosen_context_file(root).read_text(encoding="utf-8", errors="replace").strip() or None
    except FileNotFoundError:
        return None


def write_chosen_context(root: Path, name: str) -> None:
    """Remember the choice; a reader sees the old name or the new one."""
    target = chosen_context_file(root)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=target.parent, prefix=".context-", delete=False) as file:
        file.write(name + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        Path(file.name).replace(target)
    except OSError:
        Path(file.name).unlink()
        raise
