"""`slipway evaluate`, as a person calls it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from slipway.platform.cli.session import load_settings
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.errors import SlipwayError, WrongUse
from slipway.platform.runs.names import bind_name
from slipway.platform.runs.records import Result as RunResult
from slipway.platform.runs.results import bind_result, store_files
from slipway.platform.store import open_store
from slipway.training.cli.commands import COMMANDS
from slipway.training.cli.evaluate import app
from slipway.training.evaluation.predicted import table_of_probabilities
from slipway.training.models.bay_occupancy.data import STATES, examples_of

Evaluate = Callable[..., Result]
Write = Callable[[str, float], Path]


@pytest.fixture
def evaluate(bays: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Evaluate:
    """The command in a project of its own, on the bays."""
    (tmp_path / "slipway.toml").write_text("")
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["bay-occupancy", "--snapshot", str(bays.folder), *arguments])

    return call


@pytest.fixture
def write(bays: Snapshot, tmp_path: Path) -> Write:
    """Predictions of the test split of which a share is right."""

    def make(name: str, right: float) -> Path:
        examples = examples_of(bays, "test", 64)
        truth = examples.truth["state"].numpy()
        chance = np.random.default_rng(0)
        said = np.where(chance.random(len(truth)) < right, truth, 1 - truth)
        path = tmp_path / name
        pq.write_table(table_of_probabilities(examples.rows, STATES, 0.1 + 0.8 * np.eye(2)[said]), path)
        return path

    return make


def test_predictions_are_scored_overall_and_per_slice(evaluate: Evaluate, write: Write) -> None:
    result = evaluate("--predictions", str(write("mine.parquet", 1.0)), "--least", "20")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert " ".join(lines[1].split()) == "accuracy 1.0000 (1.0000 to 1.0000) 60"
    assert any(line.startswith("calibration_error (less is better)") for line in lines)
    (day,) = [line for line in lines if line.startswith("light=day")]
    assert " ".join(day.split()[1:]) == f"45 {'1.0000 (1.0000 to 1.0000) ' * 3}0.1000 (0.1000 to 0.1000)"
    assert any(line.split()[:3] == ["light=night", "15", "1.0000"] and "(" not in line for line in lines)


def test_a_comparison_says_which_is_better_and_swapped_which_is_worse(evaluate: Evaluate, write: Write) -> None:
    good, poor = str(write("good.parquet", 0.98)), str(write("poor.parquet", 0.6))
    for scored, against, verdict in ((good, poor, "better"), (poor, good, "worse"), (good, good, "undecided")):
        result = evaluate("--predictions", scored, "--against", against)
        (line,) = [line for line in result.stdout.splitlines() if line.startswith("all") and " accuracy " in line]
        assert line.split()[-1] == verdict


def test_json_and_the_written_file_hold_everything(evaluate: Evaluate, write: Write, tmp_path: Path) -> None:
    result = evaluate(
        "--predictions", str(write("mine.parquet", 0.9)), "--against", "baseline", "--json", "-o", "out/report.json"
    )
    report: dict[str, Any] = json.loads(result.stdout)
    assert json.loads((tmp_path / "out/report.json").read_bytes()) == report
    assert report["against"] == "baseline"
    assert report["evaluation"]["headline"] == "accuracy"
    assert report["evaluation"]["details"]["confusion"]
    overall = report["differences"][0]
    assert (overall["metric"], overall["difference"]["units"]) == ("accuracy", 60)


def test_the_baseline_can_be_scored_and_shows_which_columns_are_expected(evaluate: Evaluate) -> None:
    scored = json.loads(evaluate("--baseline", "--split", "validation", "--json").stdout)
    assert scored["split"] == "validation"
    assert scored["evaluation"]["overall"]["accuracy"]["units"] == 32
    columns = json.loads(evaluate("--columns", "--json").stdout)
    assert [one["column"] for one in columns] == ["sample", "free", "occupied"]


@pytest.mark.parametrize("arguments", [(), ("--baseline", "--predictions", "mine.parquet")])
def test_exactly_one_thing_is_scored(arguments: tuple[str, ...], evaluate: Evaluate) -> None:
    result = evaluate(*arguments)
    assert isinstance(result.exception, WrongUse)
    assert result.exception.mend == "Give either --predictions FILE or --baseline."


def test_a_bad_table_is_refused_with_file_line_and_column(evaluate: Evaluate, write: Write, tmp_path: Path) -> None:
    path = write("mine.parquet", 1.0)
    table = pq.read_table(path)
    pq.write_table(pa.concat_tables([table, table.slice(4, 1)]), path)
    result = evaluate("--predictions", str(path), "-o", "report.json")
    assert isinstance(result.exception, WrongUse)
    assert str(result.exception).startswith(f"{path}: Row 61, column `sample`")
    assert not (tmp_path / "report.json").exists()


def test_a_name_that_is_neither_file_nor_run_is_refused(evaluate: Evaluate) -> None:
    result = evaluate("--predictions", "nobody-knows")
    assert isinstance(result.exception, SlipwayError)
    assert "`nobody-knows` is no file. No run is called `nobody-knows`" in str(result.exception)


def test_the_predictions_of_a_run_that_is_done_are_scored_by_its_name(
    evaluate: Evaluate, write: Write, tmp_path: Path
) -> None:
    loaded = load_settings()
    store = open_store(loaded.settings.store, loaded.settings.s3)
    key = f"r1-{7:064x}"
    now = datetime(2026, 1, 2, tzinfo=UTC)
    bind_name(store, key, model="bay-occupancy", now=now, wanted="first-try")
    assert "has no result yet" in str(evaluate("--predictions", "first-try").exception)
    files = store_files(store, write("predictions.parquet", 1.0).parent, ["predictions.parquet"])
    bind_result(store, RunResult(key=key, attempt=1, finished=now, files=files, metrics={}, steps=1, seconds=1.0))
    (tmp_path / "predictions.parquet").unlink()
    result = evaluate("--predictions", "first-try", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["evaluation"]["overall"]["accuracy"]["value"] == 1


def test_the_command_is_listed_among_those_of_training() -> None:
    (spec,) = [one for one in COMMANDS if one.name == "evaluate"]
    assert spec.panel == "Training"
