"""Checks that other distributions bring."""

import sys
from pathlib import Path

import pytest

from slipway.platform.doctor import Check, Status, checks_for, examine
from slipway.platform.settings import load

CHECKS = """
from slipway.platform.doctor.check import ok

def harbour(loaded):
    yield ok("harbour", f"context {loaded.context}")
"""


def install(folder: Path, name: str, module: str, text: str) -> None:
    """A distribution with one check, as an installer leaves it."""
    about = folder / f"{name}_checks-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-checks\nVersion: 1\n")
    (about / "entry_points.txt").write_text(f"[slipway.checks]\n{name} = {module}:{name}\n")
    (folder / f"{module}.py").write_text(text)


def installed(folder: Path, *names: str) -> list[Check]:
    return [check for check in checks_for(load(folder, {})) if check.name in names]


def test_what_another_distribution_checks_is_imported_only_when_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    install(tmp_path, "harbour", "checks_of_harbour", CHECKS)
    (check,) = installed(tmp_path, "harbour")
    assert "checks_of_harbour" not in sys.modules
    ((_, (finding,)),) = examine([check], 30)
    assert (finding.status, finding.detail) == (Status.OK, "context local")


def test_one_that_cannot_be_imported_is_a_finding_and_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    install(tmp_path, "harbour", "checks_of_the_quay", CHECKS)
    install(tmp_path, "beacon", "checks_of_the_beacon", "import a_module_that_nobody_has\n")
    found = {check.name: findings for check, findings in examine(installed(tmp_path, "harbour", "beacon"), 30)}
    assert found["harbour"][0].status is Status.OK
    assert found["beacon"][0].status is Status.FAILED
    assert "a_module_that_nobody_has" in found["beacon"][0].detail


def test_a_name_that_is_taken_stays_with_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    install(tmp_path, "disk", "checks_of_another_disk", CHECKS)
    (check,) = installed(tmp_path, "disk")
    list(examine([check], 30))
    assert "checks_of_another_disk" not in sys.modules
