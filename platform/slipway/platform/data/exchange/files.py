"""Files of a foreign folder: found in a fixed order, and never outside that folder.

Names in foreign files are not to be trusted: absolute ones, those with `..` and links that lead out are refused, with
the place that they stand at.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from slipway.platform.data.errors import BadImport
from slipway.platform.data.exchange.problems import Problems

IMAGE_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png"})
IGNORED: Final = frozenset({"Thumbs.db", ".DS_Store", "desktop.ini", ".slipway-export.json"})


def source_folder(source: Path) -> Path:
    """The folder to import, absolute and without links."""
    if not source.exists():
        raise BadImport(f"{source} does not exist.", mend="Name the folder that holds the data.")
    if not source.is_dir():
        raise BadImport(f"{source} is no folder.", mend="Name the folder that holds the data.")
    return source.resolve()


def walk(folder: Path) -> Iterator[Path]:
    """Every file below a folder, sorted; links to folders are not followed."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name not in IGNORED:
                yield Path(place, name)


def is_image(path: Path) -> bool:
    """By its name; what is in it is looked at later."""
    return path.suffix.lower() in IMAGE_SUFFIXES


def reach(root: Path, name: str, place: str, problems: Problems) -> Path | None:
    """The file that a foreign name means inside `root`, or None after noting why there is none."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith(("/", "\\")) or re.match("[A-Za-z]:", name) or ".." in re.split(r"[/\\]", name):
        problems.add(f"{place}: the name `{name}` leads out of {root}.")
        return None
    if "\0" in name:
        problems.add(f"{place}: the name `{name!r}` holds a zero byte.")
        return None
    return root.joinpath(*parts)


def missing(path: Path, place: str, problems: Problems) -> bool:
    """Note a file that is not there."""
    if path.is_file():
        return False
    problems.add(f"{place}: {path} is missing.")
    return True


def read_text(path: Path) -> str:
    """A UTF-8 file with its line ends as they are, or an error that names the byte that is none."""
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BadImport(
            f"{path}, line {line}: byte {error.object[error.start]:#04x} is not UTF-8.",
            mend="Convert the file to UTF-8, for instance with iconv.",
        ) from None
