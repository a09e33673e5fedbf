"""The files of a model's folder: what git tracks or would track; without git, everything but caches.

A folder that lies in a repository which ignores it, as an installed package does in `.venv`, counts as without git.
Hidden files and bytecode never count, so that a clone and a copy of it have the same files.
"""

import os
import subprocess
from pathlib import Path
from typing import Final

from slipway.platform.errors import WrongUse

_CACHE: Final = "__pycache__"


def files_in(folder: Path) -> list[str]:
    """Their paths from the folder, sorted."""
    if not folder.is_dir():
        raise WrongUse(f"{folder} is no folder.", mend="Name a model's folder.")
    listed = _known_to_git(folder)
    names = _all(folder) if listed is None else listed
    counted = sorted({name for name in names if _counts(name)})
    for name in counted:
        if not name.isprintable():
            raise WrongUse(
                f"{folder} has a file whose name cannot be written as text: {name!r}.",
                mend="Give it a name of letters, digits and signs, in UTF-8.",
            )
        if not (folder / name).is_file():
            raise WrongUse(
                f"{folder / name} is a link to nothing or to a folder, or no ordinary file.",
                mend="Put the files themselves there, or remove it.",
            )
    return counted


def _counts(name: str) -> bool:
    parts = name.split("/")
    return _CACHE not in parts and not name.endswith(".pyc") and not any(part.startswith(".") for part in parts)


def _known_to_git(folder: Path) -> list[str] | None:
    if run_git(folder.parent, "check-ignore", "--quiet", "--", folder.name) is not None:
        return None
    listed = run_git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
    if listed is None:
        return None
    names = []
    for name in filter(None, listed.split("\0")):
        if name.endswith("/") or ((folder / name).is_dir() and not (folder / name).is_symlink()):
            names += [f"{name.rstrip('/')}/{inner}" for inner in _all(folder / name)]  # a repository inside
        elif os.path.lexists(folder / name):  # not one that is deleted and still in the index
            names.append(name)
    return names


def _all(folder: Path) -> list[str]:
    found = []
    for place, folders, names in os.walk(folder):
        here = Path(place)
        linked = [name for name in folders if (here / name).is_symlink()]
        folders[:] = [name for name in folders if name not in linked and name != _CACHE and not name.startswith(".")]
        found += [(here / name).relative_to(folder).as_posix() for name in (*names, *linked)]
    return found


def run_git(folder: Path, *arguments: str) -> str | None:
    """What git says, or None where it refuses or there is none."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env={**environ, "GIT_OPTIONAL_LOCKS": "0"},
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
        )
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None
