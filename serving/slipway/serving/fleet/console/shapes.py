"""How what a release saw and answered is distributed, drawn over its bundle's reference.

Devices count their values between the reference's quantiles, so a shape is the share of values in each of these parts.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.platform.registry.bundles import load_bundle
from slipway.platform.runs.results import result_key
from slipway.serving.bundle.manifest import REFERENCE
from slipway.serving.edge.telemetry.distributions import Expected, expected_of

if TYPE_CHECKING:
    from slipway.platform.store import Store

References = Mapping[str, Expected]


@dataclass(frozen=True)
class Shape:
    """Two outlines in a box that is as wide as there are parts, and 1 high."""

    parts: int
    seen: str
    expected: str
    values: int
    """How many were counted."""


def references_of(store: "Store", bundle: str) -> References:
    """By measure; none where the bundle has no reference."""
    file = load_bundle(store, bundle).files.get(REFERENCE)
    return {} if file is None else expected_of(json.loads(store.get(result_key(REFERENCE, file))))


def shape_of(expected: Expected | None, counts: Sequence[int]) -> Shape | None:
    """None where nothing was counted, or another reference was counted by."""
    total = sum(counts)
    if expected is None or not total or len(counts) != len(expected.shares):
        return None
    seen = [count / total for count in counts]
    most = max(*seen, *expected.shares)
    return Shape(len(counts), _outline(seen, most), _outline(list(expected.shares), most), total)


def _outline(shares: Sequence[float], most: float) -> str:
    return "M0 1" + "".join(f"V{1 - share / most:.3g}H{place}" for place, share in enumerate(shares, start=1)) + "V1"
