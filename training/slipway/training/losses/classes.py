"""The loss of what tells classes apart by a raw score for each."""

from collections.abc import Mapping
from typing import Final

from torch import Tensor, nn
from torch.nn import functional

LOGITS: Final = "logits"
"""The head with the scores."""


class CrossEntropy(nn.Module):
    """Of scores and the number of the true class; the same for every process's share, since shares are equally long."""

    def __init__(self, truth: str, smoothing: float) -> None:
        super().__init__()
        self._truth, self._smoothing = truth, smoothing

    def forward(self, heads: Mapping[str, Tensor], truth: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """`loss`; `smoothing` is the probability that is left to the other classes."""
        return {"loss": functional.cross_entropy(heads[LOGITS], truth[self._truth], label_smoothing=self._smoothing)}
