"""The device part's wheels for JetPack 6, fetched with the package client that a device has.

`pip download` shows that every pin has a wheel for Python 3.10, aarch64 and glibc 2.35, and that the lock leaves
nothing out. It judges markers by the Python that runs it, though, so what each wheel requires is read from the wheel
and judged for the device.
"""

import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from packaging.metadata import parse_email
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, parse_wheel_filename
from packaging.version import Version

PYTHON = "3.10"
TAGS = ("manylinux2014_aarch64", *(f"manylinux_2_{minor}_aarch64" for minor in range(17, 36)), "linux_aarch64")
JETPACK_6 = {
    "implementation_name": "cpython",
    "implementation_version": "3.10.12",
    "os_name": "posix",
    "platform_machine": "aarch64",
    "platform_python_implementation": "CPython",
    "platform_release": "5.15.148-tegra",
    "platform_system": "Linux",
    "platform_version": "",
    "python_full_version": "3.10.12",
    "python_version": PYTHON,
    "sys_platform": "linux",
}
NO_NETWORK = re.compile(
    r"connection broken by|Max retries exceeded|Failed to establish a new connection|Name or service not known"
    r"|Temporary failure in name resolution|Network is unreachable|Connection refused|timed out|ProxyError"
)
LIMIT_SECONDS = 300


class NoNetwork(Exception):
    """No package index answered; nothing can be said about the lock."""


class Unresolvable(Exception):
    """The index answered, and there is no such set of wheels."""


@dataclass(frozen=True)
class Wheel:
    """One downloaded distribution."""

    name: NormalizedName
    version: Version
    requires: tuple[Requirement, ...]
    python: SpecifierSet


def download(lock: Path, folder: Path) -> list[Wheel]:
    """Fetch the pins and all that they need into `folder`; pip's cache makes the next time quick."""
    platforms = [argument for tag in TAGS for argument in ("--platform", tag)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--retries", "1", "--timeout", "15", "--only-binary=:all:", "--implementation", "cp"]
    command += ["--python-version", PYTHON, *platforms, "--dest", str(folder), "--requirement", str(lock)]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise NoNetwork(f"pip gave no answer within {LIMIT_SECONDS} s") from None
    if result.returncode:
        raise failure(result.stderr)
    return sorted((read_wheel(path) for path in folder.iterdir()), key=lambda wheel: wheel.name)


def failure(said: str) -> Exception:
    """Tell a lock that cannot be from a network that is not there, by what pip said."""
    lines = [line for line in said.splitlines() if line.strip()]
    if (unreachable := next((line for line in lines if NO_NETWORK.search(line)), None)) is not None:
        return NoNetwork(unreachable.strip()[:200])
    return Unresolvable("\n".join(line for line in lines if line.startswith("ERROR")) or said)


def read_wheel(path: Path) -> Wheel:
    """Name and version from the file's name, the rest from its metadata."""
    name, version, _, _ = parse_wheel_filename(path.name)
    with zipfile.ZipFile(path) as archive:
        entry = next(one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
        metadata, _ = parse_email(archive.read(entry))
    requires = tuple(Requirement(line) for line in metadata.get("requires_dist", ()))
    return Wheel(name, version, requires, SpecifierSet(metadata.get("requires_python", "")))
