"""Comparing a training with its record: is it the same to the bit, and if not, where do the two part.

The weights decide: the sha256 of every tensor, and of the predictions. The trail says where a difference begins, and
what comes first at that step: other rows, other pixels, another loss, other weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from slipway.training.fitting.trail import Difference, first_difference, read_trail

TRAIL: Final = "trail.npz"
PREDICTIONS: Final = "predictions.parquet"
SAID: Final = {
    "rows": "other rows make up the batch: order, seed, batch size or data",
    "images": "the same rows have other pixels: image bytes, decoding or augmentation",
    "loss": "the same images give another loss: weights, network or loss",
    "weights": "the same losses give other weights: optimizer or gradients",
    "length": "one of them has fewer steps",
    "names": "the networks have other parameters",
}


@dataclass(frozen=True)
class Comparison:
    """How a repetition stands to its record."""

    difference: Difference | None
    same_predictions: bool

    @property
    def identical(self) -> bool:
        """To the bit, weights and predictions."""
        return self.difference is None and self.same_predictions

    def told(self) -> str:
        """In one sentence."""
        if self.identical:
            return "IDENTICAL"
        if self.difference is None:
            return "DIFFERENT: the weights are the same to the bit, the predictions are not."
        tensor = f", tensor {self.difference.tensor}" if self.difference.tensor else ""
        return f"DIFFERENT from step {self.difference.step}{tensor}: {SAID[self.difference.what]}."


def compare(recorded: Path, repeated: Path) -> Comparison:
    """Two folders with the files of a result."""
    trails = [read_trail(folder / TRAIL) for folder in (recorded, repeated)]
    tables = [(folder / PREDICTIONS).read_bytes() for folder in (recorded, repeated)]
    return Comparison(first_difference(*trails), tables[0] == tables[1])


def other_environment(recorded: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """What is different about the environments, a line each."""
    flags = [set(one["cpu"]["flags"]) for one in (recorded, here)]
    pairs = {
        "Python": [one["python"] for one in (recorded, here)],
        "processor": [one["cpu"]["model"] for one in (recorded, here)],
        "instruction set that torch uses": [one["torch"]["capability"] for one in (recorded, here)],
        "GPU": [(one["gpu"] or {}).get("name", "none") for one in (recorded, here)],
    }
    names = sorted(recorded["libraries"].keys() | here["libraries"].keys())
    pairs |= {name: [one["libraries"].get(name, "none") for one in (recorded, here)] for name in names}
    told = [f"{name}: {then} then, {now} here" for name, (then, now) in pairs.items() if then != now]
    missing, more = sorted(flags[0] - flags[1]), sorted(flags[1] - flags[0])
    if missing or more:
        told.append(f"processor flags: {' '.join(f'-{one}' for one in missing)} {' '.join(f'+{one}' for one in more)}")
    return told
