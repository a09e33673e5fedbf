"""The expectations that a suite may name, and what each may be told.

Those of Great Expectations are a choice of what makes sense on a snapshot's tables. Ours look across tables, at the
images or at an earlier snapshot; each has its parameters as a model with defaults. Nothing here computes, so that the
parent process can refuse a bad suite without loading a library.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from slipway.platform.data.schema import BOXES, IDENTITIES, INDEX

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "index": tuple(INDEX.names),
    "boxes": tuple(BOXES.names),
    "identities": tuple(IDENTITIES.names),
}
"""The tables that Great Expectations' own expectations may be told to look at, with their columns."""

COLUMN_KEYS: Final = ("column", "column_A", "column_B", "column_list")
"""The arguments that hold names of columns."""

RANGE: Final = frozenset({"min_value", "max_value", "strict_min", "strict_max"})
MOSTLY: Final = frozenset({"mostly"})


@dataclass(frozen=True)
class Native:
    """An expectation of Great Expectations: the arguments it must and may have."""

    required: frozenset[str] = frozenset({"column"})
    optional: frozenset[str] = MOSTLY


ON_RANGE: Final = Native(optional=RANGE)
ON_SET: Final = Native(required=frozenset({"column", "value_set"}))
ON_PATTERN: Final = Native(required=frozenset({"column", "regex"}))

NATIVE: Final[Mapping[str, Native]] = {
    "expect_column_values_to_be_null": Native(),
    "expect_column_values_to_not_be_null": Native(),
    "expect_column_values_to_be_unique": Native(),
    "expect_column_values_to_be_between": Native(optional=RANGE | MOSTLY),
    "expect_column_values_to_be_in_set": ON_SET,
    "expect_column_values_to_not_be_in_set": ON_SET,
    "expect_column_values_to_match_regex": ON_PATTERN,
    "expect_column_values_to_not_match_regex": ON_PATTERN,
    "expect_column_value_lengths_to_be_between": Native(optional=RANGE | MOSTLY),
    "expect_column_distinct_values_to_contain_set": Native(frozenset({"column", "value_set"}), frozenset()),
    "expect_column_distinct_values_to_be_in_set": Native(frozenset({"column", "value_set"}), frozenset()),
    "expect_column_unique_value_count_to_be_between": ON_RANGE,
    "expect_column_min_to_be_between": ON_RANGE,
    "expect_column_max_to_be_between": ON_RANGE,
    "expect_column_mean_to_be_between": ON_RANGE,
    "expect_column_median_to_be_between": ON_RANGE,
    "expect_column_pair_values_a_to_be_greater_than_b": Native(
        frozenset({"column_A", "column_B"}), frozenset({"or_equal"}) | MOSTLY
    ),
    "expect_compound_columns_to_be_unique": Native(frozenset({"column_list"}), MOSTLY),
    "expect_table_row_count_to_be_between": Native(frozenset(), RANGE),
}


class Parameters(BaseModel):
    """What an expectation of ours is told; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mostly: float = Field(default=1.0, gt=0, le=1)


class Inside(Parameters):
    """How far a box may reach beyond its image, and how small it may be, in pixels."""

    tolerance: float = Field(default=1.0, ge=0)
    smallest: float = Field(default=1.0, gt=0)


class LegalBasis(Parameters):
    """The bases that count; empty means any."""

    allowed: tuple[str, ...] = ()


class Near(Parameters):
    """How alike two images are that count as the same: bits of their hashes, grey levels of their thumbnails."""

    distance: int = Field(default=3, ge=0, le=7)
    levels: float = Field(default=2.0, ge=0)


class Coverage(Parameters):
    """How many images, or boxes, each value needs in each of the splits."""

    smallest: int = Field(default=1, ge=1)
    splits: tuple[str, ...] = ("train", "validation", "test")


class ClassCoverage(Coverage):
    """A class needs `individuals`, and may be missing from a split only where fewer than `expected` were due there."""

    expected: float = Field(default=3.0, ge=0)
    individuals: int = Field(default=2, ge=1)


class SliceCoverage(Coverage):
    """The columns whose values count."""

    columns: tuple[str, ...] = ("light", "weather")


class Shift(Parameters):
    """When a slice's share has moved: by more than `change`, and less likely by chance than `significance`."""

    columns: tuple[str, ...] = ("site", "camera", "light", "weather", "category", "slices")
    significance: float = Field(default=0.001, gt=0, lt=1)
    change: float = Field(default=0.2, gt=0, lt=1)
    appeared: float = Field(default=0.02, gt=0, lt=1)


class Clocks(Parameters):
    """How many passages tell an offset, which share must agree, and which seconds are forgiven or still a journey."""

    smallest: int = Field(default=5, ge=3)
    agreement: float = Field(default=0.8, gt=0.5, le=1)
    tolerance: float = Field(default=20.0, gt=0)
    journey: float = Field(default=300.0, gt=0)


class Crops(Parameters):
    """How many crops a group needs, and how many times the usual spread a crop of it must be away."""

    smallest: int = Field(default=3, ge=3)
    spreads: float = Field(default=7.0, gt=0)


class Agreement(Parameters):
    """How many boxes a track or identity needs, and which share must say the same for the others to stand out."""

    smallest: int = Field(default=3, ge=2)
    majority: float = Field(default=0.6, gt=0.5, le=1)


class Jumps(Parameters):
    """How many of its own lengths an object may move between neighbouring frames."""

    lengths: float = Field(default=3.0, gt=0)


OURS: Final[Mapping[str, tuple[str, type[Parameters]]]] = {
    "expect_rows_inside_shards": ("index", Parameters),
    "expect_legal_basis": ("index", LegalBasis),
    "expect_retention_not_expired": ("index", Parameters),
    "expect_images_to_decode": ("images", Parameters),
    "expect_image_bytes_to_match_sample": ("images", Parameters),
    "expect_image_sizes_to_match": ("images", Parameters),
    "expect_boxes_on_known_samples": ("boxes", Parameters),
    "expect_boxes_of_known_identities": ("boxes", Parameters),
    "expect_boxes_inside_images": ("boxes", Inside),
    "expect_no_identity_leakage": ("identity_splits", Parameters),
    "expect_no_day_leakage": ("day_splits", Parameters),
    "expect_splits_to_stay": ("earlier_splits", Parameters),
    "expect_no_duplicates_across_splits": ("duplicates", Parameters),
    "expect_no_near_duplicates_across_splits": ("near_duplicates", Near),
    "expect_classes_in_every_split": ("class_coverage", ClassCoverage),
    "expect_slices_in_every_split": ("slice_coverage", SliceCoverage),
    "expect_no_shift": ("shift", Shift),
    "expect_clocks_to_agree": ("clocks", Clocks),
    "expect_categories_to_agree": ("boxes", Agreement),
    "expect_identities_to_agree": ("boxes", Agreement),
    "expect_crops_to_agree": ("crops", Crops),
    "expect_tracks_without_jumps": ("tracks", Jumps),
}
"""Ours: the table that each looks at, and its parameters."""
