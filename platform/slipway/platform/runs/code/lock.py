"""Which versions of others' packages decide a training: the lock's lines that lie in a distribution's closure.

The versions come from `requirements.lock` at the project's root; what it does not list, and everything where there is
none, from the installed distributions. Our own distributions have no line: their code is named by its content.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

NAME: Final = "requirements.lock"
TRAINING: Final = "slipway-training"
_OURS: Final = "slipway-"
_LINE: Final = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*==\s*(?P<version>[^\s;\\]+)")


def lock_part(root: Path, distributions: Sequence[str] = (TRAINING,)) -> tuple[str, ...]:
    """`name==version` of everything that the distributions need, sorted."""
    locked = _locked(root / NAME)
    found = {}
    for name, installed in closure_of(tuple(distributions)).items():
        version = locked.get(name, installed)
        if version and not name.startswith(_OURS):
            found[name] = f"{name}=={version}"
    return tuple(sorted(found.values()))


def departures(lines: Sequence[str]) -> tuple[str, ...]:
    """What is installed here in another version than a lock part says, a line each; local suffixes do not count."""
    told = []
    for line in lines:
        name, _, wanted = line.partition("==")
        installed = _version(name)
        if installed.partition("+")[0] != wanted.partition("+")[0]:
            told.append(f"{name}: {wanted} in the lock, {installed or 'not installed'} here")
    return tuple(told)


@lru_cache
def closure_of(distributions: tuple[str, ...]) -> dict[str, str]:
    """All that the distributions need here, themselves included, with the installed version or nothing."""
    versions: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(canonicalize_name(name), frozenset[str]()) for name in distributions]
    environment = {name: str(value) for name, value in default_environment().items()}
    while waiting:
        name, extras = wanted = waiting.pop()
        if wanted in seen:
            continue
        seen.add(wanted)
        found = _installed(str(name))
        versions[str(name)] = found.version if found else ""
        for text in (found.requires or ()) if found else ():
            if not extras and _only_with_extra(text):
                continue
            need = Requirement(text)
            marker = need.marker
            holds = marker is None or any(
                marker.evaluate({**environment, "extra": extra}) for extra in (extras or {""})
            )
            if holds:
                waiting.append((canonicalize_name(need.name), frozenset(need.extras)))
    return versions


def _only_with_extra(text: str) -> bool:
    """Whether a requirement certainly belongs to an extra; most do, and reading them takes most of the time."""
    marker = text.partition(";")[2]
    return "extra ==" in marker and " or " not in marker


def _locked(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    matches = filter(None, map(_LINE.match, lines))
    return {str(canonicalize_name(match["name"])): match["version"] for match in matches}


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _version(name: str) -> str:
    found = _installed(name)
    return found.version if found else ""
