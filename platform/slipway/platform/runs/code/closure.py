"""The code that decides a training: which files the child may load, named by their content.

The files are the static import closure of the entry modules, plus each model's whole folder, plus what the folder's
modules import. A path in the list is the import path (`slipway/training/fitting/main.py`), so that a clone, an
editable install and an installed wheel give the same list. Followed are the packages that the roots know; everything
else (torch, numpy) is named by the lock.

A data file outside a model's folder belongs to the code when a module beside it names it in a string: `shapes.yaml`
for `Path(__file__).with_name("shapes.yaml")`. Names put together at run time are not seen, nor are compiled modules.
"""

import hashlib
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from slipway.platform.errors import WrongUse
from slipway.platform.runs.code.folders import files_in
from slipway.platform.runs.code.imports import Mentions, mentions
from slipway.platform.runs.parts import CodeFile, digest_of_code

_INIT = "__init__.py"


@dataclass(frozen=True)
class Module:
    """Where a module is: its file, none for a namespace package; and the folders that its submodules may be in."""

    file: Path | None
    path: str
    """Below the archive's root."""
    portions: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Roots:
    """The top-level packages that are followed, each with the folders that it is spread over."""

    packages: Mapping[str, tuple[Path, ...]]
    beside: Path | None = None
    """A script's folder: modules and packages in it are followed, too."""

    @classmethod
    def installed(cls, *names: str) -> Self:
        """The packages as this interpreter would find them, without importing any of them."""
        packages = {}
        for name in names:
            spec = find_spec(name)
            if spec is None or spec.submodule_search_locations is None:
                raise WrongUse(f"There is no package `{name}`.", mend="Install what brings it into this environment.")
            packages[name] = tuple(Path(place) for place in spec.submodule_search_locations)
        return cls(packages)

    def find(self, name: str) -> Module | None:
        """The module of that name, if it is in one of the packages."""
        top, *rest = name.split(".")
        found = self._top(top)
        path = top
        for part in rest:
            path = f"{path}/{part}"
            found = _below(found.portions, part, path) if found else None
        return found

    def _top(self, name: str) -> Module | None:
        if name in self.packages:
            return _package(name, self.packages[name])
        return _below((self.beside,), name, name) if self.beside else None

    def path_of(self, folder: Path) -> str:
        """A folder's path below the archive's root."""
        wanted = folder.resolve()
        for name, portions in self.packages.items():
            for portion in portions:
                if wanted.is_relative_to(portion.resolve()):
                    return "/".join([name, *wanted.relative_to(portion.resolve()).parts])
        raise WrongUse(
            f"{folder} lies in none of the packages {', '.join(self.packages)}.",
            mend="A model's folder stands in the package that its entry point in `slipway.models` names.",
        )


def _package(path: str, portions: Iterable[Path]) -> Module:
    for portion in portions:
        if (portion / _INIT).is_file():
            return Module(portion / _INIT, f"{path}/{_INIT}", (portion,))
    return Module(None, path, tuple(portions))


def _below(portions: Iterable[Path], name: str, path: str) -> Module | None:
    """As the import system looks: a regular package or a module in the first portion that has one, else a namespace."""
    spread = []
    for portion in portions:
        if (portion / name / _INIT).is_file():
            return Module(portion / name / _INIT, f"{path}/{_INIT}", (portion / name,))
        if (portion / f"{name}.py").is_file():
            return Module(portion / f"{name}.py", f"{path}.py")
        if (portion / name).is_dir():
            spread.append(portion / name)
    return Module(None, path, tuple(spread)) if spread else None


@dataclass(frozen=True)
class Code:
    """The files, sorted by path, and where each was read."""

    files: tuple[CodeFile, ...]
    sources: Mapping[str, Path]

    @cached_property
    def digest(self) -> str:
        """The name of exactly these files."""
        return digest_of_code(self.files)


def closure(entries: Sequence[str], folders: Sequence[Path], roots: Roots) -> Code:
    """The files that `entries` and the models in `folders` may load."""
    gathering = _Gathering(roots)
    for name in entries:
        if roots.find(name) is None:
            raise WrongUse(f"There is no module `{name}` to start from.", mend="Check the name and the installation.")
        gathering.follow(name)
    for folder in folders:
        gathering.take(folder)
    return gathering.done()


def script_closure(script: Path, roots: Roots) -> Code:
    """A script at the archive's top, and the files that it may load."""
    gathering = _Gathering(roots)
    gathering.take_script(script)
    return gathering.done()


class _Gathering:
    """Follows imports until nothing new comes."""

    def __init__(self, roots: Roots) -> None:
        self._roots = roots
        self._seen: set[str] = set()
        self._waiting: list[str] = []
        self._files: dict[str, CodeFile] = {}
        self._sources: dict[str, Path] = {}

    def follow(self, name: str) -> None:
        """Take the module, its parents, and what they import."""
        self._waiting.append(name)
        self._drain()

    def take_script(self, script: Path) -> None:
        """Take a file that is run by its path, and what it imports."""
        self._add(script.name, script)
        self._drain()

    def _drain(self) -> None:
        while self._waiting:
            parts = self._waiting.pop().split(".")
            for count in range(1, len(parts) + 1):
                self._visit(".".join(parts[:count]))

    def take(self, folder: Path) -> None:
        """Take a whole folder, its parents, and what its modules import."""
        path = self._roots.path_of(folder)
        for inner in files_in(folder):
            self._add(f"{path}/{inner}", folder / inner)
        self.follow(path.replace("/", "."))

    def done(self) -> Code:
        """What was gathered."""
        return Code(tuple(self._files[path] for path in sorted(self._files)), self._sources)

    def _visit(self, name: str) -> None:
        if name in self._seen:
            return
        self._seen.add(name)
        module = self._roots.find(name)
        if module and module.file:
            self._add(module.path, module.file)

    def _add(self, path: str, file: Path) -> None:
        if path in self._files:
            return
        data = _read(file)
        executable = bool(file.stat().st_mode & stat.S_IXUSR)
        self._files[path] = CodeFile(path=path, executable=executable, sha256=hashlib.sha256(data).hexdigest())
        self._sources[path] = file
        if not path.endswith(".py"):
            return
        found = _mentions(data, path, file)
        for one in found.imports:
            names = self._exported(one.module) if one.names == ("*",) else one.names
            self._waiting += [one.module, *(f"{one.module}.{name}" for name in names)]
        parent = path[: path.rfind("/") + 1]
        for name in found.files:
            beside = file.parent / name
            if not name.endswith(".py") and beside.is_file():
                self._add(f"{parent}{name}", beside)

    def _exported(self, name: str) -> tuple[str, ...]:
        module = self._roots.find(name)
        if module is None or module.file is None:
            return ()
        return _mentions(_read(module.file), module.path, module.file).exported


def _mentions(data: bytes, path: str, file: Path) -> Mentions:
    package = path.rpartition("/")[0].replace("/", ".")
    try:
        return mentions(data, package)
    except SyntaxError as error:
        raise WrongUse(
            f"{file}:{error.lineno or 1}: this is no Python that could be run: {error.msg}.", mend="Mend that line."
        ) from None
    except ValueError as error:
        raise WrongUse(f"{file} is no Python source: {error}.", mend="Restore the file.") from None
    except (RecursionError, MemoryError):  # so Python's parser says it
        raise WrongUse(f"{file} is nested too deeply to be read.", mend="Take it apart.") from None


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise WrongUse(
            f"{file} cannot be read ({error.strerror}), and it is part of the code.", mend="Restore or remove it."
        ) from None
