"""`slipway-edge` as people and scripts meet it: a child process, its output and its exit code."""

import json
import os
import platform
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def slipway_edge() -> Run:
    """The installed script in a process of its own."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **variables}
        return subprocess.run(
            ["slipway-edge", *arguments], env=environment, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture
def broken_onnxruntime(tmp_path: Path) -> str:
    """A folder whose onnxruntime fails as one built for another driver does."""
    (tmp_path / "onnxruntime.py").write_text("raise OSError('libcudart.so.12: cannot open shared object file')\n")
    return str(tmp_path)


def test_help_lists_the_commands(slipway_edge: Run) -> None:
    result = slipway_edge("--help")
    assert result.returncode == 0
    assert "status" in result.stdout


def test_version_is_the_distributions(slipway_edge: Run) -> None:
    result = slipway_edge("--version")
    assert (result.returncode, result.stdout) == (0, f"slipway-edge {version('slipway-serving')}\n")


def test_status_as_json_tells_what_the_machine_is(slipway_edge: Run) -> None:
    result = slipway_edge("status", "--json")
    assert result.returncode == 0, result.stderr
    status = json.loads(result.stdout)
    assert status["slipway_serving"] == version("slipway-serving")
    assert status["python"] == platform.python_version()
    assert status["architecture"] == platform.machine()
    assert status["onnxruntime"]["version"] == version("onnxruntime")
    assert "CPUExecutionProvider" in status["onnxruntime"]["providers"]
    assert status["memory_bytes"] > 0
    assert status["enrolled"] is False


def test_status_says_the_same_to_people(slipway_edge: Run) -> None:
    result = slipway_edge("status")
    assert result.returncode == 0
    assert "CPUExecutionProvider" in result.stdout
    assert "no: this device belongs to no fleet" in result.stdout


def test_a_runtime_that_does_not_load_is_shown_and_fails(slipway_edge: Run, broken_onnxruntime: str) -> None:
    result = slipway_edge("status", "--json", PYTHONPATH=broken_onnxruntime)
    assert result.returncode == 1
    assert "libcudart.so.12" in json.loads(result.stdout)["onnxruntime"]["problem"]


@pytest.mark.parametrize(
    ("arguments", "expected", "command"),
    [
        ((), "COMMAND", ""),
        (("statu",), "invalid choice: 'statu'", ""),
        (("--jso", "status"), "--jso", ""),
        (("status", "--jso"), "unrecognized arguments: --jso", "status "),
        (("status", "bays"), "unrecognized arguments: bays", "status "),
        (("revert", "bays"), "--reason", "revert "),
    ],
)
def test_wrong_use_is_one_message_that_names_the_help_and_exit_code_2(
    slipway_edge: Run, arguments: tuple[str, ...], expected: str, command: str
) -> None:
    result = slipway_edge(*arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    assert expected in result.stderr
    assert f"`slipway-edge {command}--help`" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_debug_variable_adds_the_traceback(slipway_edge: Run) -> None:
    result = slipway_edge("statu", SLIPWAY_DEBUG="1")
    assert result.returncode == 2
    assert "Traceback" in result.stderr


@pytest.mark.parametrize(
    "command", ["", "enrol", "run", "serve", "once", "status", "install", "revert", "again", "why"]
)
def test_help_loads_none_of_the_libraries(slipway_edge: Run, command: str) -> None:
    result = slipway_edge(*command.split(), "--help", PYTHONPROFILEIMPORTTIME="1")
    assert result.returncode == 0
    assert f"slipway-edge {command}".strip() in result.stdout
    loaded = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines() if line.startswith("import time:")}
    assert loaded & {"numpy", "pydantic", "onnxruntime", "tuf", "urllib3", "cryptography"} == set()


def test_a_machine_that_is_no_device_is_told_how_to_become_one(slipway_edge: Run, tmp_path: Path) -> None:
    asked = (("revert", "bays", "--reason", "x"), ("again", "bays", "--reason", "x"))
    for command in (("once",), ("run",), ("why",), ("install", str(tmp_path)), *asked):
        result = slipway_edge(*command, "--home", str(tmp_path / "none"))
        assert result.returncode != 0
        assert "Traceback" not in result.stderr
    assert "slipway-edge enrol" in slipway_edge("once", "--home", str(tmp_path / "none")).stderr
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--offline",), "--offline needs --root FILE"),
        (("--start-over",), "--start-over goes with --again"),
        (("--id", "North Gate"), "--id is `North Gate`; expected"),
        (("--every", "0.5"), "--every is `0.5`; expected 5 or more"),
    ],
)
def test_an_enrolment_that_cannot_be_is_refused_before_anything_is_written(
    slipway_edge: Run, tmp_path: Path, options: tuple[str, ...], expected: str
) -> None:
    enrol = ("enrol", "--channel", str(tmp_path / "none"), "--root-sha256", "0" * 64, "--class", "edge-cpu")
    result = slipway_edge(*enrol, "--model", "bays", "--home", str(tmp_path / "device"), *options)
    assert result.returncode == 2
    assert expected in result.stderr
    assert not (tmp_path / "device").exists()


def test_status_loads_nothing_that_a_device_does_not_have(slipway_edge: Run) -> None:
    result = slipway_edge("status", "--json", PYTHONPROFILEIMPORTTIME="1")
    loaded = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines() if line.startswith("import time:")}
    assert "slipway.serving.edge.status" in loaded
    forbidden = {"torch", "mlflow", "boto3", "typer", "rich", "pandas", "slipway.platform", "slipway.training"}
    assert loaded & forbidden == set()
