"""Does the installed environment equal the lock?"""

from importlib.metadata import distributions
from pathlib import Path

from packaging.utils import canonicalize_name


def pins(lock: Path) -> dict[str, str]:
    """The lock's versions by canonical name."""
    lines = (line.partition("==") for line in lock.read_text(encoding="utf-8").splitlines() if "==" in line)
    return {canonicalize_name(name): version for name, _, version in lines}


def installed() -> dict[str, str]:
    """The installed versions by canonical name; a local suffix (`+cpu`) says which build it is, not which version."""
    return {
        canonicalize_name(distribution.name): distribution.version.partition("+")[0] for distribution in distributions()
    }


def drift(lock: Path) -> list[str]:
    """What is missing or of another version, a line each; additional packages are no drift."""
    present = installed()
    return [
        f"{name} is {present.get(name, 'missing')}, the lock says {version}"
        for name, version in sorted(pins(lock).items())
        if present.get(name) != version
    ]
