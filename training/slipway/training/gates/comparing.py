"""Holding two bundles against each other on the same rows and the same draws.

Dropped are rows that either lineage has seen: whoever trained on them would be flattered. What is drawn, and drawn
again, are the units that remain, so the interval is that of a difference on one and the same data.
"""

from collections.abc import Collection
from typing import Final

import numpy as np

from slipway.platform.errors import WrongUse
from slipway.platform.models.gates import NonInferiority
from slipway.training.evaluation.bootstrap import LEAST_DEFINED, drawn, values
from slipway.training.evaluation.judged import Judged
from slipway.training.gates.evidence import Compared
from slipway.training.gates.restricted import restricted

DRAWS: Final = 500
SEED: Final = 0
Interval = tuple[float | None, float | None]


def compare(
    check: NonInferiority, variant: str, candidate: Judged, against: str, champion: Judged, seen: Collection[str]
) -> tuple[Compared, int, int]:
    """The comparison, how many units there were, and how many of them were dropped."""
    if candidate.units != champion.units or candidate.samples.num_rows != candidate.units:
        raise WrongUse(f"The two were judged on different units: {candidate.units} and {champion.units}.")
    if not candidate.samples["sample"].equals(champion.samples["sample"]):
        raise WrongUse("The two were judged on different samples, or in another order.")
    fresh = np.array([sample not in seen for sample in candidate.samples["sample"].to_pylist()], bool)
    first, second = restricted(champion, fresh), restricted(candidate, fresh)
    metric = check.metric or next(iter(candidate.metrics))
    if metric not in candidate.metrics or metric not in champion.metrics:
        raise WrongUse(f"There is no metric `{metric}`; there are {', '.join(candidate.metrics)}.")
    ones = np.ones((1, second.units))
    low, high = difference(first, second, metric, check.confidence)
    return (
        Compared(
            variant=variant,
            against=against,
            metric=metric,
            first=_or_none(values(first.metrics[metric], ones)),
            second=_or_none(values(second.metrics[metric], ones)),
            low=low,
            high=high,
            units=second.units,
        ),
        candidate.units,
        candidate.units - second.units,
    )


def difference(first: Judged, second: Judged, metric: str, confidence: float) -> Interval:
    """Between which values the second's advantage lies; more is better, also where less of the metric is."""
    if not second.units:
        return None, None
    found = np.concatenate(
        [
            values(second.metrics[metric], weights) - values(first.metrics[metric], weights)
            for weights in drawn(second.units, second.clusters, DRAWS, SEED)
        ]
    )
    defined = found[np.isfinite(found)] * (-1.0 if metric in second.falling else 1.0)
    if len(defined) < LEAST_DEFINED * len(found):
        return None, None
    edge = (1.0 - confidence) / 2
    low, high = np.quantile(defined, [edge, 1.0 - edge])
    return float(low), float(high)


def _or_none(found: "np.typing.NDArray[np.float64]") -> float | None:
    return float(found[0]) if np.isfinite(found[0]) else None
