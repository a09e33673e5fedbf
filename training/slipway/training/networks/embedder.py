"""A network that says by a vector who is seen: features of a backbone, a neck, and the embedding behind it.

The neck is a batch normalisation without an offset. Losses that compare pictures look at the features before it, losses
that classify at the embedding behind it, so that neither spoils the other's space. The embedding has length 1 in the
graph already: whoever searches needs nothing but a product of matrices.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from slipway.training.networks.residual import Residual
from slipway.training.networks.sharing import SharedBatchNorm, normalised


class Embedder(nn.Module):
    """uint8 images to `embedding`; while it is trained also `features`."""

    def __init__(self, backbone: Residual, width: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.projection = nn.Linear(2 * backbone.channels[-1], width, bias=False)
        self.neck = SharedBatchNorm(width)
        self.neck.bias.requires_grad_(False)  # noqa: FBT003 - torch takes it by position

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        coarse = self.backbone(normalised(images))[-1]
        # The greatest answer tells whether something is there at all, the mean how much of it.
        features = self.projection(torch.cat([coarse.amax((2, 3)), coarse.mean((2, 3))], dim=1))
        embedding = functional.normalize(self.neck(features[:, :, None, None]).flatten(1).float())
        return {"embedding": embedding, "features": features} if self.training else {"embedding": embedding}
