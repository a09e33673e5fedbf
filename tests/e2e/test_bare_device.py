"""A device with nothing but slipway-serving: small, complete, and without the platform.

The wheel is built from this tree and installed with the lock's pins into an environment of its own, as on a device.
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import small_onnx
from signed_channel import Office, Time
from slipway.serving.edge.status import resident_memory
from workspace import LOCK, ROOT, package_client_environment

pytestmark = pytest.mark.xdist_group("bare device")

LIMIT_BYTES = 250 * 1000 * 1000
IDLE_BYTES = 90 * 1000 * 1000
"""Of an agent that has nothing to run yet."""
WORKING_BYTES = 110 * 1000 * 1000
"""With ONNX Runtime, a tiny model active, and nobody who asks it."""
NO_NETWORK = re.compile(
    r"error sending request|dns error|Connection refused|timed out|Could not connect", re.IGNORECASE
)
DEVICE_PART = ("bundle", "channel", "runtime", "edge")


def run(*command: object, cwd: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """One command, waited for."""
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


@dataclass(frozen=True)
class Programs:
    """The programs of one environment, run with nothing of the development environment around them."""

    folder: Path
    home: Path

    def __call__(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"HOME": str(self.home), "PATH": "/usr/bin:/bin"}
        return run(self.folder / program, *arguments, cwd=self.home, environment=environment)


@pytest.fixture(scope="module")
def client(callers_environment: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment with the settings of their package client."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", callers_environment["HOME"])
        return {**callers_environment, **package_client_environment()}


@pytest.fixture(scope="module")
def device(client: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment that holds slipway-serving and what it needs."""
    folder = tmp_path_factory.mktemp("device")
    venv, wheels = folder / "venv", folder / "wheels"
    uv = (sys.executable, "-m", "uv")
    steps = (
        (sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", wheels),
        (*uv, "venv", "--quiet", "--python", sys.executable, venv),
    )
    for step in steps:
        result = run(*step, cwd=ROOT / "serving", environment=client)
        assert result.returncode == 0, result.stderr
    (wheel,) = wheels.glob("*.whl")
    pins = ("--constraint", LOCK)
    install = run(*uv, "pip", "install", "--python", venv / "bin/python", *pins, wheel, cwd=folder, environment=client)
    if install.returncode and NO_NETWORK.search(install.stderr):
        pytest.skip(f"no network, and not all of the wheels are in uv's cache: {install.stderr.strip()[-300:]}")
    assert install.returncode == 0, install.stderr
    return venv


@pytest.fixture
def device_run(device: Path, tmp_path: Path) -> Programs:
    """The device's programs."""
    return Programs(device / "bin", tmp_path)


def test_the_device_part_imports(device_run: Programs) -> None:
    result = device_run("python", "-c", f"from slipway.serving import {', '.join(DEVICE_PART)}")
    assert result.returncode == 0, result.stderr


def test_the_platform_is_not_there(device_run: Programs) -> None:
    result = device_run("python", "-c", "import slipway.platform")
    assert "ModuleNotFoundError: No module named 'slipway.platform'" in result.stderr


def test_the_command_line_answers(device_run: Programs) -> None:
    assert "status" in device_run("slipway-edge", "--help").stdout
    status = json.loads(device_run("slipway-edge", "status", "--json").stdout)
    assert status["onnxruntime"]["problem"] is None


def test_every_declared_dependency_loads(device_run: Programs) -> None:
    result = device_run(
        "python", "-c", "import httptools, numpy, onnxruntime, pydantic, securesystemslib.signer, tuf.ngclient, urllib3"
    )
    assert result.returncode == 0, result.stderr


PROVING = """
import sys
from pathlib import Path
from slipway.serving.bundle.verifying import verify
from slipway.serving.runtime.measuring import measure_apart
from slipway.serving.runtime.proving import prove
from slipway.serving.runtime.session import open_session

bundle = verify(Path(sys.argv[1]), digest=sys.argv[2])
contract = bundle.manifest.contract
print(prove(bundle, "fp32", open_session(bundle.path("fp32"), contract)))
print(measure_apart(bundle.path("fp32"), contract, calls=3).calls)
"""


def test_it_verifies_proves_and_measures_a_bundle(device_run: Programs, tmp_path: Path) -> None:
    bundle = small_onnx.bundle(tmp_path / "bundle")
    result = device_run("python", "-c", PROVING, str(bundle.folder), bundle.digest)
    assert result.stdout == "[]\n3\n", result.stderr


def test_the_agent_follows_a_channel_in_little_memory_and_without_what_trains_or_exports(
    device_run: Programs, tmp_path: Path
) -> None:
    office = Office(tmp_path / "office", time=Time(datetime.now(UTC) - timedelta(minutes=5)))
    office.root.mkdir()
    office.open().lead(small_onnx.bundle(tmp_path / "bundle"))
    root = tmp_path / "root.json"
    root.write_bytes(office.repository().root_bytes())
    home = ("--home", str(tmp_path / "device"))
    options = ("--root", str(root), "--class", "edge-cpu", "--model", "small-bays", *home)
    enrolled = device_run("slipway-edge", "enrol", "--channel", str(office.folder), *options)
    assert enrolled.returncode == 0, enrolled.stderr
    with subprocess.Popen(
        [device_run.folder / "slipway-edge", "run", *home],
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        stderr=subprocess.PIPE,
        text=True,
    ) as agent:
        assert agent.stderr is not None
        assert "follows small-bays" in agent.stderr.readline()
        idle = resident_memory(Path(f"/proc/{agent.pid}/status"))
        assert any("on probation with release 1" in line for line in agent.stderr)
        working = resident_memory(Path(f"/proc/{agent.pid}/status"))
        loaded = Path(f"/proc/{agent.pid}/maps").read_text()
        agent.terminate()
        assert agent.wait(30) == 0
    assert idle is not None
    assert working is not None
    assert idle < IDLE_BYTES, f"{idle / 1e6:.0f} MB without a model"
    assert working < WORKING_BYTES, f"{working / 1e6:.0f} MB with a small model"
    assert re.findall(r"site-packages/(torch|onnx|cv2|scipy|pandas)/", loaded) == []
    assert "onnxruntime" in loaded


def test_it_stays_small(device: Path) -> None:
    sizes = {path: path.stat().st_size for path in device.rglob("*") if path.is_file() and not path.is_symlink()}
    total = sum(sizes.values())
    largest = sorted(sizes, key=lambda path: sizes[path])[-5:]
    assert total < LIMIT_BYTES, f"{total / 1e6:.0f} MB, the largest: {largest}"
