"""The optimizers: torch's own, each parameter in the group that it belongs to.

Weight decay is for matrices and filters. Scales, shifts and biases have one axis or none and keep what they learn.

torch's optimizers load its compiler, seconds of import, at their first step, only to tell it to look away. The classes
here take the same methods from under that wrapper; the arithmetic is torch's, to the bit.
"""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.nn import Module, Parameter
from torch.optim import SGD, AdamW, Optimizer

from slipway.training.config.schema import OptimizerConfig


def _bare(method: Callable[..., Any]) -> Callable[..., Any]:
    """The method under what torch has wrapped around it."""
    bare: Callable[..., Any] = inspect.unwrap(method)
    return bare


class _Bare(Optimizer):
    """Optimizer's own methods without the wrapper."""

    add_param_group = _bare(Optimizer.add_param_group)
    load_state_dict = _bare(Optimizer.load_state_dict)
    state_dict = _bare(Optimizer.state_dict)
    zero_grad = _bare(Optimizer.zero_grad)


class BareAdamW(_Bare, AdamW):
    """torch's AdamW."""

    step = torch.no_grad()(_bare(AdamW.step))


class BareSGD(_Bare, SGD):
    """torch's SGD."""

    step = torch.no_grad()(_bare(SGD.step))


def build(config: OptimizerConfig, modules: Iterable[Module]) -> Optimizer:
    """The optimizer of all parameters of these modules that learn."""
    parameters = [one for module in modules for one in module.parameters() if one.requires_grad]
    groups = [
        {"params": [one for one in parameters if decays(one)], "weight_decay": config.weight_decay},
        {"params": [one for one in parameters if not decays(one)], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if config.name == "sgd":
        return BareSGD(groups, lr=config.lr, momentum=config.momentum, fused=True)
    return BareAdamW(groups, lr=config.lr, fused=True)


def decays(parameter: Parameter) -> bool:
    """Whether weight decay is for it."""
    return parameter.ndim > 1
