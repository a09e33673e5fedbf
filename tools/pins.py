"""A lock file as plain pins: reading it, and what makes it plain.

One `name==version` a line, sorted, each name once; no addresses, hashes, markers or local suffixes, and none of the
CUDA companions that torch asks for on one kind of machine only. Such a file means the same to every package client.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

Pins = Mapping[NormalizedName, Version]

PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;#@]+)")
ACCELERATOR = re.compile(r"(nvidia-|cuda-|triton\b|pytorch-triton)")


def read_pins(lock: Path) -> Pins:
    """The pins of a file; lines that are none are left to `blemishes`."""
    matches = (PIN.fullmatch(line) for line in lock.read_text().splitlines())
    return {canonicalize_name(match[1]): Version(match[2]) for match in matches if match and _version(match[2])}


def blemishes(lock: Path) -> list[str]:
    """What keeps the file from being plain, a sentence each with its line."""
    problems = []
    names: list[str] = []
    for number, line in enumerate(lock.read_text().splitlines(), start=1):
        where = f"{lock.name}:{number}"
        match = PIN.fullmatch(line)
        version = _version(match[2]) if match else None
        if match is None or version is None:
            problems.append(f"{where}: `{line}` is no plain `name==version`.")
            continue
        if version.local:
            problems.append(f"{where}: {match[0]} has the local suffix +{version.local}, which is one machine's build.")
        if is_accelerator(match[1]):
            problems.append(f"{where}: {match[1]} belongs to a GPU build; the lock serves every machine.")
        names.append(canonicalize_name(match[1]))
    problems += [f"{lock.name}: {name} stands there twice." for name, times in Counter(names).items() if times > 1]
    if names != sorted(names):
        late = next(name for before, name in pairwise(names) if name < before)
        problems.append(f"{lock.name} is not sorted: {late} comes too late.")
    return problems


def is_accelerator(name: str) -> bool:
    """Whether a distribution is one of torch's companions on a GPU machine."""
    return ACCELERATOR.match(name) is not None


def refusal(requirement: Requirement, pins: Pins) -> str | None:
    """Why the pins do not satisfy a requirement."""
    version = pins.get(canonicalize_name(requirement.name))
    if version is None:
        return "the lock has none"
    if not requirement.specifier.contains(version, prereleases=True):
        return f"the lock has {version}"
    return None


def inexact(requirements: Iterable[Requirement]) -> list[str]:
    """The requirements that are no exact pins."""
    return [str(one) for one in requirements if [spec.operator for spec in one.specifier] != ["=="]]


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
