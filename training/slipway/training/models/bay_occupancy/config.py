"""What can be set for bay-occupancy."""

from dataclasses import dataclass, field

from slipway.training.config.schema import RunConfig, require


@dataclass
class NetworkConfig:
    """Residual stages, then a head that knows where in the patch it looks."""

    stem: int = 16
    widths: list[int] = field(default_factory=lambda: [32, 64, 96])
    depths: list[int] = field(default_factory=lambda: [1, 1, 1])
    head: int = 32
    """Channels that each place keeps for the head."""
    dropout: float = 0.2
    size: int = 64
    """Height and width of a patch."""

    def __post_init__(self) -> None:
        require(len(self.widths) == len(self.depths) > 0, "network.widths and network.depths are equally long")
        require(min([self.stem, self.head, *self.widths, *self.depths]) >= 1, "sizes of the network are at least 1")
        require(0 <= self.dropout < 1, f"network.dropout is from 0 to below 1, not {self.dropout}")
        step = 2 ** (len(self.widths) + 1)
        require(self.size >= step and self.size % step == 0, f"network.size is a multiple of {step}, not {self.size}")


@dataclass
class AugmentationConfig:
    """How strongly patches are changed at random; 0 is off."""

    flip: float = 0.5
    """How probable the mirror image is."""
    shift: int = 3
    """Pixels, in each direction."""
    brightness: float = 0.3
    tint: float = 0.1
    """Of each colour on its own, as another sensor would see it."""
    haze: float = 0.3
    """How much of the contrast may go, as in fog."""

    def __post_init__(self) -> None:
        require(0 <= self.flip <= 1, f"augmentation.flip is from 0 to 1, not {self.flip}")
        require(self.shift >= 0, f"augmentation.shift is 0 or more, not {self.shift}")
        for name in ("brightness", "tint", "haze"):
            value = getattr(self, name)
            require(0 <= value < 1, f"augmentation.{name} is from 0 to below 1, not {value}")


@dataclass
class Config(RunConfig):
    """A run of bay-occupancy."""

    network: NetworkConfig = field(default_factory=NetworkConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    smoothing: float = 0.05
    """Probability that the loss leaves to the other state, against too much confidence."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.smoothing < 1, f"smoothing is from 0 to below 1, not {self.smoothing}")
