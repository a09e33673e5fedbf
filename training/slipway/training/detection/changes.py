"""Images and their boxes changed at random: mirrored, nearer or farther, moved, and in other light.

Each image is changed by its own seed and by nothing else, and stays uint8. Of a box that is no longer in the picture
nothing is asked; one of which little is left is ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from slipway.training.detection.boxes import area
from slipway.training.reading.philox import uniform

if TYPE_CHECKING:
    from slipway.training.reading.philox import Words

FLIP, BRIGHTNESS, CONTRAST, ZOOM, ACROSS, DOWN, COLOUR, ORDER = range(8)
MIDDLE: Final = 127.5
FILLED: Final = (114, 114, 114)
"""What stands beside an image that is made smaller."""
LEFT: Final = 0.4
"""The share of a box that must be left of it."""
ORDERS: Final = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Changes:
    """How much is changed; each is off at 0."""

    flip: float = 0.0
    """How probable a mirror image is."""
    zoom: float = 0.0
    """The greatest factor nearer or farther is 1 more than this; what is nearer is moved about."""
    brightness: float = 0.0
    contrast: float = 0.0
    """The greatest change, as a share."""
    colour: float = 0.0
    """The greatest change of red, green and blue, as a share."""
    order: float = 0.0
    """How probable it is that red, green and blue change places."""

    def apply(self, images: Tensor, truth: Mapping[str, Tensor], seeds: "Words") -> tuple[Tensor, Mapping[str, Tensor]]:
        """Images (N, 3, H, W) and their truth, changed."""
        pixels = np.ascontiguousarray(images.permute(0, 2, 3, 1).numpy())
        scales, shifts = self._moves(seeds, pixels.shape[2], pixels.shape[1])
        tables = self._tables(seeds)
        changed = np.empty_like(pixels)
        for image, scale, shift, table, target in zip(pixels, scales, shifts, tables, changed, strict=True):
            matrix = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]])
            size = (image.shape[1], image.shape[0])
            cv2.warpAffine(image, matrix, size, dst=target, flags=cv2.INTER_LINEAR, borderValue=FILLED)
            cv2.LUT(target, table, dst=target)
        self._reorder(changed, seeds)
        boxes, ignored = _moved(truth, scales, shifts, pixels.shape[2], pixels.shape[1])
        return torch.from_numpy(changed).permute(0, 3, 1, 2), {**truth, "boxes": boxes, "ignored": ignored}

    def _moves(self, seeds: "Words", width: int, height: int) -> tuple[Floats, Floats]:
        """For each image the factors across and down, and the shifts in pixels."""
        zoom = np.exp(np.log1p(self.zoom) * (2 * uniform(seeds, ZOOM) - 1))
        mirror = np.where(uniform(seeds, FLIP) < self.flip, -1.0, 1.0)
        sides = np.array([width, height])
        room = sides * (1 - zoom[:, None])
        shifts = room * np.stack([uniform(seeds, ACROSS), uniform(seeds, DOWN)], axis=1)
        # The middle of the first pixel is at 0, so a mirror image of width w maps x to w - 1 - x.
        scales = np.stack([zoom * mirror, zoom], axis=1)
        shifts[:, 0] = np.where(mirror < 0, width - 1 - shifts[:, 0], shifts[:, 0])
        return scales, shifts

    def _tables(self, seeds: "Words") -> npt.NDArray[np.uint8]:
        """For each image what becomes of each level of each colour: (N, 256, 1, 3)."""
        spread = 1 + self.contrast * (2 * uniform(seeds, CONTRAST) - 1)
        moved = 255 * self.brightness * (2 * uniform(seeds, BRIGHTNESS) - 1)
        colours = np.stack([1 + self.colour * (2 * uniform(seeds, COLOUR, one) - 1) for one in range(3)], axis=1)
        levels = ((np.arange(256) - MIDDLE) * spread[:, None] + MIDDLE + moved[:, None])[:, :, None, None]
        found: npt.NDArray[np.uint8] = np.clip(np.rint(levels * colours[:, None, None]), 0, 255).astype(np.uint8)
        return found

    def _reorder(self, images: npt.NDArray[np.uint8], seeds: "Words") -> None:
        chosen = uniform(seeds, ORDER, 1) < self.order
        orders = (uniform(seeds, ORDER, 2) * len(ORDERS)).astype(int)
        for place in np.flatnonzero(chosen):
            images[place] = images[place][..., ORDERS[orders[place]]]


def _moved(
    truth: Mapping[str, Tensor], scales: Floats, shifts: Floats, width: int, height: int
) -> tuple[Tensor, Tensor]:
    """Boxes where their images were moved to, inside of them, and which are ignored now."""
    scale, shift = (torch.from_numpy(one).float()[:, None].repeat(1, 1, 2) for one in (scales, shifts))
    # Boxes end at the edges of pixels, which lie half a pixel before their middles.
    moved = (truth["boxes"] - 0.5) * scale + shift + 0.5
    left, top, right, bottom = moved.unbind(-1)
    whole = torch.stack([torch.minimum(left, right), top, torch.maximum(left, right), bottom], dim=-1)
    limits = torch.tensor([width, height, width, height])
    inside = torch.minimum(whole.clamp(min=0), limits)
    kept = area(inside) / area(whole).clamp(min=1e-6)
    return inside, truth["ignored"] | (kept < LEFT)
