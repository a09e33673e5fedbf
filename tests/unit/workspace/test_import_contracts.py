"""Every import contract can fail, and names what broke it.

A contract whose module names have a typing error keeps itself for ever; so each one meets the import it is there to
forbid, in a small tree of empty packages with the real settings.
"""

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
PACKAGES = (
    "platform/slipway/platform/registry",
    "training/slipway/training/export",
    "serving/slipway/serving/bundle",
    "serving/slipway/serving/channel",
    "serving/slipway/serving/runtime",
    "serving/slipway/serving/edge",
    "serving/slipway/serving/release",
    "serving/slipway/serving/fleet",
    "pipelines/slipway/pipelines/steps",
)
# Contract, the module that breaks it, and what it must not import.
BREACHES = (
    ("platform", "platform/slipway/platform/registry", "slipway.serving.bundle"),
    ("device-part", "serving/slipway/serving/channel", "slipway.platform"),
    ("device-dependencies", "serving/slipway/serving/edge", "torch"),
    ("service-part", "serving/slipway/serving/fleet", "slipway.training.export"),
    ("training", "training/slipway/training/export", "slipway.serving.channel"),
    ("pipelines", "pipelines/slipway/pipelines/steps", "slipway.training.export"),
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The workspace as empty packages, with its real settings."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        folder = tmp_path / package
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
        (folder.parent / "__init__.py").touch()
    (tmp_path / "serving/slipway/serving/errors.py").touch()
    return tmp_path


def lint_imports(tree: Path) -> str:
    """What `lint-imports` prints, on one line for each paragraph that it folded."""
    roots = [str(tree / name) for name in ("platform", "training", "serving", "pipelines")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(roots), "COLUMNS": "300"}
    command = ["lint-imports", "--no-cache", "--no-logo"]
    result = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    assert "Contracts:" in result.stdout, result.stdout + result.stderr
    return result.stdout


def test_a_breach_is_known_for_every_contract() -> None:
    assert [breach[0] for breach in BREACHES] == [contract["id"] for contract in CONTRACTS]


def test_empty_packages_keep_every_contract(tree: Path) -> None:
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in lint_imports(tree)


def test_every_contract_is_broken_by_the_import_that_it_forbids(tree: Path) -> None:
    for _, package, forbidden in BREACHES:
        (tree / package / "__init__.py").write_text(f"import {forbidden}\n")
    output = lint_imports(tree)
    assert f"Contracts: 0 kept, {len(CONTRACTS)} broken." in output
    for contract, (_, package, forbidden) in zip(CONTRACTS, BREACHES, strict=True):
        importer = ".".join(Path(package).parts[1:])
        assert f"{contract['name']} BROKEN" in output
        assert f"{importer} -> {forbidden} (l.1)" in output
