"""Run the runtime's tests on a real device: `make test-device HOST=user@device`.

    python tools/device_tests.py user@device [--python python3.10] [--tensorrt-python /usr/bin/python3.10] [--dry-run]

What is copied is the wheel of slipway-serving and the tests of its runtime; what runs there is an environment of its
own below the user's cache, made by the device's Python and kept for the next time. The tests of TensorRT run what the
device's own `tensorrt` builds. The report comes back to `.slipway/device-tests/`. Needed here are `ssh` and `scp` and
a key that they take; needed there are Python with `venv`, and a package index.
"""

import argparse
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from progress import step
from workspace import DEVICE_LOCK, ROOT

THERE = ".cache/slipway-device-tests"
"""The folder on the device, below the user's home."""
REPORTS = ROOT / ".slipway" / "device-tests"
HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:-]*")
TESTS = ("tests/conftest.py", "tests/partners", "tests/unit/serving/runtime", "tests/device")
RUN = ("tests/unit/serving/runtime", "tests/device")
NEEDED = ("pytest>=9.2", "pytest-timeout", "pytest-xdist[psutil]", "hypothesis", "onnx")
INI = """[pytest]
addopts = -ra --import-mode=importlib -m "not soak"
pythonpath = tests/partners
timeout = 300
markers =
    soak: long random tests
"""
NOT_THERE = re.compile(r"^\s*(from|import) slipway\.(platform|training|pipelines)\b", re.MULTILINE)
NO_WORLD = "not (world or rendered)"
"""Rendered cameras come with slipway-training, which no device has."""
NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.pyc")


@dataclass(frozen=True)
class Device:
    """Where the tests run."""

    host: str
    python: str
    tensorrt_python: str
    dry_run: bool = False

    def run(self, *command: str) -> int:
        """One command there, in the folder; what it says is shown."""
        line = f"cd {shlex.quote(THERE)} && {shlex.join(command)}"
        return self._here("ssh", self.host, line)

    def send(self, folder: Path) -> int:
        """Put what is in a folder into the folder there, in place of what was sent before."""
        prepare = f"mkdir -p {shlex.quote(THERE)} && cd {shlex.quote(THERE)} && rm -rf suite"
        return self._here("ssh", self.host, prepare) or self._here(
            "scp", "-q", "-r", str(folder), f"{self.host}:{THERE}/suite"
        )

    def fetch(self, name: str, to: Path) -> int:
        """Bring a file of the suite back."""
        return self._here("scp", "-q", f"{self.host}:{THERE}/suite/{name}", str(to))

    def _here(self, *command: str) -> int:
        print(f"  {shlex.join(command)}", flush=True)
        return 0 if self.dry_run else subprocess.run(command, check=False).returncode


def main(arguments: Sequence[str] | None = None) -> int:
    """Do it all; the exit code is that of pytest, 1 where it did not come to that, 2 where it was asked wrongly."""
    device = asked(arguments)
    with tempfile.TemporaryDirectory(prefix="slipway-device-") as folder:
        suite = Path(folder) / "suite"
        steps: tuple[tuple[str, Callable[[], int]], ...] = (
            ("collect the wheel and the tests", lambda: collect(suite)),
            (f"copy them to {device.host}", lambda: device.send(suite)),
            ("make the environment there", lambda: prepare(device)),
        )
        for title, what in steps:
            with step(f"test-device: {title}"):
                code = what()
            if code:
                print(f"test-device: that ended with {code}; nothing was tested.", file=sys.stderr)
                return 1
    with step(f"test-device: pytest on {device.host}"):
        code = test(device)
    report = REPORTS / re.sub(r"[^A-Za-z0-9.-]", "_", device.host) / "report.xml"
    if not device.dry_run:
        report.parent.mkdir(parents=True, exist_ok=True)
    if device.fetch("report.xml", report):
        print("test-device: no report came back.", file=sys.stderr)
        return code or 1
    print(f"test-device: {'passed' if not code else f'pytest ended with {code}'}; the report is {report}")
    return code


def asked(arguments: Sequence[str] | None) -> Device:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="make test-device", description="the runtime's tests on a real device")
    parser.add_argument("host", nargs="?", default="", help="user@device, as ssh takes it")
    parser.add_argument("--python", default="python3", help="the device's Python (3.10 or newer)")
    parser.add_argument("--tensorrt-python", default="/usr/bin/python3", help="the interpreter that owns `tensorrt`")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    found = parser.parse_args(arguments)
    if not HOST.fullmatch(found.host):
        parser.error(f"expected HOST=user@device, found {found.host!r}")
    return Device(found.host, found.python, found.tensorrt_python, found.dry_run)


def collect(suite: Path) -> int:
    """The wheel, the tests, and how pytest is to run them."""
    suite.mkdir()
    for name in TESTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, suite / name, ignore=NOT_COPIED)
        else:
            (suite / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, suite / name)
    for path in sorted((suite / "tests").glob("unit/**/test_*.py")):
        if NOT_THERE.search(path.read_text(encoding="utf-8")):
            print(f"  {path.relative_to(suite)} is left out: it needs what no device has")
            path.unlink()
    (suite / "pytest.ini").write_text(INI)
    shutil.copy(DEVICE_LOCK, suite / "device.lock")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(suite / "wheels")]
    return subprocess.run(command, cwd=ROOT / "serving", check=False, stdout=subprocess.DEVNULL).returncode


def prepare(device: Device) -> int:
    """The environment there, with the pins of devices where they are for its Python."""
    python = "venv/bin/python"
    pins = "import sys; sys.exit(sys.version_info[:2] != (3, 10))"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    code = device.run(device.python, "-m", "venv", "venv")
    if code:
        return code
    if not device.run(python, "-c", pins):
        install += ["--constraint", "suite/device.lock"]
    return device.run(*install, "--find-links", "suite/wheels", "slipway-serving[camera]", *NEEDED) or device.run(
        *install, "--force-reinstall", "--no-deps", "--no-index", "--find-links", "suite/wheels", "slipway-serving"
    )


def test(device: Device) -> int:
    """The suite, with one thread for each numeric library as everywhere."""
    return device.run(
        *("env", "-C", "suite", f"SLIPWAY_TENSORRT_PYTHON={device.tensorrt_python}"),
        *("../venv/bin/python", "-m", "pytest", "-c", "pytest.ini", "-k", NO_WORLD, "--junitxml", "report.xml", *RUN),
    )


if __name__ == "__main__":
    sys.exit(main())
