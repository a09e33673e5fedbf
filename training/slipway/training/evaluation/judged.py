"""Metrics as functions of weights over units, and what is said about them.

A unit is what counts: an image for detection, a query for re-identification. A metric is a function of how often each
unit counts, so the value (every unit once), a slice (only its units), and an interval (units drawn with replacement)
are the same call. Where units say the same thing twice, as the pictures of one individual do, they form a cluster and a
bootstrap draws clusters, or its intervals would be too narrow.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

Weights = npt.NDArray[np.float64]


class Metric(Protocol):
    """A value from how often each unit counts; NaN where it is not defined."""

    def __call__(self, weights: Weights) -> float: ...


@dataclass(frozen=True)
class Judged:
    """Predictions held against truth, ready to be counted."""

    metrics: Mapping[str, Metric]
    """The first one is the headline; greater is better but for those in `falling`."""
    units: int
    """How many units there are."""
    slices: Mapping[str, npt.NDArray[np.str_]]
    """For each column of slices the value of each unit."""
    samples: pa.Table
    """A line for each thing that was judged: `sample`, `error` (greater is worse), and what helps to look at it."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Curves and tables that JSON can say: precision and recall, confusion, calibration."""
    falling: frozenset[str] = frozenset()
    clusters: npt.NDArray[np.int64] | None = None
    """For each unit the cluster that it is drawn with, counted from 0; without, each is drawn by itself."""


class Part(BaseModel):
    """A frozen piece of an evaluation."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Measure(Part):
    """A metric's value with its 95 % interval, from so many units."""

    value: float | None
    low: float | None = None
    high: float | None = None
    units: int


class Slice(Part):
    """The metrics of one slice."""

    column: str
    name: str
    measures: Mapping[str, Measure]


class Evaluation(Part):
    """What is said of one set of predictions."""

    headline: str
    """The metric that decides which of two is better."""
    overall: Mapping[str, Measure]
    slices: tuple[Slice, ...] = ()
    details: Mapping[str, Any] = {}
    falling: tuple[str, ...] = ()
    """Metrics of which less is better."""
    seed: int = 0
    draws: int = 0


class Difference(Part):
    """One metric of two sets of predictions on the same units: the second less the first."""

    column: str = ""
    """Empty for all units together."""
    name: str = ""
    metric: str
    first: float | None
    second: float | None
    difference: Measure
