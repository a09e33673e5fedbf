"""`reference.json`: how inputs and answers are distributed on validation rows, for whoever looks for drift later.

One rule for all outputs: of each row the mean, the greatest value and the length of its numbers, and how alike it is to
the mean of all rows. Each is kept as quantiles, which two distributions can be compared by, and which stay small
however many rows there were.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from slipway.training.export.network import Answers

ROWS: Final = 512
QUANTILES: Final = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
DIGITS: Final = 6
CHANNELS: Final = ("red", "green", "blue")
BRIGHT: Final = 256
BINS: Final = 32

Values = npt.NDArray[np.float64]


def of_pixels(images: npt.NDArray[np.uint8]) -> dict[str, Any]:
    """Each image's mean by channel, warmth and contrast, and how often all pixels have which brightness."""
    found = images.astype(np.float64)
    means = {name: found[:, channel].mean((1, 2)) for channel, name in enumerate(CHANNELS)}
    measures = {**means, "warmth": means["red"] - means["blue"], "contrast": found.std((1, 2, 3))}
    told = {name: quantiles(values) for name, values in measures.items()}
    counts, _ = np.histogram(images, bins=BINS, range=(0, BRIGHT))
    return {**told, "histogram": (np.round(counts / counts.sum(), DIGITS)).tolist()}


def of_answers(answers: Answers) -> dict[str, Any]:
    """By output, what the rule says."""
    return {name: _of_output(answer.reshape(len(answer), -1).astype(np.float64)) for name, answer in answers.items()}


def quantiles(values: Values) -> list[float]:
    """At `QUANTILES`."""
    return [float(f"{one:.{DIGITS}g}") for one in np.quantile(values, QUANTILES)]


def made(rows: int, snapshot: str | None, pixels: Mapping[str, Any], answers: Mapping[str, Any]) -> dict[str, Any]:
    """The whole file."""
    return {
        "split": "validation",
        "snapshot": snapshot,
        "rows": rows,
        "quantiles": list(QUANTILES),
        "inputs": dict(pixels),
        "outputs": dict(answers),
    }


def _of_output(rows: Values) -> dict[str, list[float]]:
    lengths = np.linalg.norm(rows, axis=1)
    middle = rows.mean(0)
    alike = rows @ middle / np.maximum(lengths * np.linalg.norm(middle), np.finfo(np.float64).tiny)
    measures = {"mean": rows.mean(1), "greatest": rows.max(1), "length": lengths, "likeness": alike}
    return {name: quantiles(values) for name, values in measures.items()}
