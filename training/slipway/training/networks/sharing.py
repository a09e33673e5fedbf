"""What processes that train together must share, so that they compute what one process would.

Each process has its piece of the batch. A loss over pairs, a mean over positives and statistics of a batch need all of
it: `everyone` brings the pieces together in the order of the ranks, and sends gradients back to where they belong. A
loss that every rank computes on the whole batch then has, after the gradients are averaged over the ranks, exactly the
gradient that one process gets.
"""

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional


def world() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def everyone(piece: Tensor) -> Tensor:
    """The pieces of all ranks, one behind the other along the first axis; pieces are equally long."""
    if world() == 1:
        return piece
    gathered: Tensor = _Everyone.apply(piece)  # type: ignore[no-untyped-call]
    return gathered


def total(amount: Tensor) -> Tensor:
    """The sum over all ranks, without a gradient."""
    if world() == 1:
        return amount
    summed = amount.detach().clone()
    distributed.all_reduce(summed)
    return summed


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch normalisation over the batch of all processes, on any backend; alone it is torch's own."""

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__(channels, eps, momentum)
        self.share = momentum

    def forward(self, images: Tensor) -> Tensor:
        if not self.training or world() == 1:
            return super().forward(images)
        return self._shared(images)

    def _shared(self, images: Tensor) -> Tensor:
        """Mean and variance from sums over all ranks, with their gradients."""
        count = images.numel() / images.shape[1] * world()
        mean = _sum(images.float().sum((0, 2, 3))) / count
        centred = images.float() - mean[:, None, None]
        variance = _sum(centred.square().sum((0, 2, 3))) / count
        if self.running_mean is not None and self.running_var is not None:
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.share)
                self.running_var.lerp_(variance * (count / (count - 1)), self.share)
        scale = torch.rsqrt(variance + self.eps)
        return (centred * (scale * self.weight)[:, None, None] + self.bias[:, None, None]).to(images.dtype)


def _sum(amount: Tensor) -> Tensor:
    """The sum over all ranks, through which gradients flow."""
    summed: Tensor = _Total.apply(amount)  # type: ignore[no-untyped-call]
    return summed


class _Everyone(torch.autograd.Function):
    """All pieces; backwards, what all ranks want of this rank's piece."""

    @staticmethod
    def forward(context: Any, piece: Tensor) -> Tensor:  # noqa: ANN401 - torch's contexts have no type
        context.length = len(piece)
        pieces = [torch.empty_like(piece, memory_format=torch.contiguous_format) for _ in range(world())]
        distributed.all_gather(pieces, piece.contiguous())
        return torch.cat(pieces)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:  # noqa: ANN401
        begin = distributed.get_rank() * context.length
        return total(gradient)[begin : begin + context.length]


class _Total(torch.autograd.Function):
    """The sum over all ranks; backwards, that of what all ranks want of it."""

    @staticmethod
    def forward(context: Any, amount: Tensor) -> Tensor:  # noqa: ANN401, ARG004
        return total(amount)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:  # noqa: ANN401, ARG004
        return total(gradient)


def normalised(images: Tensor) -> Tensor:
    """uint8 pixels as numbers around 0: the first step of every network, part of its graph."""
    return (images.float() - 127.5) / 63.75


def pooled(features: Tensor) -> Tensor:
    """The mean over all places."""
    return functional.adaptive_avg_pool2d(features, 1).flatten(1)
