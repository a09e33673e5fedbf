"""What can be set for a model that tells what an image shows."""

from dataclasses import dataclass, field

from slipway.training.config.schema import RunConfig, require


@dataclass
class DataConfig:
    """What it looks at."""

    where: dict[str, list[str]] = field(default_factory=dict)
    """Values by column of `index`: images that have one of them in every column; empty is all."""
    classes: list[str] = field(default_factory=lambda: ["no", "yes"])
    """Categories of boxes; images of others are left out."""
    size: int = 64
    """Height and width that images are stretched to."""
    margin: float = 0.0
    """How far a box is widened on each side, as a share of its size."""

    def __post_init__(self) -> None:
        require(len(self.classes) > 1, "data.classes names at least two classes")
        require(len(set(self.classes)) == len(self.classes), "data.classes names each class once")
        require("sample" not in self.classes, "data.classes cannot have a class `sample`")
        require(self.size >= 1, f"data.size is at least 1, not {self.size}")
        require(0 <= self.margin <= 1, f"data.margin is from 0 to 1, not {self.margin}")


@dataclass
class NetworkConfig:
    """Residual stages and a score for each class."""

    stem: int = 16
    widths: list[int] = field(default_factory=lambda: [32, 64, 96])
    depths: list[int] = field(default_factory=lambda: [1, 1, 1])
    dropout: float = 0.2

    def __post_init__(self) -> None:
        require(len(self.widths) == len(self.depths) > 0, "network.widths and network.depths are equally long")
        require(min([self.stem, *self.widths, *self.depths]) >= 1, "sizes of the network are at least 1")
        require(0 <= self.dropout < 1, f"network.dropout is from 0 to below 1, not {self.dropout}")


@dataclass
class AugmentConfig:
    """How images are changed at random; 0 is off."""

    flip: float = 0.5
    """How probable the mirror image is."""
    brightness: float = 0.3
    """The greatest change of light, as a share."""

    def __post_init__(self) -> None:
        require(0 <= self.flip <= 1, f"augment.flip is from 0 to 1, not {self.flip}")
        require(0 <= self.brightness < 1, f"augment.brightness is from 0 to below 1, not {self.brightness}")


@dataclass
class Config(RunConfig):
    """All of it."""

    data: DataConfig = field(default_factory=DataConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    smoothing: float = 0.05
    """Probability that the loss leaves to the other classes, against too much confidence."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.smoothing < 1, f"smoothing is from 0 to below 1, not {self.smoothing}")
        least = 2 ** (len(self.network.widths) + 1)
        require(self.data.size >= least, f"data.size is at least {least} for this network, not {self.data.size}")
