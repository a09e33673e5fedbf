"""The config of a model that is as small as a model can be."""

from dataclasses import dataclass, field

from slipway.training.config.schema import RunConfig


@dataclass
class NetworkConfig:
    """What the network is made of."""

    width: int = 4
    dropout: float = 0.2


@dataclass
class Config(RunConfig):
    """A run of the model."""

    network: NetworkConfig = field(default_factory=NetworkConfig)
    mischief: list[str] = field(default_factory=list)
    """`kill@7` kills the process in step 7, `kill-validating@1` in its first validation, and so on; each once."""
