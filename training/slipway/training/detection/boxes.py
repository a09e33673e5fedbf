"""Overlap of boxes, as tensors whose last axis is left, top, right, bottom."""

import torch
from torch import Tensor

TINY = 1e-6


def area(boxes: Tensor) -> Tensor:
    """Width times height; a box that is turned inside out has none."""
    sides = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0)
    return sides[..., 0] * sides[..., 1]


def overlap(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of boxes that stand in the same place."""
    shared, joined = _shared(first, second)
    return shared / joined.clamp(min=TINY)


def generous_overlap(first: Tensor, second: Tensor) -> Tensor:
    """GIoU: the overlap less the empty share of the box around both, so that boxes apart are drawn together."""
    shared, joined = _shared(first, second)
    left_top = torch.minimum(first[..., :2], second[..., :2])
    right_bottom = torch.maximum(first[..., 2:], second[..., 2:])
    around = area(torch.cat([left_top, right_bottom], dim=-1)).clamp(min=TINY)
    return shared / joined.clamp(min=TINY) - (around - joined) / around


def _shared(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Areas of intersection and of union."""
    left_top = torch.maximum(first[..., :2], second[..., :2])
    right_bottom = torch.minimum(first[..., 2:], second[..., 2:])
    shared = area(torch.cat([left_top, right_bottom], dim=-1))
    return shared, area(first) + area(second) - shared
