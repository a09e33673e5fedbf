"""What a record of a spool says, read from bytes that may come from anybody.

A record that cannot be read is counted and let go: refused, it would come again for ever and hold up all after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pydantic_core

from slipway.serving.channel.limits import MOST
from slipway.serving.edge.decisions import parse_id
from slipway.serving.errors import SlipwayError
from slipway.serving.fleet.store.packing import Sum
from slipway.serving.fleet.store.plain import is_plain, plain
from slipway.serving.runtime.quantiles import Quantiles

OF_DEVICE: Final = "device"
LONGEST_NAME: Final = 128
MOST_PARTS: Final = 256
MOST_MEASURES: Final = 256
LONGEST_WHY: Final = 64
MOST_BOXES: Final = 100
KEPT_LETTERS: Final = 64


class Unreadable(Exception):
    """A record that says nothing."""


@dataclass(frozen=True)
class Subject:
    """What a record is about."""

    name: str
    model: str
    release: int | None


@dataclass(frozen=True)
class Sample:
    """A picture, and why it was kept."""

    decision: str
    why: str
    confidence: float | None
    novelty: float | None
    picture: bytes = field(repr=False)
    told: Mapping[str, Any] = field(default_factory=dict)
    """`stream`, and `answer` with its `score`, or `boxes`: left, top, right, bottom, category, score."""


def subject_named(name: str) -> Subject:
    """`model/release/bundle`, or `device`, whose model is empty."""
    model, _, rest = name.partition("/")
    number, _, bundle = rest.partition("/")
    release = int(number) if number.isascii() and number.isdecimal() and len(number) <= len(str(MOST)) else None
    if name == OF_DEVICE or not bundle:
        return Subject(name if name == OF_DEVICE else "unknown", "", None)
    if len(model) > KEPT_LETTERS or not is_plain(name):
        return Subject("unknown", "", None)
    return Subject(name, model, release if release is not None and 1 <= release <= MOST else None)


def counts_in(body: bytes) -> Sum:
    """A record of counts."""
    told = _object(body)
    found = Sum()
    for name, count in told.items():
        if not _is_count(count) or len(name) > LONGEST_NAME:
            raise Unreadable(name)
    found.add_counts(told)
    return found


def sketch_in(body: bytes) -> Sum:
    """A record of latencies and distributions."""
    told = _object(body)
    found = Sum()
    try:
        if "latency_ms" in told:
            found.latency = Quantiles.from_json(told["latency_ms"])
        if "running_ms" in told:
            found.running = Quantiles.from_json(told["running_ms"])
    except SlipwayError as error:
        raise Unreadable(str(error)) from None
    found.add_seen(_distributions(told.get("distributions", {})))
    apart = told.get("divergence", {})
    if not isinstance(apart, Mapping):
        raise Unreadable("divergence")
    for name, parts in found.seen.items():
        share, seen = apart.get(name), float(sum(parts))
        if isinstance(share, int | float) and 0 <= share <= 1 and seen:
            found.divergence[name] = [seen, seen * share]
    return found


def sample_in(body: bytes, device: str) -> Sample:
    """A record of a sample: a line of JSON, then the picture."""
    line, _, picture = body.partition(b"\n")
    told = _object(line)
    decision, why = told.get("decision"), told.get("why")
    if not isinstance(decision, str) or not isinstance(why, str) or not picture:
        raise Unreadable("sample")
    try:
        by = parse_id(decision).device
    except SlipwayError:
        raise Unreadable("decision") from None
    if by != device:
        raise Unreadable("another device's decision")
    confidence, novelty = told.get("confidence"), told.get("novelty")
    return Sample(
        decision,
        plain(why[:LONGEST_WHY]),
        confidence if _is_number(confidence) else None,
        novelty if _is_number(novelty) else None,
        picture,
        _told_of(told),
    )


def _told_of(told: Mapping[str, Any]) -> dict[str, Any]:
    """Stream and answer; what is no such thing is left out, and the picture stays."""
    found = {name: told[name] for name in ("stream", "answer") if _is_name(told.get(name))}
    if "answer" in found and _is_number(told.get("score")):
        found["score"] = told["score"]
    boxes = told.get("boxes")
    if isinstance(boxes, list) and len(boxes) <= MOST_BOXES and all(map(_is_box, boxes)):
        found["boxes"] = boxes
    return found


def _is_box(box: Any) -> bool:  # noqa: ANN401 - it may be anything
    if not isinstance(box, list) or len(box) != 6:  # noqa: PLR2004 - four sides, a category, a score
        return False
    return all(map(_is_number, (*box[:4], box[5]))) and _is_name(box[4])


def _is_name(text: Any) -> bool:  # noqa: ANN401 - it may be anything
    return isinstance(text, str) and 0 < len(text) <= LONGEST_NAME and is_plain(text)


def _distributions(told: object) -> dict[str, list[int]]:
    if not isinstance(told, Mapping) or len(told) > MOST_MEASURES:
        raise Unreadable("distributions")
    for name, parts in told.items():
        if len(name) > LONGEST_NAME or not isinstance(parts, list) or not 1 <= len(parts) <= MOST_PARTS:
            raise Unreadable(name)
        if not all(map(_is_count, parts)):
            raise Unreadable(name)
    return dict(told)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = pydantic_core.from_json(body, allow_inf_nan=False)
    except ValueError:
        raise Unreadable("no JSON") from None
    if not isinstance(found, dict) or not all(map(is_plain, found)):
        raise Unreadable("no object")
    return found


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST


def _is_number(value: Any) -> bool:  # noqa: ANN401 - it may be anything
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MOST
