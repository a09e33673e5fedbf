"""What readers of tools' files share: finding the one file that is meant, and all that can be wrong with a box.

A file is a document of a tool, alone, in a folder, or in the ZIP that the tool hands out. Names and numbers in it are
foreign: everything that is wrong is told with its place, and nothing is changed then.
"""

import json
import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from slipway.platform.data.errors import BadImport
from slipway.platform.data.exchange.files import read_text
from slipway.platform.data.exchange.problems import Problems
from slipway.platform.data.labels.marks import Mark
from slipway.platform.data.labels.sheets import Names

LARGEST: Final = 512 * 1024 * 1024


def document(path: Path, suffix: str) -> tuple[str, str]:
    """The text of the document, and what to call it in messages."""
    if not path.exists():
        raise BadImport(f"{path} does not exist.", mend="Name the file that the tool wrote.")
    if path.is_dir():
        return document(_only([one for one in _inside(path) if one.suffix == suffix], path, suffix), suffix)
    if path.stat().st_size > LARGEST:
        raise BadImport(f"{path} is larger than {LARGEST:,} bytes.", mend="Export it in parts.")
    if path.suffix.lower() == ".zip":
        return _zipped(path, suffix)
    return read_text(path), str(path)


def parsed_json(text: str, place: str) -> Any:  # noqa: ANN401 - whatever JSON can say
    """The document, or where it ends."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise BadImport(f"{place} is nested too deeply.", mend="Get the whole file again.") from None
    except json.JSONDecodeError as error:
        raise BadImport(
            f"{place}, line {error.lineno}: no JSON: {error.msg}.", mend="Get the whole file again."
        ) from None


class Checking:
    """Looks at what a file says of images that are known."""

    def __init__(self, names: Names, problems: Problems) -> None:
        self.names, self.problems = names, problems

    def image(self, name: object, size: Sequence[object] | None, place: str) -> str | None:
        """The sample that is meant, after noting why there is none."""
        sample = self.names.find(name) if isinstance(name, str) else None
        if sample is None:
            self.problems.add(f"{place}: `{name}` is no image of the snapshot, nor a device's picture that waits.")
            return None
        known = self.names.sizes[sample]
        if size is not None and tuple(size) != known:
            told = " x ".join(map(str, size))
            self.problems.add(f"{place}: {told} is said of `{name}`, which has {known[0]} x {known[1]}.")
            return None
        return sample

    def mark(self, category: object, box: Sequence[object], sample: str, place: str) -> Mark | None:
        """A box that is one, and in its image."""
        numbers = [float(one) for one in box if isinstance(one, int | float) and not isinstance(one, bool)]
        if len(numbers) != 4 or not all(map(math.isfinite, numbers)):  # noqa: PLR2004 - x y w h
            self.problems.add(f"{place}: its box {list(box)!r} is not four numbers.")
            return None
        if not isinstance(category, str) or not category:
            self.problems.add(f"{place}: its label {category!r} is no name.")
            return None
        found = Mark(category=category, x=numbers[0], y=numbers[1], w=numbers[2], h=numbers[3])
        if min(found.w, found.h) <= 0 or not found.seen(*self.names.sizes[sample]):
            self.problems.add(
                f"{place}: its box {[round(one, 2) for one in numbers]} is empty or outside of the image."
            )
            return None
        return found


def text_or_none(value: object) -> str | None:
    """A value that people left empty is none."""
    return value.strip() or None if isinstance(value, str) else None


def _no_number(word: str) -> float:
    raise BadImport(f"The file holds {word}.", mend="JSON has no such number.")


def _inside(folder: Path) -> list[Path]:
    found = sorted(one for one in folder.iterdir() if one.is_file() and not one.name.startswith("."))
    return found or []


def _only(found: list[Path], folder: Path, suffix: str) -> Path:
    usual = [one for one in found if one.stem in ("annotations", "tasks")]
    if len(usual or found) != 1:
        told = ", ".join(one.name for one in found) or "none"
        raise BadImport(f"{folder} should hold one {suffix} file with labels; found {told}.", mend="Name the file.")
    return (usual or found)[0]


def _zipped(path: Path, suffix: str) -> tuple[str, str]:
    """The one document in a ZIP; nothing is unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [one for one in archive.infolist() if one.filename.endswith(suffix)]
            if len(names) != 1 or names[0].file_size > LARGEST:
                told = ", ".join(one.filename for one in names[:5]) or "none"
                raise BadImport(
                    f"{path} should hold one {suffix} file with labels; found {told}.", mend="Unpack it and name one."
                )
            data = archive.read(names[0])
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise BadImport(f"{path} is no whole ZIP: {error}.", mend="Get the whole file again.") from None
    place = f"{path}/{names[0].filename}"
    try:
        return data.decode("utf-8"), place
    except UnicodeDecodeError:
        raise BadImport(f"{place} is not UTF-8.", mend="Export it again.") from None
