"""How what a model sees and answers is distributed, beside its bundle's `reference.json`.

The reference holds, for each measure, quantiles of what validation rows gave. Here values are counted between those
quantiles: counts of the same bundle can be added, whoever counted, and the share that lies elsewhere than in the
reference is one number between 0 (the same) and 1 (nothing in common).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from slipway.serving.runtime.session import Arrays

Values = npt.NDArray[np.float64]

IMAGE_DIMS: Final = 4
"""Of a batch of images."""
COLOURS: Final = ("red", "green", "blue")
WARMTH: Final = "warmth"
"""How much more red than blue there is: lamps are warm, and a camera that sees heat has no colours."""
LEVELS: Final = "quantiles"


def measures_of(inputs: Arrays, outputs: Arrays) -> Iterator[tuple[str, Values]]:
    """Each row's measures, as `reference.json` has them: of images colour, warmth and contrast, of outputs three."""
    for tensor, images in inputs.items():
        if images.dtype == np.uint8 and images.ndim == IMAGE_DIMS and images.shape[1] == len(COLOURS):
            means = images.mean((2, 3))
            for channel, name in enumerate(COLOURS):
                yield f"inputs.{tensor}.{name}", means[:, channel]
            yield f"inputs.{tensor}.{WARMTH}", means[:, 0] - means[:, 2]
            yield f"inputs.{tensor}.contrast", images.reshape(len(images), -1).std(1)
    for name, answer in outputs.items():
        rows = answer.reshape(len(answer), -1).astype(np.float64)
        yield f"outputs.{name}.mean", rows.mean(1)
        yield f"outputs.{name}.greatest", rows.max(1)
        yield f"outputs.{name}.length", np.linalg.norm(rows, axis=1)


@dataclass(frozen=True)
class Expected:
    """One measure of the reference: which share of values lies at or below each edge."""

    edges: Values
    shares: Values
    """Of the parts between the edges, with what lies below the first and above the last."""

    @classmethod
    def of(cls, quantiles: Values, levels: Values) -> "Expected | None":
        """Equal quantiles are one edge, with the share of all of them; None where nothing can be told apart."""
        edges, first = np.unique(quantiles, return_index=True)
        if len(edges) < 2 or not np.isfinite(edges).all():  # noqa: PLR2004 - two edges make one part
            return None
        below = levels[np.append(first[1:], len(levels)) - 1]
        return cls(edges, np.diff(below, prepend=0.0, append=1.0))

    def parts(self, values: Values) -> npt.NDArray[np.int64]:
        """How many values lie in each part."""
        return np.bincount(np.searchsorted(self.edges, values, side="left"), minlength=len(self.shares))


def expected_of(reference: Mapping[str, Any]) -> dict[str, Expected]:
    """Every measure of a reference that can be compared; what is not as an export writes it is left out."""
    levels = _numbers(reference.get(LEVELS))
    if levels is None:
        return {}
    found: dict[str, Expected] = {}
    for name, told in _measures(reference):
        quantiles = _numbers(told)
        if quantiles is not None and len(quantiles) == len(levels) and (one := Expected.of(quantiles, levels)):
            found[name] = one
    return found


def _measures(reference: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for side in ("inputs", "outputs"):
        tensors = reference.get(side)
        for name, measures in tensors.items() if isinstance(tensors, Mapping) else ():
            if isinstance(measures, Mapping):
                yield from ((f"{side}.{name}.{measure}", told) for measure, told in measures.items())


def _numbers(told: object) -> Values | None:
    if not isinstance(told, list) or not told or not all(isinstance(one, int | float) for one in told):
        return None
    return np.asarray(told, np.float64)


@dataclass
class Distributions:
    """Counts of what one bundle saw and answered here."""

    expected: Mapping[str, Expected]
    counts: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)

    def observe(self, inputs: Arrays, outputs: Arrays) -> dict[str, npt.NDArray[np.int64]]:
        """Count the rows of one batch; the counts of this batch alone."""
        found = {
            name: expected.parts(values)
            for name, values in measures_of(inputs, outputs)
            if (expected := self.expected.get(name)) is not None and np.isfinite(values).all()
        }
        self.add(found)
        return found

    def add(self, counts: Mapping[str, npt.NDArray[np.int64]]) -> None:
        """Take over what another one of the same bundle has counted."""
        for name, parts in counts.items():
            self.counts[name] = self.counts[name] + parts if name in self.counts else parts

    def divergence(self) -> dict[str, float]:
        """By measure, the share of values that lie elsewhere than in the reference."""
        return {name: apart(self.expected[name], parts) for name, parts in self.counts.items() if parts.sum()}


def apart(expected: Expected, parts: npt.NDArray[np.int64]) -> float:
    """Half the sum of differences: 0 the same, 1 nothing in common."""
    return float(np.abs(parts / parts.sum() - expected.shares).sum() / 2)


def novelty(expected: Mapping[str, Expected], inputs: Arrays, outputs: Arrays) -> Values:
    """By row, how far the strangest measure lies outside of the reference, in the reference's own width."""
    found: Values | None = None
    for name, values in measures_of(inputs, outputs):
        one = expected.get(name)
        if one is None:
            continue
        low, high = one.edges[0], one.edges[-1]
        outside = np.maximum(np.maximum(low - values, values - high), 0.0) / (high - low)
        found = outside if found is None else np.maximum(found, outside)
    return np.zeros(0) if found is None else found
