"""The runner as process 1 of a container, in a namespace of processes of its own."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.timeout(120)

Eventually = Callable[[Callable[[], bool]], None]
SCRIPT = Path(__file__).with_name("orphaning.py")
ALONE = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child")


@pytest.fixture(scope="module", autouse=True)
def _namespaces() -> None:
    if shutil.which("unshare") is None or subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody make a namespace of processes (`unshare --user --pid`)")


def start(report: Path, mode: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*ALONE, sys.executable, str(SCRIPT), str(report), mode],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize(("mode", "code"), [("code", 7), ("killed", 128 + signal.SIGKILL)])
def test_orphans_are_reaped_and_the_runners_end_is_its_own(tmp_path: Path, mode: str, code: int) -> None:
    report = tmp_path / "report"
    process = start(report, mode)
    printed, _ = process.communicate()
    assert process.returncode == code, printed
    told = json.loads(report.read_text())
    assert told["pid"] != 1
    assert (told["parent"], told["own"]) == (1, 5)


def test_a_request_to_stop_reaches_the_runner(tmp_path: Path, eventually: Eventually) -> None:
    report = tmp_path / "report"
    process = start(report, "term")
    eventually(lambda: report.exists() or process.poll() is not None)
    first = psutil.Process(process.pid).children()[0]
    first.send_signal(signal.SIGTERM)
    printed, _ = process.communicate()
    assert process.returncode == 75, printed
