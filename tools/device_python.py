"""Run the device part's tests under the Python that devices have: `make test-device-python PYTHON310=python3.10`.

The wheel of slipway-serving goes with the pins of JetPack 6 into `.venv-device`, an environment that is kept. The tests
of bundle, channel, runtime and edge are copied beside it; those that need the platform to sign something are left out
and named, and rendered cameras are not tried: they come with training. The rest is written for a newer Python in one
thing, `datetime.UTC`, which is lent to it.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from device_tests import INI, NEEDED, NO_WORLD, NOT_COPIED
from progress import step
from workspace import DEVICE_LOCK, ROOT, uv_environment

WANTED = (3, 10)
ENVIRONMENT = ROOT / ".venv-device"
TESTS = (
    "tests/conftest.py",
    "tests/partners",
    *(f"tests/unit/serving/{one}" for one in ("bundle", "channel", "runtime", "edge")),
)
NOT_THERE = re.compile(
    r"^\s*(?:from|import) (?:slipway\.(?:platform|training|pipelines|serving\.(?:release|fleet))|workspace)\b",
    re.MULTILINE,
)
PARTNER = re.compile(r"^\s*(?:from|import) (\w+)", re.MULTILINE)
LENT = "import datetime\n\ndatetime.UTC = datetime.timezone.utc\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do it all; the exit code is that of pytest."""
    parser = argparse.ArgumentParser(prog="make test-device-python", description=__doc__.splitlines()[0])
    parser.add_argument("python", help="an interpreter of Python 3.10")
    parser.add_argument("rest", nargs="*", help="goes to pytest")
    options = parser.parse_args(arguments)
    if (found := version_of(options.python)) != WANTED:
        parser.error(f"expected Python {told(WANTED)}, {options.python} is {told(found) if found else 'no Python'}")
    with tempfile.TemporaryDirectory(prefix="slipway-device-") as folder:
        suite = Path(folder)
        with step("test-device-python: the environment"):
            prepare(options.python, suite / "wheels")
        with step("test-device-python: the tests"):
            collect(suite)
        command = [
            ENVIRONMENT / "bin/python",
            "-m",
            "pytest",
            "-c",
            "pytest.ini",
            "-k",
            NO_WORLD,
            "tests",
            *options.rest,
        ]
        environment = {"PATH": f"{ENVIRONMENT / 'bin'}:/usr/bin:/bin", "HOME": str(suite)}
        return subprocess.run(command, cwd=suite, env=environment, check=False).returncode


def version_of(python: str) -> tuple[int, int] | None:
    """Major and minor version of an interpreter."""
    code = "import sys; print(*sys.version_info[:2])"
    try:
        result = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
        major, minor = map(int, result.stdout.split())
    except (OSError, ValueError):
        return None
    return major, minor


def told(version: tuple[int, int]) -> str:
    """As people write it."""
    return ".".join(map(str, version))


def prepare(python: str, wheels: Path) -> None:
    """Bring the environment up to date: pins as on devices, and the wheel of this tree."""
    uv = (sys.executable, "-m", "uv")
    build = (sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(wheels))
    run(*build, cwd=ROOT / "serving")
    if version_of(str(ENVIRONMENT / "bin/python")) != WANTED:
        run(*uv, "venv", "--quiet", "--clear", "--python", python, str(ENVIRONMENT))
    (wheel,) = wheels.glob("*.whl")
    install = (*uv, "pip", "install", "--quiet", "--python", str(ENVIRONMENT / "bin/python"))
    run(*install, "--constraint", str(DEVICE_LOCK), f"slipway-serving[camera] @ {wheel.as_uri()}", *NEEDED)
    run(*install, "--reinstall", "--no-deps", str(wheel))


def run(*command: str, cwd: Path = ROOT) -> None:
    """One command that must succeed."""
    environment = uv_environment()
    code = subprocess.run(command, cwd=cwd, env=environment, check=False, stdout=subprocess.DEVNULL).returncode
    if code:
        raise SystemExit(f"test-device-python: {' '.join(command[:6])} … ended with {code}")


def collect(suite: Path) -> None:
    """The tests that a device can run, and how pytest is to run them."""
    for name in TESTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, suite / name, ignore=NOT_COPIED)
        else:
            (suite / name).parent.mkdir(parents=True, exist_ok=True)
            (suite / name).write_text(LENT + (ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    partners = {path.name.removesuffix(".py"): path for path in (suite / "tests/partners").iterdir()}
    elsewhere = {name for name, path in partners.items() if any(NOT_THERE.search(text) for text in texts(path))}
    for path in sorted((suite / "tests/unit").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if NOT_THERE.search(text) or elsewhere & set(PARTNER.findall(text)):
            print(f"  {path.relative_to(suite)} is left out: it needs what no device has")
            path.unlink()
    (suite / "pytest.ini").write_text(INI)


def texts(path: Path) -> list[str]:
    """A partner's modules."""
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return [one.read_text(encoding="utf-8") for one in files]


if __name__ == "__main__":
    sys.exit(main())
