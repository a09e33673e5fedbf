"""Who needs which distribution: a walk over requirements, from the members down.

Markers and extras decide as the package client would, for a given machine. What a distribution requires is asked from
a source: this environment, or wheels for another machine.
"""

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from workspace import MEMBERS

Source = Callable[[NormalizedName], Iterable[Requirement]]
Environment = Mapping[str, str]


@dataclass
class Needs:
    """Every distribution that is needed, by whom, and each single requirement."""

    by: dict[NormalizedName, set[str]] = field(default_factory=dict)
    requirements: list[tuple[str, Requirement]] = field(default_factory=list)


def walk(roots: Iterable[tuple[str, Requirement]], source: Source, environment: Environment) -> Needs:
    """Follow all requirements that hold on the machine that `environment` describes."""
    needs = Needs()
    waiting = list(roots)
    seen: set[tuple[NormalizedName, str]] = set()
    while waiting:
        who, requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        needs.by.setdefault(name, set()).add(who)
        needs.requirements.append((who, requirement))
        for extra in ("", *requirement.extras):
            if (name, extra) not in seen:
                seen.add((name, extra))
                waiting += [(name, one) for one in source(name) if brought(one, environment, extra)]
    return needs


def holds(requirement: Requirement, environment: Environment, extra: str = "") -> bool:
    """Whether the marker is true on that machine with that extra."""
    return requirement.marker is None or requirement.marker.evaluate({**environment, "extra": extra})


def brought(requirement: Requirement, environment: Environment, extra: str) -> bool:
    """Whether that extra, or none, is what brings the requirement in."""
    plain = holds(requirement, environment)
    return plain if not extra else not plain and holds(requirement, environment, extra)


def chains(name: NormalizedName, needs: Needs) -> Iterator[str]:
    """One line for each who needs `name`, with the shortest way down to it."""
    for who in sorted(needs.by.get(name, ())):
        way = [who, name]
        while way[0] in needs.by and (above := sorted(needs.by[canonicalize_name(way[0])] - set(way))):
            way.insert(0, above[0])
        yield " -> ".join(way)


def installed(name: NormalizedName) -> Iterable[Requirement]:
    """What a distribution of this environment requires; what is missing here requires nothing."""
    try:
        return [Requirement(line) for line in requires(name) or ()]
    except PackageNotFoundError:
        return []


@dataclass(frozen=True)
class Members:
    """The requirements that the members' pyproject files state, which an installed copy may lag behind."""

    stated: Mapping[NormalizedName, list[Requirement]]
    extras: Mapping[NormalizedName, Mapping[str, list[Requirement]]]
    development: list[Requirement]

    def source(self, beyond: Source) -> Source:
        """Members by their files, everything else by `beyond`."""
        return lambda name: self.stated[name] if name in self.stated else beyond(name)


def read_members(root: Path) -> Members:
    """Read the four files and the workspace's development group."""
    stated: dict[NormalizedName, list[Requirement]] = {}
    extras: dict[NormalizedName, dict[str, list[Requirement]]] = {}
    for member in MEMBERS:
        project = tomllib.loads((root / member / "pyproject.toml").read_text())["project"]
        name = canonicalize_name(project["name"])
        optional = project.get("optional-dependencies", {})
        stated[name] = [Requirement(line) for line in project["dependencies"]]
        stated[name] += [Requirement(f"{line}; extra == '{extra}'") for extra in optional for line in optional[extra]]
        extras[name] = {extra: [Requirement(line) for line in lines] for extra, lines in optional.items()}
    workspace = tomllib.loads((root / "pyproject.toml").read_text())
    development = [Requirement(line) for line in workspace["dependency-groups"]["dev"]]
    return Members(stated, extras, development)
