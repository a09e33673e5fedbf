"""The config of the network that training's overhead is measured with."""

from dataclasses import dataclass

from slipway.training.config.schema import RunConfig


@dataclass
class Config(RunConfig):
    """A run of it."""

    width: int = 8
    side: int = 16
    only_start: bool = False
    """End the process when the first step is done."""
