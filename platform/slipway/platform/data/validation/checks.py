"""Our expectations by name, with the function that computes each one's frame."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import pandas as pd

from slipway.platform.data.validation import (
    clocks,
    coverage,
    labels,
    leakage,
    likeness,
    permission,
    shift,
    structure,
)  # fmt: skip
from slipway.platform.data.validation.suite import Expectation
from slipway.platform.data.validation.tables import Tables
from slipway.platform.data.validation.vocabulary import OURS

Check = Callable[[Tables, Any], pd.DataFrame]
"""Gives a frame with `row`, `sample` and `fault`, and its own parameters' model for an argument."""

CHECKS: Final[Mapping[str, Check]] = {
    "expect_rows_inside_shards": structure.rows_inside_shards,
    "expect_legal_basis": permission.legal_basis,
    "expect_retention_not_expired": permission.retention_not_expired,
    "expect_images_to_decode": structure.images_decode,
    "expect_image_bytes_to_match_sample": structure.bytes_match,
    "expect_image_sizes_to_match": structure.sizes_match,
    "expect_boxes_on_known_samples": structure.boxes_on_known_samples,
    "expect_boxes_of_known_identities": structure.boxes_of_known_identities,
    "expect_boxes_inside_images": structure.boxes_inside_images,
    "expect_no_identity_leakage": leakage.identity_leakage,
    "expect_no_day_leakage": leakage.day_leakage,
    "expect_splits_to_stay": leakage.splits_stay,
    "expect_no_duplicates_across_splits": likeness.exact,
    "expect_no_near_duplicates_across_splits": likeness.near,
    "expect_classes_in_every_split": coverage.classes,
    "expect_slices_in_every_split": coverage.slices,
    "expect_no_shift": shift.shift,
    "expect_clocks_to_agree": clocks.clocks_agree,
    "expect_categories_to_agree": labels.categories_agree,
    "expect_identities_to_agree": labels.identities_agree,
    "expect_crops_to_agree": labels.crops_agree,
    "expect_tracks_without_jumps": labels.tracks_without_jumps,
}

ROWS_OF: Final[Mapping[str, str]] = {"boxes": "boxes", "crops": "boxes", "tracks": "boxes", "identities": "identities"}
"""The table whose rows a frame's column `row` counts, by the table that the expectation looks at; else the index."""


def frame_of(one: Expectation, tables: Tables) -> pd.DataFrame:
    """The frame that an expectation is asserted on."""
    if one.native:
        frame: pd.DataFrame = getattr(tables, one.table)
        return frame
    parameters = OURS[one.expectation][1].model_validate(one.kwargs)
    return CHECKS[one.expectation](tables, parameters).reset_index(drop=True)


def rows_of(one: Expectation) -> str:
    """The table whose rows the frame's column `row` counts."""
    return ROWS_OF.get(one.table, one.table if one.native else "index")
