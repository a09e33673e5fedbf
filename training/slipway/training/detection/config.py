"""What can be set for a detector; a model's own config derives from this and says what it looks at and for."""

from dataclasses import dataclass, field

from slipway.training.config.schema import RunConfig, require

MOST_ZOOM = 2.0
SMALLEST = 32
"""Pixels that the coarsest stage needs for one place."""


@dataclass
class DataConfig:
    """What it looks at."""

    where: dict[str, list[str]] = field(default_factory=dict)
    """Values by column of `index`: images that have one of them in every column; empty is all."""
    categories: list[str] = field(default_factory=lambda: ["object"])
    """What is looked for; boxes of others are left out."""
    height: int = 240
    width: int = 320
    """Images are stretched to this size."""
    hidden: float = 0.8
    """Boxes that are hidden more than this are ignored: neither asked for nor held against who finds them."""
    rare: float = 0.25
    """Images with a category that is in a smaller share of them come more often; 0 lets all come once."""

    def __post_init__(self) -> None:
        require(len(self.categories) >= 1, "data.categories names at least one category")
        require(len(set(self.categories)) == len(self.categories), "data.categories names each category once")
        size = f"{self.height} x {self.width}"
        require(min(self.height, self.width) >= SMALLEST, f"data.height and data.width are 32 or more, not {size}")
        require(0 <= self.rare <= 1, f"data.rare is a share from 0 to 1, not {self.rare}")
        require(0 < self.hidden <= 1, f"data.hidden is a share from above 0 to 1, not {self.hidden}")


@dataclass
class NetworkConfig:
    """A residual body, a pyramid over its stages, and heads of the same width."""

    name: str = "small"
    stem: int = 16
    widths: list[int] = field(default_factory=lambda: [24, 48, 96, 160])
    """Channels of each stage; the first has a quarter of the image's pixels a side, each next one half of that."""
    depths: list[int] = field(default_factory=lambda: [1, 1, 1, 1])
    """Blocks of each stage."""
    finest: int = 1
    """The stage whose map gives the answer: 0 has a place for each 4 pixels, 1 for each 8."""
    width: int = 48
    """Channels of pyramid and heads."""

    def __post_init__(self) -> None:
        require(len(self.widths) == len(self.depths), "network.widths and network.depths are equally long")
        require(min([self.stem, self.width, *self.widths]) >= 1, "network.widths are 1 or more")
        require(min(self.depths) >= 1, "network.depths are 1 or more")
        last = len(self.widths) - 1
        require(0 <= self.finest <= last, f"network.finest is a stage: 0 to {last}, not {self.finest}")


@dataclass
class LossConfig:
    """What counts how much."""

    boxes: float = 5.0
    """Weight of boxes beside scores."""

    def __post_init__(self) -> None:
        require(self.boxes > 0, f"loss.boxes is more than 0, not {self.boxes}")


@dataclass
class AugmentConfig:
    """How images are changed at random."""

    flip: float = 0.5
    """How probable a mirror image is."""
    zoom: float = 0.4
    """How much nearer or farther at most, as a share; what is nearer is moved about."""
    brightness: float = 0.2
    contrast: float = 0.2
    colour: float = 0.2
    """The greatest change of light, contrast, and of red, green and blue, as a share."""
    order: float = 0.2
    """How probable it is that red, green and blue change places."""

    def __post_init__(self) -> None:
        require(0 <= self.zoom <= MOST_ZOOM, f"augment.zoom is from 0 to {MOST_ZOOM}, not {self.zoom}")
        for name in ("flip", "brightness", "contrast", "colour", "order"):
            value = getattr(self, name)
            require(0 <= value <= 1, f"augment.{name} is from 0 to 1, not {value}")


@dataclass
class AnswerConfig:
    """What of the network's map is an answer."""

    most: int = 100
    """Boxes of an image."""
    least: float = 0.03
    """The lowest score."""

    def __post_init__(self) -> None:
        require(self.most >= 1, f"answer.most is at least 1, not {self.most}")
        require(0 <= self.least < 1, f"answer.least is from 0 to below 1, not {self.least}")


@dataclass
class Config(RunConfig):
    """All of it."""

    data: DataConfig = field(default_factory=DataConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    answer: AnswerConfig = field(default_factory=AnswerConfig)
