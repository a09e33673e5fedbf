"""An exponential average of a network's weights, which judges better than the last weights do.

It is a network of its own that follows the one that learns. At the beginning it follows more closely, so that short
trainings have an average worth the name. What a step does to it is a function of the step, the weights and itself.
"""

import copy

import torch
from torch import Tensor, nn


class Average:
    """Follows a network, parameters and statistics alike."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(requires_grad=False).eval()
        self._decay = decay
        both = list(zip(_tensors(self.network), _tensors(network), strict=True))
        self._pairs = [pair for pair in both if pair[0].is_floating_point()]
        self._rest = [pair for pair in both if not pair[0].is_floating_point()]

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Take in the weights after a step."""
        decay = min(self._decay, (1 + step) / (10 + step))
        mine, theirs = ([pair[which] for pair in self._pairs] for which in (0, 1))
        torch._foreach_lerp_(mine, theirs, 1 - decay)
        for counted, count in self._rest:
            counted.copy_(count)


def _tensors(network: nn.Module) -> list[Tensor]:
    return [*network.parameters(), *network.buffers()]
