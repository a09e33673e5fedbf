"""The files of a result: weights, predictions, judgement, trail. The summary comes last: it says that all is there.

weights.safetensors    `network.…` and `criterion.…`; the average where one was asked for
predictions.parquet    of the test split, as anybody could hand them in
samples.parquet        what was judged: `sample`, `error`, and the columns of slices
evaluation.json        `Report`
environment.json       what may change the numbers besides code, data and config
trail.npz              `fitting.trail`
pictures/              curves, and what the model's task draws
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from safetensors.torch import save
from torch import Tensor, nn

from slipway.platform.runs.journal import Journal
from slipway.platform.runs.workplace import Summary, Workplace, write_whole
from slipway.training.evaluation.judged import Difference, Evaluation, Judged, Part
from slipway.training.fitting.state import State
from slipway.training.fitting.trail import Trail
from slipway.training.pictures.curves import Line
from slipway.training.task import Examples


class Validation(Part):
    """What a validation during training found."""

    step: int
    metrics: Mapping[str, float]


class Report(Part):
    """`evaluation.json`: the test split, the baseline on the same rows, and what ours has more than the baseline."""

    split: str = "test"
    evaluation: Evaluation
    baseline: Evaluation
    differences: tuple[Difference, ...]
    validation: tuple[Validation, ...]
    best_step: int | None = None
    """After how many steps the headline metric was best on validation."""


@dataclass(frozen=True)
class Final:
    """What a finished training has found."""

    predictions: pa.Table
    judged: Judged
    report: Report


def weights(network: nn.Module, criterion: nn.Module) -> dict[str, Tensor]:
    """The tensors that are kept, by name."""
    parts = (("network", network), ("criterion", criterion))
    return {
        f"{part}.{name}": tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for part, module in parts
        for name, tensor in module.state_dict().items()
    }


def write(
    workplace: Workplace, final: Final, tensors: Mapping[str, Tensor], trail: Trail, examples: Examples,
    environment: Mapping[str, Any],
) -> None:  # fmt: skip
    """Write every file but the pictures and the summary."""
    folder = workplace.results
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "weights.safetensors", save(dict(tensors)))
    pq.write_table(final.predictions, folder / "predictions.parquet")
    pq.write_table(samples(final.judged, examples), folder / "samples.parquet")
    write_whole(folder / "evaluation.json", final.report.model_dump_json(indent=1).encode())
    write_whole(folder / "environment.json", json.dumps(environment, indent=1).encode())
    trail.write(folder / "trail.npz", tensors)


def finish(workplace: Workplace, state: State, report: Report, journal: Journal) -> None:
    """Tell the final metrics, and say that everything is there."""
    final = {f"test/{name}": one.value for name, one in report.evaluation.overall.items() if one.value is not None}
    journal.metrics(state.step, final)
    state.metrics.update(final)
    summary = Summary(steps=state.step, metrics=state.metrics, seconds=state.seconds)
    write_whole(workplace.summary, summary.model_dump_json(indent=1).encode())


def curves(state: State, trail: Trail) -> dict[str, Line]:
    """The loss of every step, and what the validations found, by name."""
    losses = trail.losses
    lines: dict[str, Line] = {"train/loss": (range(1, len(losses) + 1), losses.tolist())}
    for name in dict.fromkeys(name for _, values in state.history for name in values):
        points = [(step, values[name]) for step, values in state.history if name in values]
        lines[name] = ([step for step, _ in points], [value for _, value in points])
    return lines


def samples(judged: Judged, examples: Examples) -> pa.Table:
    """What was judged, with the slices that its sample is in."""
    table, rows = judged.samples, examples.rows
    columns = [name for name in judged.slices if name in rows.column_names and name not in table.column_names]
    places = {sample: place for place, sample in enumerate(rows["sample"].to_pylist())}
    found = pa.array([places.get(sample) for sample in table["sample"].to_pylist()], pa.int64())
    for name in columns:
        table = table.append_column(name, rows[name].take(found))
    return table
