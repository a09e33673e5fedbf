"""The metrics of several runs side by side, each with its interval, overall and by slice.

A judgement is read as plain JSON: `headline`, `overall` and `slices` with `value`, `low`, `high`, `units` for each
metric, `falling`. A value that is no finite number counts as not measured.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_NUMBERS: Final = ("value", "low", "high")


@dataclass(frozen=True)
class Measured:
    """One metric of one slice in each run: `value`, `low`, `high`, `units`; None where a run has none of it."""

    metric: str
    column: str
    slice: str
    falling: bool
    """Whether less is better."""
    headline: bool
    values: tuple[Mapping[str, Any] | None, ...]

    def change(self, place: int) -> float | None:
        """How much more it is than in the first run."""
        first, other = self._value(0), self._value(place)
        return None if first is None or other is None else other - first

    def apart(self, place: int) -> bool:
        """Whether the interval does not meet the first run's."""
        one, other = self.values[0], self.values[place]
        bounds = [side.get(name) if side else None for side in (one, other) for name in ("low", "high")]
        if any(bound is None for bound in bounds):
            return False
        low, high, other_low, other_high = (float(bound) for bound in bounds if bound is not None)
        return high < other_low or other_high < low

    def better(self, place: int) -> bool | None:
        """Whether it is clearly better than the first run, clearly worse, or neither."""
        change = self.change(place)
        return None if change is None or not self.apart(place) else (change < 0) == self.falling

    def _value(self, place: int) -> float | None:
        measure = self.values[place]
        return None if measure is None or measure.get("value") is None else float(measure["value"])


def measured(judgements: Sequence[Mapping[str, Any]]) -> list[Measured]:
    """All metrics of all runs, overall first."""
    tables = [dict(_measures(judged)) for judged in judgements]
    falling = {metric for judged in judgements for metric in judged.get("falling", ())}
    headlines = {judged.get("headline") for judged in judgements}
    keys = sorted(dict.fromkeys(key for table in tables for key in table), key=lambda key: key[:2] != ("", ""))
    return [
        Measured(
            metric=metric,
            column=column,
            slice=name,
            falling=metric in falling,
            headline=metric in headlines,
            values=tuple(table.get((column, name, metric)) for table in tables),
        )
        for column, name, metric in keys
    ]


def _measures(judged: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str, str], Mapping[str, Any]]]:
    headline = judged.get("headline")
    groups = [("", "", judged.get("overall", {}))]
    groups += [(one["column"], one["name"], one["measures"]) for one in judged.get("slices", ())]
    for column, name, measures in groups:
        for metric in sorted(measures, key=lambda metric: metric != headline):
            yield (column, name, metric), _finite(measures[metric])


def _finite(measure: Mapping[str, Any]) -> dict[str, Any]:
    return {**measure, **{name: _number(measure.get(name)) for name in _NUMBERS}}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
