"""Is every Python module short, and is every folder of the kind that it must be?

No module is longer than 400 lines. An exception is listed here with the length that it may have; the list only shrinks:
a file that outgrows its length fails, and so does an entry that is no longer needed. `slipway` is a namespace package
and tests are folders of files, so an `__init__.py` in either breaks imports far away from where it stands.
"""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from workspace import MEMBERS, ROOT

LIMIT = 400
FOLDERS = (*MEMBERS, "dags", "tools", "tests")
EXCEPTIONS: dict[str, int] = {}


def modules(root: Path) -> list[Path]:
    """Every Python file of ours."""
    return sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.py"))


def too_long(lengths: Mapping[str, int], exceptions: Mapping[str, int]) -> list[str]:
    """What is wrong with the lengths of the files by name, a sentence each."""
    problems = []
    for name, length in lengths.items():
        allowed = max(LIMIT, exceptions.get(name, 0))
        if length > allowed:
            problems.append(f"{name} has {length} lines, {allowed} are allowed. Split it by subject.")
    for name, allowed in exceptions.items():
        if name not in lengths:
            problems.append(f"EXCEPTIONS lists {name}, which does not exist. Remove the entry.")
        elif lengths[name] <= LIMIT:
            problems.append(f"EXCEPTIONS lists {name}, which has only {lengths[name]} lines now. Remove the entry.")
        elif lengths[name] < allowed:
            problems.append(f"EXCEPTIONS allows {name} {allowed} lines and it has {lengths[name]}. Lower the entry.")
    return problems


def misplaced(names: Iterable[str]) -> list[str]:
    """Every `__init__.py` that must not be, with what it would break."""
    problems = []
    for name in names:
        parts = Path(name).parts
        if parts[-1] != "__init__.py":
            continue
        if parts[0] == "tests" and parts[1] != "partners":  # test partners are packages, on pytest's path
            problems.append(f"{name}: tests are folders of files (pytest's importlib mode). Remove it.")
        elif parts[0] in MEMBERS and len(parts) == 2:  # noqa: PLR2004 - <member>/__init__.py
            problems.append(f"{name}: {parts[0]}/ is no package, and would shadow a module of that name. Remove it.")
        elif parts[0] in MEMBERS and parts[1:-1] == ("slipway",):
            problems.append(f"{name}: slipway is a namespace package over four distributions. Remove it.")
    return problems


def check(root: Path, exceptions: Mapping[str, int]) -> list[str]:
    """All problems of the tree."""
    lengths = {path.relative_to(root).as_posix(): len(path.read_text().splitlines()) for path in modules(root)}
    return too_long(lengths, exceptions) + misplaced(lengths)


def main() -> int:
    """Print the problems; 1 if there are any."""
    problems = check(ROOT, EXCEPTIONS)
    for problem in problems:
        print(f"check_modules: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
