"""What every place of a detector's map should say, from padded lists of boxes.

Each box casts a bell over the places around its middle, as wide and as high as the box asks. For its category's scores
the bell is the target: 1 in the middle place alone, and the nearer to it, the less a high score is held against the
network. For the box itself all places under the bell learn, in proportion to it, so that training is short; where bells
overlap, the smaller box has the place. A middle place is its own box's whatever the bells of others say.

Boxes that are marked as ignored ask for nothing, and nothing is held against the network under their bells.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from slipway.training.detection.boxes import area

WIDTH: Final = 0.54 / 6
"""Deviation of the bell as a share of the box's side."""
EDGE: Final = 0.05
"""Where the bell ends: below this a place learns no box."""


@dataclass(frozen=True)
class Assigned:
    """Targets of a batch: N images, K categories, places of H x W."""

    scores: Tensor
    """(N, K, H, W): 1 in middle places, less around them."""
    judged: Tensor
    """(N, K, H, W): how much a score there counts, 0 or 1."""
    boxes: Tensor
    """(N, 4, H, W): the box of each place."""
    weights: Tensor
    """(N, H, W): how much a place's box counts."""


def assigned(truth: "Truth", categories: int, size: tuple[int, int], stride: int) -> Assigned:
    """Targets of a batch on a map of `size`, each place of which stands for `stride` pixels."""
    bells, middles = _bells(truth.boxes, size, stride)
    there = (truth.there & (area(truth.boxes) > 0))[:, :, None, None]
    wanted, ignored = there & ~truth.ignored[:, :, None, None], there & truth.ignored[:, :, None, None]
    kinds = functional.one_hot(truth.categories.clamp(0, categories - 1), categories).to(bells.dtype)
    scores = _highest(bells * wanted, kinds)
    judged = 1 - (_highest((bells > EDGE) * ignored.to(bells.dtype), kinds.amax(1, keepdim=True).expand_as(kinds)))
    boxes, weights = _boxes(truth.boxes, bells * wanted, middles & wanted)
    return Assigned(scores, torch.maximum(judged, (scores == 1).to(judged.dtype)), boxes, weights)


@dataclass(frozen=True)
class Truth:
    """Padded lists of boxes of a batch: N images with room for M boxes."""

    boxes: Tensor
    """(N, M, 4)."""
    categories: Tensor
    """(N, M)."""
    ignored: Tensor
    """(N, M), of bool."""
    count: Tensor
    """(N): how many of the places are taken."""

    @property
    def there(self) -> Tensor:
        """(N, M): which places are taken."""
        return torch.arange(self.boxes.shape[1], device=self.boxes.device)[None] < self.count[:, None]


def _bells(boxes: Tensor, size: tuple[int, int], stride: int) -> tuple[Tensor, Tensor]:
    """The bell of each box on the map, (N, M, H, W), and its middle place."""
    height, width = size
    middle = ((boxes[..., :2] + boxes[..., 2:]) / (2 * stride)).floor()
    middle = torch.stack([middle[..., 0].clamp(0, width - 1), middle[..., 1].clamp(0, height - 1)], dim=-1)
    spread = ((boxes[..., 2:] - boxes[..., :2]) / stride * WIDTH).clamp(min=0.2)
    across = torch.arange(width, device=boxes.device) - middle[..., :1]
    down = torch.arange(height, device=boxes.device) - middle[..., 1:]
    rows = torch.exp(-down.square() / (2 * spread[..., 1:].square()))
    columns = torch.exp(-across.square() / (2 * spread[..., :1].square()))
    return rows[..., :, None] * columns[..., None, :], (down == 0)[..., :, None] & (across == 0)[..., None, :]


def _highest(bells: Tensor, kinds: Tensor) -> Tensor:
    """The highest bell of each category in each place."""
    images, _, height, width = bells.shape
    layers = [(bells * kinds[:, :, k, None, None]).amax(1) for k in range(kinds.shape[2])]
    return torch.stack(layers, dim=1) if bells.shape[1] else bells.new_zeros(images, kinds.shape[2], height, width)


def _boxes(boxes: Tensor, bells: Tensor, middles: Tensor) -> tuple[Tensor, Tensor]:
    """The box of each place and what it weighs: a box's places together weigh as the logarithm of its area."""
    sizes = area(boxes)[:, :, None, None]
    rank = torch.where(middles, sizes - 1e9, sizes).masked_fill(bells <= EDGE, torch.inf)
    nearest = rank.amin(1, keepdim=True)
    owner = rank.argmin(1, keepdim=True)
    mine = torch.zeros_like(bells).scatter_(1, owner, 1.0) * torch.isfinite(nearest)
    own = bells * mine
    share = own / own.sum((2, 3), keepdim=True).clamp(min=1e-6)
    weights = (share * sizes.clamp(min=2).log()).sum(1)
    chosen = torch.einsum("nmhw,nmc->nchw", mine, boxes)
    return chosen, weights
