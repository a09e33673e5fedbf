"""Tests on a device: an `ssh` and an `scp` that stay here, and a device whose Python only says what it was asked."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from workspace import ROOT

SSH = """#!/bin/sh
echo "ssh $1" >> "$HOME/log"
cd "$HOME" && shift && exec sh -c "$*"
"""
SCP = """#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift; done
there() { case "$1" in *@*:*) echo "$HOME/${1#*:}" ;; *) echo "$1" ;; esac; }
exec cp -r "$(there "$1")" "$(there "$2")"
"""
PYTHON = """#!/bin/sh
echo "$(basename "$0") $*" >> "$HOME/log"
case "$2" in
    venv) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    pytest) pwd >> "$HOME/log"; echo "$SLIPWAY_TENSORRT_PYTHON" >> "$HOME/log"; echo "<report/>" > report.xml
        exit "${ENDS_WITH:-0}" ;;
esac
"""


@pytest.fixture
def programs(tmp_path: Path) -> Mapping[str, str]:
    """An environment with these programs, and a device's home."""
    folder, home = tmp_path / "bin", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    for name, text in (("ssh", SSH), ("scp", SCP), ("python-there", PYTHON)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(home)}


def run(programs: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "tools/device_tests.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=dict(programs), capture_output=True, text=True, check=False)


OPTIONS = ("ada@jetson", "--python", "python-there", "--tensorrt-python", "/usr/bin/python3.10")


@pytest.mark.parametrize("ends", [0, 1])
def test_the_suite_runs_there_and_its_report_comes_back(programs: Mapping[str, str], ends: int, tmp_path: Path) -> None:
    host = f"ada@jetson-{ends}-{os.getpid()}"  # a report of its own, whatever else runs
    result = run({**programs, "ENDS_WITH": str(ends)}, host, *OPTIONS[1:])
    assert result.returncode == ends, result.stderr
    report = ROOT / ".slipway" / "device-tests" / host.replace("@", "_") / "report.xml"
    assert report.read_text() == "<report/>\n"
    assert str(report) in result.stdout
    report.unlink()
    report.parent.rmdir()
    suite = tmp_path / "home" / ".cache" / "slipway-device-tests" / "suite"
    assert (suite / "tests/unit/serving/runtime/live/test_swapping.py").is_file()
    assert (suite / "tests/partners/small_onnx/__init__.py").is_file()
    assert len(list((suite / "wheels").glob("slipway_serving-*.whl"))) == 1
    log = (tmp_path / "home" / "log").read_text().splitlines()
    assert f"ssh {host}" in log
    assert "python-there -m venv venv" in log
    assert any("--constraint suite/device.lock" in line and "slipway-serving[camera]" in line for line in log)
    assert str(suite) in log
    assert "/usr/bin/python3.10" in log


def test_a_dry_run_says_the_steps_and_does_none(programs: Mapping[str, str], tmp_path: Path) -> None:
    result = run(programs, *OPTIONS, "--dry-run")
    assert result.returncode == 0, result.stderr
    for step in ("scp -q -r", "-m venv venv", "-m pip install", "-m pytest"):
        assert step in result.stdout
    assert not (tmp_path / "home" / "log").exists()


def test_what_fails_before_the_tests_is_told(programs: Mapping[str, str]) -> None:
    result = run(programs, *OPTIONS[:2], "no-such-python")
    assert result.returncode == 1
    assert "nothing was tested" in result.stderr


@pytest.mark.parametrize("host", ["", "-oProxyCommand=x", "a b", "a;b"])
def test_a_host_that_is_none_is_refused(programs: Mapping[str, str], host: str) -> None:
    result = run(programs, "--", host)
    assert result.returncode == 2
    assert "expected HOST=user@device" in result.stderr
