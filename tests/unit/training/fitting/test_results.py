"""What a finished training leaves behind, and what it tells on the way."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load

from slipway.platform.runs.workplace import Summary
from slipway.training.fitting.results import Report, curves
from slipway.training.fitting.state import State
from slipway.training.fitting.trail import Trail

MakeAttempts = Callable[..., Any]


@pytest.fixture
def attempts(make_attempts: MakeAttempts) -> Any:
    return make_attempts().here()


def test_the_files_are_those_that_are_promised(attempts: Any) -> None:
    names = {path.name for path in attempts.workplace.results.iterdir() if path.is_file()}
    assert names == {
        "weights.safetensors", "predictions.parquet", "samples.parquet", "evaluation.json", "environment.json",
        "trail.npz", "summary.json",
    }  # fmt: skip


def test_the_judgement_holds_the_baseline_the_difference_and_all_validations(attempts: Any) -> None:
    report = Report.model_validate_json(attempts.result("evaluation.json"))
    assert report.evaluation.headline == "accuracy"
    assert report.evaluation.overall["accuracy"].units == 60
    assert report.evaluation.overall["accuracy"].low is not None
    (overall,) = [one for one in report.differences if one.metric == "accuracy" and not one.column]
    assert overall.second == report.evaluation.overall["accuracy"].value
    assert overall.first == report.baseline.overall["accuracy"].value
    assert [one.step for one in report.validation] == [7, 14, 21]
    accuracies = {one.step: one.metrics["validation/accuracy"] for one in report.validation}
    assert report.best_step is not None
    assert accuracies[report.best_step] == max(accuracies.values())


def test_the_weights_are_those_that_predicted(attempts: Any) -> None:
    """The kept network gives the kept predictions."""
    task = attempts.task()
    from slipway.platform.data.snapshot import Snapshot

    examples = task.examples(Snapshot(attempts.snapshot), "test")
    network = task.network(examples).eval()
    weights = load(attempts.result("weights.safetensors"))
    network.load_state_dict(
        {name.removeprefix("network."): one for name, one in weights.items() if name.startswith("network.")}
    )
    images = torch.empty(examples.count, 16, 16, 3, dtype=torch.uint8)
    examples.source.read(torch.arange(examples.count).numpy(), images.numpy())
    with torch.inference_mode():
        logits = network(images.permute(0, 3, 1, 2))["logits"]
    predictions = pq.read_table(attempts.workplace.results / "predictions.parquet")
    assert predictions["score_a"].to_pylist() == pytest.approx(logits[:, 0].tolist(), abs=1e-5)


def test_samples_have_their_slices_and_errors(attempts: Any) -> None:
    samples = pq.read_table(attempts.workplace.results / "samples.parquet")
    assert samples.column_names == ["sample", "error", "slice_light"]
    assert set(samples["slice_light"].to_pylist()) == {"day", "night"}


def test_the_summary_comes_last_with_the_last_value_of_each_metric(attempts: Any) -> None:
    summary = Summary.model_validate_json(attempts.result("summary.json"))
    points = attempts.curves()
    assert summary.steps == 21
    assert summary.seconds > 0
    for name in ("train/loss", "train/lr", "validation/accuracy", "test/accuracy"):
        assert summary.metrics[name] == points[name][21]
    newest = max(attempts.workplace.results.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    assert newest.name == "summary.json"


def test_the_environment_says_what_may_change_numbers(attempts: Any) -> None:
    found = json.loads(attempts.result("environment.json"))
    assert found["libraries"]["torch"] == torch.__version__
    assert found["torch"]["threads"] == 1
    assert found["torch"]["deterministic"] is True
    assert found["cpu"]["flags"]


def test_progress_says_where_it_is(attempts: Any) -> None:
    told = attempts.events("progress")
    training = [event for event in told if event["phase"] == "train"]
    assert training[-1]["step"] == training[-1]["steps"] == 21
    assert {"epoch", "epochs", "rate", "loss"} <= training[-1].keys()
    assert told[-1]["phase"] == "done"
    assert attempts.events("facts")[0]["values"]["hardware/threads"] == "1"


def test_the_rate_rises_and_falls_by_the_step(attempts: Any) -> None:
    rates = attempts.curves()["train/lr"]
    assert rates[1] == pytest.approx(0.01)
    assert rates[2] == pytest.approx(0.02)
    assert rates[21] < rates[20] < rates[10]


def test_curves_have_the_loss_of_every_step_and_every_validation() -> None:
    trail, state = Trail([]), State(step=4)
    trail.add(np.array([3.0, 2.0, 1.5, 1.0], np.float32), np.zeros(4, np.int64), np.zeros(4, np.int64))
    state.history = [(2, {"validation/ap": 0.1}), (4, {"validation/ap": 0.4, "validation/ap_van": 0.2})]
    found = curves(state, trail)
    assert {name: (list(steps), list(values)) for name, (steps, values) in found.items()} == {
        "train/loss": ([1, 2, 3, 4], [3.0, 2.0, 1.5, 1.0]),
        "validation/ap": ([2, 4], [0.1, 0.4]),
        "validation/ap_van": ([4], [0.2]),
    }


def test_pictures_are_told_and_one_that_fails_costs_nothing(
    make_attempts: MakeAttempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = make_attempts()
    task = type(attempts.task())

    def draw(_self: object, _judged: object, _examples: object, folder: Path) -> list[Path]:
        (folder / "curve.png").write_bytes(b"png")
        return [folder / "curve.png"]

    monkeypatch.setattr(task, "pictures", draw)
    attempts.here()
    told = [(one["name"], one["file"], one["step"]) for one in attempts.events("picture")]
    assert told == [("curves", "pictures/curves.png", 21), ("curve", "pictures/curve.png", 21)]

    monkeypatch.setattr(task, "pictures", lambda *_: 1 / 0)
    failing = make_attempts("failing")
    failing.here()
    assert "ZeroDivisionError" in failing.events("note")[0]["text"]
    assert [one["name"] for one in failing.events("picture")] == ["curves"]
    assert failing.workplace.summary.exists()
