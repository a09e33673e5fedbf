"""The trained network of a run, ready to judge: built by the model's task, with the weights of the run's result."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from slipway.serving.bundle.contract import Contract
from slipway.training.export.errors import ExportFailed
from slipway.training.task import Examples, Task

PREFIX: Final = "network."
"""Begins the names of the network's tensors in a result's weights."""
NAMED: Final = 3
MEND: Final = "Export a run whose config keeps to the contract, or correct `export` in model.yaml."

Answers = Mapping[str, npt.NDArray[np.float32]]


def trained(task: Task[Any], examples: Examples, weights: Path) -> nn.Module:
    """The network; every tensor of it must be in the weights. `examples` are those of training."""
    network = task.network(examples)
    tensors = {
        name.removeprefix(PREFIX): tensor for name, tensor in load_file(weights).items() if name.startswith(PREFIX)
    }
    own = network.state_dict()
    wrong = [name for name in own if name not in tensors or tensors[name].shape != own[name].shape]
    if wrong or (foreign := sorted(tensors.keys() - own.keys())):
        raise ExportFailed(
            f"The weights are not those of the network that the config describes: {_listed(wrong or foreign)}.",
            mend="Export the run with the code that it was trained with: check out its revision.",
        )
    network.load_state_dict(tensors)
    return network.eval()


def check_contract(task: Task[Any], examples: Examples, network: nn.Module, contract: Contract) -> None:
    """Refuse a network that takes or gives something else than the contract promises."""
    if len(contract.inputs) != 1:
        raise ExportFailed(
            f"The contract has {len(contract.inputs)} inputs; a network takes one, of images.", mend=MEND
        )
    given = contract.inputs[0]
    height, width = examples.source.size
    if given.dtype != "uint8" or tuple(given.dims[1:]) != (3, height, width):
        raise ExportFailed(
            f"The run {task.config.model} looks at uint8 images [3, {height}, {width}]; the contract says "
            f"`{given.name}` {given.dtype} {list(given.dims[1:])}.",
            mend=MEND,
        )
    heads = answers(network, np.zeros((2, 3, height, width), np.uint8), None)
    for output in contract.outputs:
        if output.name not in heads:
            raise ExportFailed(
                f"The network has no head `{output.name}`; it has {', '.join(f'`{name}`' for name in heads)}.",
                mend=MEND,
            )
        if output.dtype != "float32":
            raise ExportFailed(f"`{output.name}` is {output.dtype} in the contract; heads are float32.", mend=MEND)


@torch.inference_mode()
def answers(network: nn.Module, pixels: npt.NDArray[np.uint8], names: Sequence[str] | None) -> Answers:
    """The heads that torch computes, in full precision; all of them without names."""
    heads: Mapping[str, Tensor] = network(torch.from_numpy(pixels))
    return {name: heads[name].float().numpy() for name in (names or heads)}


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(f"`{name}`" for name in names[:NAMED]) + more
