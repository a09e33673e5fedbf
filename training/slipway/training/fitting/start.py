"""Weights to begin with: those of another run's result, taken over tensor by tensor where name and shape fit.

A network with another head or other classes takes what it has in common. What did not fit is said, and a file of which
nothing fits is refused: it was meant for something else.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from slipway.platform.errors import WrongUse

NETWORK: Final = "network."
"""Begins the names of the network's tensors in a result's weights."""
NAMED: Final = 5


def load(path: Path, network: nn.Module) -> str:
    """Take over what fits; in words what that was."""
    found = _read(path)
    own = network.state_dict()
    learned = [name for name, _ in network.named_parameters()]
    fitting = {name for name, tensor in own.items() if name in found and found[name].shape == tensor.shape}
    if not fitting.intersection(learned):
        raise WrongUse(
            f"None of the {len(learned)} tensors of the network fits what `references.start` has: "
            f"{_listed([_told(name, own[name], found) for name in learned])}.",
            mend="Name a run of a network with the same parts, such as one of the same model.",
        )
    with torch.no_grad():
        for name in fitting:
            own[name].copy_(found[name])
    said = f"began with {len(fitting)} of {len(own)} tensors of `references.start`"
    others = [_told(name, own[name], found) for name in own if name not in fitting]
    return f"{said}; without {_listed(others)}" if others else said


def _read(path: Path) -> dict[str, Tensor]:
    """The network's tensors, by their names in it."""
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise WrongUse(
            f"`references.start` is no file of weights: {error}.",
            mend="Expected are safetensors, as `weights.safetensors` of a result.",
        ) from None
    return {name.removeprefix(NETWORK): tensor for name, tensor in tensors.items() if name.startswith(NETWORK)}


def _told(name: str, own: Tensor, found: dict[str, Tensor]) -> str:
    if name not in found:
        return f"{name} (missing)"
    return f"{name} ({_shape(found[name])} there, {_shape(own)} here)"


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "a number"


def _listed(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - NAMED} more" if len(texts) > NAMED else ""
    return f"{', '.join(texts[:NAMED])}{more}"
