"""The losses of a detector whose maps are compared with `assignment`.

Sums are divided by totals over all processes, so that two processes together compute what one would.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from slipway.training.detection.assignment import Assigned, Truth, assigned
from slipway.training.detection.boxes import generous_overlap
from slipway.training.networks.sharing import total, world

HARD = 2
"""The power with which easy places lose their say."""
NEAR = 4
"""The power with which places near a middle are spared."""


class DetectionLoss(nn.Module):
    """How far scores and boxes are from what they should be."""

    def __init__(self, stride: int, box_weight: float = 5.0) -> None:
        super().__init__()
        self.stride, self.box_weight = stride, box_weight

    def forward(self, heads: dict[str, Tensor], truth: dict[str, Tensor]) -> dict[str, Tensor]:
        logits, boxes = heads["logits"].float(), heads["boxes"].float()
        listed = Truth(truth["boxes"], truth["categories"], truth["ignored"], truth["count"])
        with torch.no_grad():
            target = assigned(listed, logits.shape[1], (logits.shape[2], logits.shape[3]), self.stride)
        scores, place = score_loss(logits, target), box_loss(boxes, target)
        return {"loss": scores + self.box_weight * place, "scores": scores, "boxes": place}


def score_loss(logits: Tensor, target: Assigned) -> Tensor:
    """Focal loss in which places near a middle count less the nearer they are; for each box that is there."""
    middle = target.scores == 1
    chance = torch.sigmoid(logits)
    missed = -functional.logsigmoid(logits) * (1 - chance) ** HARD * middle
    false = -functional.logsigmoid(-logits) * chance**HARD * (1 - target.scores) ** NEAR * ~middle
    return _per((missed + false * target.judged).sum(), middle.sum())


def box_loss(boxes: Tensor, target: Assigned) -> Tensor:
    """How little boxes overlap with theirs, by weight."""
    apart = 1 - generous_overlap(boxes.movedim(1, -1), target.boxes.movedim(1, -1))
    return _per((apart * target.weights).sum(), target.weights.sum())


def _per(amount: Tensor, count: Tensor) -> Tensor:
    """A sum for each of what all processes have together; the mean over the processes is that of the whole batch."""
    return amount * world() / total(count.float()).clamp(min=1)
