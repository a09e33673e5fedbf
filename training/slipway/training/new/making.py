"""From a template to a model's folder that trains at once.

A template is a folder of files ending in `.tmpl`, with `$name` and the like where something is filled in. The folder
gets its final name when all of it is on disk and its declaration and expectations have been read; a kill before leaves
a hidden folder that nobody finds, and the next try makes another.
"""

import json
import keyword
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from tempfile import mkdtemp
from typing import Final

from slipway.platform.errors import WrongUse
from slipway.platform.models.finder import DECLARATION, EXPECTATIONS, Model, installed_models, model_packages
from slipway.platform.models.names import checked_model_name, folder_name
from slipway.platform.models.reading import read_declaration
from slipway.platform.names import suggestion

TEMPLATES: Final = Path(__file__).with_name("templates")
SUFFIX: Final = ".tmpl"
OURS: Final = "slipway"
CELL: Final = 8
"""Pixels of an image, each way, that are one place of a detector's answer."""


@dataclass(frozen=True)
class Wish:
    """What a person wants."""

    name: str
    kind: str
    owner: str
    team: str
    purpose: str
    classes: Sequence[str]
    size: tuple[int, int]
    """Height and width of a detector's input."""


@dataclass(frozen=True)
class Place:
    """A package that holds models."""

    package: str
    folder: Path


def kinds() -> list[str]:
    """What there are templates for."""
    return sorted(path.name for path in TEMPLATES.iterdir() if path.is_dir())


def checked_kind(kind: str) -> str:
    """The kind, where there is a template for it."""
    if kind not in kinds():
        raise WrongUse(f"There is no template `{kind}`.", mend=suggestion(kind, kinds()))
    return kind


def checked_name(name: str) -> str:
    """The name, where a model may be called so and none is yet."""
    checked_model_name(name)
    if keyword.iskeyword(folder_name(name)):
        raise WrongUse(f"`{name}` is a word of Python's and cannot name a package.", mend=f"`{name}-model` would do.")
    known = installed_models()
    if name in known:
        raise WrongUse(f"There is a model `{name}` already, in {known[name].folder}.", mend="Take another name.")
    return name


def place_for(folder: Path | None, root: Path) -> Place:
    """Where the new folder goes: the package that is named, else the one that lies in this project."""
    places = [Place(package, path) for package, path in model_packages().items()]
    listed = ", ".join(str(one.folder) for one in places) or "none"
    if folder is not None:
        found = next((one for one in places if _same(one.folder, folder)), None)
        if found is None:
            raise WrongUse(
                f"{folder} is no package of models; there are: {listed}.",
                mend='A distribution names its own in [project.entry-points."slipway.models"] of its pyproject.toml.',
            )
        return found
    here = [one for one in places if one.folder.resolve().is_relative_to(root.resolve())]
    if len(here) != 1:
        what = "No package of models lies" if not here else f"{len(here)} packages of models lie"
        raise WrongUse(f"{what} in {root}.", mend=f"Name one with --in: {listed}.")
    return here[0]


def files_of(wish: Wish, place: Place) -> dict[str, str]:
    """The files of the new folder with their texts."""
    values = _values(wish, place)
    template = TEMPLATES / wish.kind
    found = {}
    for path in sorted(template.rglob(f"*{SUFFIX}")):
        name = path.relative_to(template).as_posix().removesuffix(SUFFIX)
        text = Template(path.read_text(encoding="utf-8")).substitute(values)
        found[name] = _sorted_imports(text) if place.package.split(".")[0] == OURS else text
    return found


def make(wish: Wish, place: Place) -> Model:
    """Make the folder."""
    from slipway.platform.data.validation.suite import read_suite

    folder = place.folder / folder_name(wish.name)
    if folder.exists():
        raise WrongUse(f"{folder} exists already.", mend="Take another name, or move it away.")
    beside = Path(mkdtemp(prefix=f".{folder.name}-", dir=place.folder))
    try:
        for name, text in files_of(wish, place).items():
            path = beside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        read_declaration(beside / DECLARATION)
        read_suite(beside / EXPECTATIONS)
        beside.chmod(0o755)
        beside.rename(folder)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return Model(wish.name, folder, f"{place.package}.{folder.name}")


def _values(wish: Wish, place: Place) -> Mapping[str, str]:
    height, width = wish.size
    quoted = [json.dumps(name, ensure_ascii=False) for name in wish.classes]
    return {
        "name": wish.name,
        "class": "".join(part.capitalize() for part in wish.name.split("-")),
        "package": f"{place.package}.{folder_name(wish.name)}",
        "owner": wish.owner,
        "team": wish.team,
        "purpose": wish.purpose.replace("\\", " ").replace('"', "'"),
        "said": json.dumps(wish.purpose, ensure_ascii=False),
        "classes": ", ".join(quoted),
        "listed": "\n".join(f"    - {one}" for one in quoted),
        "count": str(len(wish.classes)),
        "height": str(height),
        "width": str(width),
        "rows": str(height // CELL),
        "columns": str(width // CELL),
    }


def _sorted_imports(text: str) -> str:
    """A model in our own package imports its modules in one block with ours, in order."""
    lines = text.split("\n")
    ours = [number for number, line in enumerate(lines) if line.startswith(f"from {OURS}.")]
    if not ours:
        return text
    first, last = ours[0], ours[-1]
    block = sorted((lines[number] for number in ours), key=lambda line: line.split(" ")[1])
    return "\n".join([*lines[:first], *block, *lines[last + 1 :]])


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()
