"""One of several processes that train together: `ranks.py RANK WORLD MEETING OUT`.

Computes, for each of some losses, the loss of one batch and what every weight would learn from it, and writes them to
OUT. What the batch is and how the weights begin is the same whatever WORLD is.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file as save
from torch import Tensor, distributed, nn

from slipway.training.losses.metric import CLASSIFIERS, PAIRS, MetricLoss
from slipway.training.networks.embedder import Embedder
from slipway.training.networks.residual import Residual
from slipway.training.networks.sharing import everyone, world

BATCH, EACH = 16, 4


def main(rank: int, size: int, meeting: Path, out: Path) -> None:
    """Meet the others, learn, write."""
    torch.set_num_threads(1)
    if size > 1:
        distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=size)
    found: dict[str, Tensor] = {}
    for classifier, pairs in (("cosface", "triplet"), ("arcface", "circle"), ("softmax", "supcon")):
        torch.manual_seed(1)
        network = Embedder(Residual([8, 12], [1, 1], stem=8), 16)
        loss = MetricLoss(CLASSIFIERS[classifier](6, 16, 0.2, 16.0), PAIRS[pairs](0.3, 8.0))
        for name, value in learned(network, loss, rank, size).items():
            found[f"{classifier}/{pairs}/{name}"] = value
    save(found, out)
    if size > 1:
        distributed.destroy_process_group()


def learned(network: Embedder, loss: MetricLoss, rank: int, size: int) -> dict[str, Tensor]:
    """The loss, and the gradient of each weight, averaged over the processes."""
    images = torch.randint(0, 256, (BATCH, 3, 24, 32), dtype=torch.uint8)
    individuals = torch.arange(BATCH) // EACH
    mine = slice(rank * BATCH // size, (rank + 1) * BATCH // size)
    parts = loss(network(images[mine]), {"individual": individuals[mine]})
    parts["loss"].backward()
    values = {name: part.detach() for name, part in parts.items()}
    for module in (network, loss):
        values |= {name: averaged(one) for name, one in module.named_parameters() if one.grad is not None}
    return values


def averaged(weight: nn.Parameter) -> Tensor:
    """As it is before an optimizer's step."""
    gradient = weight.grad
    return everyone(gradient[None] if gradient is not None else weight[None]).sum(0) / world()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
