"""What a bundle must pass before it may become a version: limits, declared per model.

Each check says what is measured, the limit, and what happens where it cannot be measured when the gate runs: `fail`,
or `prove-on-device`, which leaves the proof to the device that is about to run it. Limits of latency, memory and size
stand with the device classes. What is not named is not checked, but for the comparison with the champion, parity,
budgets, leakage and the data's verdict, which hold for every model.
"""

from collections.abc import Mapping
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from slipway.platform.models.piece import Line, Piece, Share

Variant = Literal["fp32", "fp16", "int8-cpu", "int8-trt"]
WhenUnavailable = Literal["fail", "prove-on-device"]
Distortion = Literal["blur", "noise", "jpeg", "darkness"]
SLICES: Final = ("site", "camera", "light", "weather")
BEST_QUALITY: Final = 100


class Check(Piece):
    """What every check says."""

    when_unavailable: WhenUnavailable = "fail"
    """What happens where it cannot be measured."""


class Floor(Check):
    """A metric that is at least or at most so much, over all units or in one slice."""

    metric: Line
    """Its name in the evaluation, such as `map` or `accuracy`."""
    least: float | None = None
    """The smallest value that passes."""
    most: float | None = None
    """The greatest value that passes."""
    column: Line | None = None
    """The column of the slice; none is all units."""
    slice: Line | None = None
    """The slice's value in that column."""

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if (self.least is None) == (self.most is None):
            raise ValueError("A floor has either `least` or `most`")
        if (self.column is None) != (self.slice is None):
            raise ValueError("A slice is named by both `column` and `slice`")
        return self


class NonInferiority(Check):
    """Not worse than the champion by more than a margin, by paired bootstrap on rows that neither has trained on."""

    metric: Line | None = None
    """None is the evaluation's headline."""
    margin: float = Field(default=0.0, ge=0)
    """How much worse it may be."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """Of the interval that must lie above the margin."""
    units: int = Field(default=50, ge=1)
    """Fewer remaining units decide nothing, and nothing passes."""


class WorstSlice(Check):
    """The worst slice is still good enough."""

    metric: Line | None = None
    """None is the evaluation's headline."""
    least: float
    """The smallest value that passes."""
    columns: tuple[Line, ...] = SLICES
    """Which slices are looked at."""
    units: int = Field(default=50, ge=1)
    """Slices with fewer units are left out."""


class Gap(Check):
    """The best and the worst group of a column are not too far apart."""

    column: Line
    """The column that makes the groups."""
    most: float = Field(ge=0)
    """The greatest difference that passes."""
    metric: Line | None = None
    """None is the evaluation's headline."""
    units: int = Field(default=50, ge=1)
    """Groups with fewer units are left out."""


class Calibration(Check):
    """Confidence means what it says."""

    metric: Line = "calibration_error"
    """The calibration error's name in the evaluation."""
    most: Share
    """The greatest error that passes."""


class Robustness(Check):
    """A disturbed image costs no more than so much of the metric."""

    distortion: Distortion
    """What is done to the images."""
    strength: float = Field(gt=0)
    """Blur: sigma in pixels; noise: sigma in grey levels; jpeg: quality; darkness: share of the light that is left."""
    most: float = Field(ge=0)
    """The greatest loss that passes."""
    metric: Line | None = None
    """None is the evaluation's headline."""

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.distortion == "jpeg" and not 1 <= self.strength <= BEST_QUALITY:
            raise ValueError(f"The strength of `jpeg` is its quality, from 1 to {BEST_QUALITY}")
        if self.distortion == "darkness" and self.strength >= 1:
            raise ValueError("The strength of `darkness` is the share of light that is left, below 1")
        return self


class Parity(Check):
    """Every variant says what the checkpoint says."""

    heads: Mapping[Variant, float] = {"fp32": 1e-3, "fp16": 2e-2}
    """Greatest difference of raw heads by variant; a variant that is not named is held by its metric alone."""
    metric: float = Field(default=0.01, ge=0)
    """Greatest loss of the headline in any slice, against the checkpoint."""
    units: int = Field(default=50, ge=1)
    """Slices with fewer units are left out."""
    rank_flips: Share | None = None
    """Share of queries whose first match may change; for models that rank."""


class DataVerdict(Check):
    """The snapshot that it was trained on passed its validation."""

    warnings: int | None = Field(default=None, ge=0)
    """How many warnings pass; none is any number."""


class Leakage(Check):
    """No row that it is judged on is one that its lineage trained on."""


class Gates(Piece):
    """All checks of a model."""

    floors: tuple[Floor, ...] = ()
    """Metrics that are good enough, overall or in a slice."""
    against_champion: NonInferiority = NonInferiority()
    """Not worse than the champion."""
    worst_slice: tuple[WorstSlice, ...] = ()
    """The worst slice is still good enough."""
    gaps: tuple[Gap, ...] = ()
    """Groups are not too far apart."""
    calibration: Calibration | None = None
    """Confidence means what it says."""
    robustness: tuple[Robustness, ...] = ()
    """Disturbed images cost little."""
    budgets: Check = Check()
    """Latency, memory and size of each device class, whose limits stand there."""
    parity: Parity = Parity()
    """Every variant says what the checkpoint says."""
    data: DataVerdict = DataVerdict()
    """Its data passed validation."""
    leakage: Leakage = Leakage()
    """It is judged on nothing that it has seen."""
