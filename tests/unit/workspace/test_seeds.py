"""Random tests get one fixed seed in `make test` and as many as asked for in `make soak`."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
RANDOM_TESTS = """
import pytest

def test_random(seed: int) -> None:
    assert seed != 2

@pytest.mark.soak
def test_long() -> None:
    pass

def test_ordinary() -> None:
    pass
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A workspace with the real settings and shared fixtures, and three tests."""
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copy(ROOT / "tests/conftest.py", tmp_path / "tests")
    (tmp_path / "tests/test_random.py").write_text(RANDOM_TESTS)
    return tmp_path


def run_pytest(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A test run of its own."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--verbose", *arguments]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


def test_without_seeds_a_random_test_runs_once_and_long_ones_not_at_all(tree: Path) -> None:
    output = run_pytest(tree).stdout
    assert "test_random[seed0] PASSED" in output
    assert "2 passed, 1 deselected" in output


def test_with_seeds_a_random_test_runs_for_each_and_ordinary_ones_not_at_all(tree: Path) -> None:
    result = run_pytest(tree, "-m", "soak", "--seeds", "4")
    assert "test_random[seed2] FAILED" in result.stdout
    assert "1 failed, 4 passed, 1 deselected" in result.stdout


def test_one_seed_can_be_run_again_by_the_name_of_its_case(tree: Path) -> None:
    output = run_pytest(tree, "-m", "soak", "--seeds", "4", "tests/test_random.py::test_random[seed3]").stdout
    assert "1 passed" in output


def test_a_wrong_number_of_seeds_is_refused(tree: Path) -> None:
    result = run_pytest(tree, "--seeds", "none")
    assert result.returncode != 0
    assert "expected a number of seeds from 1, found 'none'" in result.stderr
