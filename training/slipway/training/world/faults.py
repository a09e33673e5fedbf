"""What is planted after rendering: wrong labels, damaged files; whom it hits is a pure function of names.

The faults that are planted before (more nights, another camera, another fleet, a wrong clock) are in the plan.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from slipway.platform.data.rows import Box
from slipway.training.world.chance import Chance
from slipway.training.world.recording import Sample
from slipway.training.world.scenarios import Scenario

NOISE_SHARE: Final = 0.125
CATEGORIES: Final = ("car", "van", "lorry", "motorcycle")
COPY: Final = "copy in another split"
DAMAGE: Final = (
    "truncated",
    "undecodable",
    "box outside",
    "box without area",
    "no legal basis",
    "expired",
    COPY,
)
KINDS_IN_SESSION: Final = 3
"""So many kinds of damage a session has for certain; the next one goes on after them."""
EVERY: Final = 6
"""One sample in so many is damaged."""
EXPIRED: Final = "2020-01-31"
COPY_MARK: Final = b"\xff\xfe\x00\x06copy"
"""A JPEG comment: other bytes, the same picture."""

Planted = tuple[Sample, str]
"""A sample and what was done to it, or nothing."""


def plant(scenario: Scenario, samples: Iterable[Sample], session: int) -> Iterator[Planted]:
    """The samples of a session, by its number in the plan, with the scenario's fault in them."""
    if scenario.fault == "label-noise":
        yield from _mislabel(scenario, list(samples))
    elif scenario.fault == "corrupt":
        yield from _damage(list(samples), session)
    else:
        yield from ((sample, "") for sample in samples)


def _mislabel(scenario: Scenario, samples: list[Sample]) -> Iterator[Planted]:
    names = sorted({box.identity for sample in samples for box in sample.boxes if box.identity})
    for sample in samples:
        chance = Chance(scenario.seed, "label noise", sample.image.source)
        boxes, told = [], []
        for number, box in enumerate(sample.boxes):
            one = chance.of(number)
            wrong = _wrong(box, one, names, sample.image.slices["view"]) if one.happens(NOISE_SHARE) else box
            boxes.append(wrong)
            if wrong is not box:
                told.append(f"box {number}: {box.category}/{box.identity} became {wrong.category}/{wrong.identity}")
        yield replace(sample, boxes=tuple(boxes)), "; ".join(told)


def _wrong(box: Box, chance: Chance, names: list[str], view: str) -> Box:
    """Another category for a box in a scene or of a bay, another identity for a crop."""
    if view == "bay":
        return replace(box, category="free" if box.category == "occupied" else "occupied")
    others = [name for name in names if name != box.identity]
    if view == "crop" and others:
        return replace(box, identity=chance.pick(others))
    return replace(box, category=chance.pick([name for name in CATEGORIES if name != box.category]))


def _damage(samples: list[Sample], session: int) -> Iterator[Planted]:
    first = session * KINDS_IN_SESSION
    for number, sample in enumerate(samples):
        kind = DAMAGE[(first + number // EVERY) % len(DAMAGE)] if number % EVERY == 0 else ""
        changed = damaged(sample, kind) if kind else sample
        if kind == COPY:
            yield sample, ""
        yield changed, kind if changed is not sample else ""


def damaged(sample: Sample, kind: str) -> Sample:
    """A sample with one kind of damage."""
    image = sample.image
    if kind == "truncated":
        return replace(sample, data=sample.data[: len(sample.data) * 2 // 5])
    if kind == "undecodable":
        return replace(sample, data=sample.data[:20] + bytes(len(sample.data) - 20))
    if kind == "no legal basis":
        return replace(sample, image=replace(image, legal_basis=None))
    if kind == "expired":
        return replace(sample, image=replace(image, retention=EXPIRED))
    if kind == COPY:
        other = "test" if image.split == "train" else "train"
        copied = replace(image, split=other, source=f"copies/{image.source}")
        return Sample(sample.data[:2] + COPY_MARK + sample.data[2:], copied, sample.boxes)
    if not sample.boxes:
        return sample
    first = sample.boxes[0]
    wrong = replace(first, x=first.x + image.width) if kind == "box outside" else replace(first, w=0.0)
    return replace(sample, boxes=(wrong, *sample.boxes[1:]))
