"""Starting the command line stays quick: nothing heavy is imported before it is needed."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from imported import HEAVY, SCRIPT, modules_after
from slipway.platform.cli.lazy import installed_specs

NEVER = HEAVY | {
    "airflow", "dvc", "great_expectations", "kubernetes", "pydantic_settings", "httpx", "securesystemslib",
    "cryptography", "tomlkit", "psutil",
}  # fmt: skip


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("no-such-command",)])
def test_the_top_level_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert modules_after(*arguments) & NEVER == set()


@pytest.mark.parametrize("command", [spec.name for spec in installed_specs()])
def test_help_of_a_command_imports_nothing_heavy(command: str) -> None:
    assert modules_after(command, "--help") & NEVER == set()


def test_looking_at_runs_reads_no_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert modules_after("runs") & {*HEAVY, "sqlalchemy"} == set()


def test_reading_the_ledger_brings_no_client_of_s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = modules_after("ledger", "list")
    assert "securesystemslib" in found
    assert found & {"pydantic_settings", "sqlalchemy", *HEAVY} == set()


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
