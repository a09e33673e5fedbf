"""Starting the command line stays quick: nothing heavy is imported before it is needed."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from slipway.platform.cli.lazy import installed_specs

SCRIPT = str(Path(sys.executable).parent / "slipway")
HEAVY = {
    "torch", "mlflow", "airflow", "dvc", "great_expectations", "boto3", "botocore", "kubernetes", "pandas",
    "numpy", "pydantic_settings", "httpx", "securesystemslib", "cryptography", "tomlkit", "psutil",
}  # fmt: skip
HEAVY_DATA = {"pyarrow", "numpy", "pandas", "torch", "mlflow", "sqlalchemy"}
SHOW_MODULES = """
import runpy, sys
sys.argv[0] = "slipway"
try:
    runpy.run_path({script!r}, run_name="__main__")
finally:
    print("MODULES", *sorted(sys.modules))
"""


def modules_after(*arguments: str) -> set[str]:
    """The top-level modules that a command line has imported when it ends."""
    program = SHOW_MODULES.format(script=SCRIPT)
    result = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    line = next(line for line in result.stdout.splitlines() if line.startswith("MODULES "))
    return {name.partition(".")[0] for name in line.split()[1:]}


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("no-such-command",)])
def test_the_top_level_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert modules_after(*arguments) & HEAVY == set()


@pytest.mark.parametrize("command", [spec.name for spec in installed_specs()])
def test_help_of_a_command_imports_nothing_heavy(command: str) -> None:
    assert modules_after(command, "--help") & HEAVY == set()


def test_looking_at_runs_reads_no_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert modules_after("runs") & HEAVY_DATA == set()


def test_reading_the_ledger_brings_no_client_of_s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = modules_after("ledger", "list")
    assert "securesystemslib" in found
    assert found & {"boto3", "botocore", "pydantic_settings", *HEAVY_DATA} == set()


def test_the_ratchet_sees_a_heavy_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_LOG_LEVEL", "info")
    assert "pydantic_settings" in modules_after("config", "show")


def test_help_starts_about_as_fast_as_typer_itself() -> None:
    reference = [sys.executable, "-c", "import typer, rich.console"]
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(7):
        theirs.append(_seconds(reference))
        ours.append(_seconds([SCRIPT, "--help"]))
    assert statistics.median(ours) <= 2.5 * statistics.median(theirs)


def _seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started
