"""What a device did, added up and packed: counts, latencies, and how far it lay from the reference.

Counts and distributions are sums, so whoever adds them in whatever order gets the same. Latencies are `Quantiles`,
packed as their sum and the buckets that hold something.
"""

import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from slipway.serving.runtime.quantiles import Quantiles

_TOTAL: Final = struct.Struct("<d")
_BUCKET: Final = struct.Struct("<BQ")
MOST_COUNTED: Final = (1 << 64) - 1
MOST_NAMES: Final = 2_000
"""Of counts in one row; a device that invents more is cut."""


def pack(quantiles: Quantiles) -> bytes:
    """Empty where nothing was counted."""
    buckets = [_BUCKET.pack(index, min(count, MOST_COUNTED)) for index, count in enumerate(quantiles.counts) if count]
    return b"".join((_TOTAL.pack(quantiles.total), *buckets)) if buckets else b""


def merge_packed(into: Quantiles, packed: bytes) -> None:
    """Add what `pack` gave."""
    if packed:
        into.total += _TOTAL.unpack_from(packed)[0]
        for index, count in _BUCKET.iter_unpack(packed[_TOTAL.size :]):
            into.counts[index] += count


class Packed(Quantiles):
    """What `pack` gave, once or several times, opened and added up when somebody looks at it."""

    __slots__ = ("_packed",)

    def __init__(self, packed: Iterable[bytes]) -> None:
        self._packed = packed

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - of the slots that are still empty
        if name not in Quantiles.__slots__:
            raise AttributeError(name)
        opened = Quantiles()
        for one in self._packed:
            merge_packed(opened, one)
        self.counts, self.total = opened.counts, opened.total  # whole, whoever else looks at this moment
        return getattr(self, name)


def add_counts(into: dict[str, int], counts: Mapping[str, int]) -> None:
    """Add these."""
    for name, count in counts.items():
        if name in into or len(into) < MOST_NAMES:
            into[name] = into.get(name, 0) + count


def add_divergence(into: dict[str, list[float]], divergence: Mapping[str, Any]) -> None:
    """Add these, each with its weight."""
    for name, (weight, total) in divergence.items():
        mine = into.setdefault(name, [0.0, 0.0])
        mine[0] += weight
        mine[1] += total


def apart(divergence: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """By measure, how far from the reference, weighed by what was seen."""
    return {name: total / weight for name, (weight, total) in divergence.items() if weight}


@dataclass
class Sum:
    """What was done in a span of time."""

    counts: dict[str, int] = field(default_factory=dict)
    latency: Quantiles = field(default_factory=Quantiles)
    running: Quantiles = field(default_factory=Quantiles)
    divergence: dict[str, list[float]] = field(default_factory=dict)
    """By measure: how much was seen, and the distance times that."""
    seen: dict[str, list[int]] = field(default_factory=dict)
    """By measure: counts between the reference's quantiles."""

    def add_row(self, counts: str, latency: bytes, running: bytes, divergence: str) -> None:
        """Add what a row holds, without `seen`."""
        self.add_counts(json.loads(counts))
        merge_packed(self.latency, latency)
        merge_packed(self.running, running)
        self.add_divergence(json.loads(divergence) if divergence else {})

    def add(self, other: "Sum") -> None:
        """Add all that the other holds."""
        self.add_counts(other.counts)
        self.latency.merge(other.latency)
        self.running.merge(other.running)
        self.add_divergence(other.divergence)
        self.add_seen(other.seen)

    def add_counts(self, counts: Mapping[str, int]) -> None:
        """Add these."""
        add_counts(self.counts, counts)

    def add_divergence(self, divergence: Mapping[str, Any]) -> None:
        """Add these, each with its weight."""
        add_divergence(self.divergence, divergence)

    def add_seen(self, seen: Mapping[str, list[int]]) -> None:
        """Add distributions; another reference's, which has other parts, begins anew."""
        for name, parts in seen.items():
            mine = self.seen.get(name)
            if mine is None or len(mine) != len(parts):
                self.seen[name] = list(parts)
            else:
                self.seen[name] = [one + other for one, other in zip(mine, parts, strict=True)]

    def apart(self) -> dict[str, float]:
        """How far from the reference."""
        return apart(self.divergence)

    def columns(self) -> dict[str, Any]:
        """As a row has it."""
        return {
            "counts": text_of(self.counts),
            "latency": pack(self.latency),
            "running": pack(self.running),
            "divergence": text_of(self.divergence) if self.divergence else "",
            "seen": text_of(self.seen) if self.seen else "",
        }


def text_of(value: object) -> str:
    """JSON in one spelling."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
