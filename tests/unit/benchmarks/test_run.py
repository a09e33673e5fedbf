"""A whole bench run: files are found, results written, and a bench that crashes is named without hiding the others."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
GOOD = """
from contextlib import contextmanager
from harness import Pair

@contextmanager
def pairs():
    yield [Pair(name="nothing against nothing", ours=list, reference=list, unit="ms", goal={goal})]
"""


@pytest.fixture
def benches(tmp_path: Path) -> Path:
    """The harness with two benches, one of which meets no goal."""
    folder = tmp_path / "tests" / "benchmarks"
    folder.mkdir(parents=True)
    for name in ("harness.py", "report.py", "run.py"):
        shutil.copy(BENCHMARKS / name, folder)
    (folder / "bench_easy.py").write_text(GOOD.format(goal=1e9))
    (folder / "bench_hard.py").write_text(GOOD.format(goal=1e-9))
    return folder


def run(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """`run.py` in a process of its own."""
    command = [sys.executable, str(folder / "run.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def read(path: Path) -> Any:
    """A written result."""
    return json.loads(path.read_text())


def test_a_missed_goal_is_a_result_and_no_failure(benches: Path, tmp_path: Path) -> None:
    result = run(benches, "--json", tmp_path / "out.json")
    assert result.returncode == 0, result.stderr
    assert [outcome["met"] for outcome in read(tmp_path / "out.json")["outcomes"]] == [True, False]


def test_machine_load_and_all_samples_are_recorded(benches: Path, tmp_path: Path) -> None:
    run(benches, "--json", tmp_path / "out.json")
    written = read(tmp_path / "out.json")
    assert set(written["machine"]) == {"processor", "cores", "quota", "memory_gib", "python", "kernel"}
    assert len(written["load_before"]) == len(written["load_after"]) == 3
    assert written["threads"]["OMP_NUM_THREADS"] == "1"
    assert len(written["outcomes"][0]["ours"]["values"]) == 5


def test_the_table_is_printed_and_written(benches: Path, tmp_path: Path) -> None:
    result = run(benches, "--markdown", tmp_path / "out.md", "--json", tmp_path / "out.json")
    table = (tmp_path / "out.md").read_text()
    assert table in result.stdout
    rows = [line for line in table.splitlines() if line.startswith("|")]
    assert rows[0] == "| pair | ours | reference | ratio | goal | met |"
    assert rows[2].endswith("| 1e+09 | yes |")
    assert rows[3].endswith("| 1e-09 | no |")


def test_without_a_path_the_result_goes_to_local_state(benches: Path, tmp_path: Path) -> None:
    run(benches)
    (written,) = (tmp_path / ".slipway" / "bench").iterdir()
    assert written.name == f"{read(written)['started'].replace(':', '')}.json"


def test_one_bench_can_be_run_alone(benches: Path, tmp_path: Path) -> None:
    run(benches, "--only", "hard", "--json", tmp_path / "out.json")
    assert [outcome["goal"] for outcome in read(tmp_path / "out.json")["outcomes"]] == [1e-9]
    unknown = run(benches, "--only", "soft")
    assert unknown.returncode == 2
    assert "'easy', 'hard'" in unknown.stderr


def test_a_bench_that_crashes_is_named_and_the_others_are_measured(benches: Path, tmp_path: Path) -> None:
    (benches / "bench_broken.py").write_text(GOOD.format(goal=1).replace("ours=list", "ours=lambda: 1 / 0"))
    result = run(benches, "--json", tmp_path / "out.json")
    assert result.returncode == 1
    assert "ZeroDivisionError" in result.stderr
    assert "bench: bench_broken.py crashed" in result.stderr
    written = read(tmp_path / "out.json")
    assert (written["crashed"], len(written["outcomes"])) == (["broken"], 2)
    assert "Crashed, nothing measured: broken" in result.stdout


def test_what_stands_beside_the_pairs_has_a_table_of_its_own(benches: Path, tmp_path: Path) -> None:
    told = 'figures=lambda: {"images a second": 1234.5, "device": "a", "busy": None}, ours=list'
    (benches / "bench_told.py").write_text(GOOD.format(goal=1).replace("ours=list", told))
    result = run(benches, "--json", tmp_path / "out.json")
    assert (
        "| | nothing against nothing |\n| --- | ---: |\n| images a second | 1.23e+03 |\n| device | a |" in result.stdout
    )
    assert "| busy | not known |" in result.stdout
    assert read(tmp_path / "out.json")["outcomes"][-1]["figures"]["images a second"] == 1234.5


def test_what_needs_a_gpu_runs_alone_and_only_when_it_is_asked_for(benches: Path, tmp_path: Path) -> None:
    (benches / "bench_gpu.py").write_text(GOOD.format(goal=1).replace("pairs()", "pairs(device)"))
    (benches / "gpu_device.py").write_text("def lacking(device):\n    return None\n")
    run(benches, "--json", tmp_path / "usual.json")
    run(benches, "--gpu", "--json", tmp_path / "gpu.json")
    assert [outcome["goal"] for outcome in read(tmp_path / "usual.json")["outcomes"]] == [1e9, 1e-9]
    assert [outcome["goal"] for outcome in read(tmp_path / "gpu.json")["outcomes"]] == [1]
    (benches / "gpu_device.py").write_text("def lacking(device):\n    return 'no device here'\n")
    result = run(benches, "--gpu", "--json", tmp_path / "none.json")
    assert (result.returncode, result.stdout) == (0, "bench-gpu: no device here\n")
    assert not (tmp_path / "none.json").exists()
