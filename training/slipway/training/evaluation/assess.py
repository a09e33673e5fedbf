"""What is said of predictions: values, intervals, slices, and the difference of two sets on the same units.

A slice with fewer units than `least` is listed with its values and without intervals: they would promise what so few
cannot hold. `Evaluation` and `Difference` are plain records that JSON can say.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from slipway.platform.errors import WrongUse
from slipway.training.evaluation.bootstrap import drawn, interval, values
from slipway.training.evaluation.judged import Difference, Evaluation, Judged, Measure, Slice, Weights
from slipway.training.evaluation.slices import Group, groups_of
from slipway.training.evaluation.weighted import Values

DRAWS: Final = 200
LEAST: Final = 50
"""Units from which a slice has intervals."""

Progress = Callable[[int, int], None]
"""Told how many draws of how many are done."""


def assess(
    judged: Judged, *, draws: int = DRAWS, seed: int = 0, least: int = LEAST, progress: Progress | None = None
) -> Evaluation:
    """Overall and per slice, with 95 % intervals."""
    table = _draw([judged], draws, seed, least, progress)
    measures = {
        (group.column, group.name): {
            name: _measure(_value(judged, name, group), table.found(0, place, name), group.units)
            for name in judged.metrics
        }
        for place, group in enumerate(table.groups)
    }
    return Evaluation(
        headline=next(iter(judged.metrics)),
        overall=measures.pop(("", "")),
        slices=tuple(Slice(column=column, name=name, measures=one) for (column, name), one in measures.items()),
        details=dict(judged.details),
        falling=tuple(sorted(judged.falling)),
        seed=seed,
        draws=draws,
    )


def paired(
    a: Judged, b: Judged, *, draws: int = DRAWS, seed: int = 0, least: int = LEAST, progress: Progress | None = None
) -> tuple[Difference, ...]:
    """`b` less `a` for every metric, overall first and then per slice, with the intervals of the same draws."""
    _check_same(a, b)
    table = _draw([a, b], draws, seed, least, progress)
    differences = []
    for place, group in enumerate(table.groups):
        for name in a.metrics:
            first, second = _value(a, name, group), _value(b, name, group)
            found = table.found(1, place, name) - table.found(0, place, name)
            differences.append(
                Difference(
                    column=group.column,
                    name=group.name,
                    metric=name,
                    first=_or_none(first),
                    second=_or_none(second),
                    difference=_measure(second - first, found, group.units),
                )
            )
    return tuple(differences)


def better(one: Difference, falling: Collection[str] = ()) -> bool:
    """Whether the second is surely better: the whole interval lies on that side."""
    low, high = one.difference.low, one.difference.high
    if low is None or high is None:
        return False
    return high < 0 if one.metric in falling else low > 0


def worse(one: Difference, falling: Collection[str] = ()) -> bool:
    """Whether the second is surely worse."""
    return better(one, () if one.metric in falling else (one.metric,))


@dataclass(frozen=True)
class _Table:
    """The value of every set of predictions, group and metric in every draw; small groups have none."""

    groups: list[Group]
    cells: dict[tuple[int, int, str], list[Values]]

    def found(self, which: int, group: int, metric: str) -> Values:
        blocks = self.cells.get((which, group, metric), [])
        return np.concatenate(blocks) if blocks else np.empty(0)


def _draw(judged: Sequence[Judged], draws: int, seed: int, least: int, progress: Progress | None) -> _Table:
    groups = list(groups_of(judged[0]))
    table = _Table(groups, {})
    done = 0
    for weights in drawn(judged[0].units, judged[0].clusters, draws, seed):
        for place, group in enumerate(groups):
            if group.column and group.units < least:
                continue
            members: Weights = weights * group.members if group.column else weights
            for which, one in enumerate(judged):
                for name, metric in one.metrics.items():
                    table.cells.setdefault((which, place, name), []).append(values(metric, members))
        done += len(weights)
        if progress is not None:
            progress(done, draws)
    return table


def _value(judged: Judged, metric: str, group: Group) -> float:
    return float(judged.metrics[metric](group.members.astype(np.float64)))


def _measure(value: float, found: Values, units: int) -> Measure:
    low, high = interval(found)
    return Measure(value=_or_none(value), low=low, high=high, units=units)


def _or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _check_same(a: Judged, b: Judged) -> None:
    """Only the same units can be compared draw by draw."""
    same = a.units == b.units and a.slices.keys() == b.slices.keys() and _equal(a.clusters, b.clusters)
    if not same or not all(_equal(a.slices[column], b.slices[column]) for column in a.slices):
        raise WrongUse(
            f"The two were judged on different units: {a.units} and {b.units}.",
            mend="Judge both on the same split of the same snapshot.",
        )
    if list(a.metrics) != list(b.metrics):
        raise WrongUse(f"The two have different metrics: {', '.join(a.metrics)} and {', '.join(b.metrics)}.")


def _equal(first: npt.NDArray[Any] | None, second: npt.NDArray[Any] | None) -> bool:
    return first is second or (first is not None and second is not None and np.array_equal(first, second))
