"""What can be set for vehicle-reid."""

from dataclasses import dataclass, field

from slipway.training.config.schema import RunConfig, require

CLASSIFIERS = ("none", "softmax", "cosface", "arcface")
PAIRS = ("none", "triplet", "circle", "supcon")


@dataclass
class NetworkConfig:
    """A residual backbone with an embedding behind it."""

    stem: int = 16
    widths: list[int] = field(default_factory=lambda: [32, 64, 128, 192])
    depths: list[int] = field(default_factory=lambda: [1, 1, 1, 1])
    embedding: int = 128
    """The length of the vector."""
    height: int = 96
    width: int = 128
    """Of what is cut out along a box."""
    margin: float = 0.1
    """How far a box is widened on each side, as a share of its size."""

    def __post_init__(self) -> None:
        require(len(self.widths) == len(self.depths) > 0, "network.widths and network.depths are equally long")
        sizes = [self.stem, self.embedding, *self.widths, *self.depths]
        require(min(sizes) >= 1, "network.stem, network.embedding, network.widths and network.depths are at least 1")
        least = 2 ** (len(self.widths) + 1)
        require(min(self.height, self.width) >= least, f"network.height and network.width are at least {least}")
        require(0 <= self.margin <= 1, f"network.margin is from 0 to 1, not {self.margin}")


@dataclass
class LossConfig:
    """One loss that classifies the individuals, one that compares pictures, or both."""

    classifier: str = "cosface"
    """`none`, `softmax`, `cosface` or `arcface`."""
    classifier_margin: float = 0.2
    """In cosine for cosface, in radians for arcface."""
    classifier_scale: float = 24.0
    pairs: str = "none"
    """`none`, `triplet`, `circle` or `supcon`."""
    pairs_margin: float = 0.0
    """Of triplet (0 is a soft margin) and circle."""
    pairs_scale: float = 1.0
    """Of circle and supcon."""
    pairs_weight: float = 1.0

    def __post_init__(self) -> None:
        require(self.classifier in CLASSIFIERS, f"loss.classifier is one of {CLASSIFIERS}, not `{self.classifier}`")
        require(self.pairs in PAIRS, f"loss.pairs is one of {PAIRS}, not `{self.pairs}`")
        require((self.classifier, self.pairs) != ("none", "none"), "loss.classifier and loss.pairs cannot both be none")
        require(min(self.classifier_scale, self.pairs_scale) > 0, "scales of the loss are more than 0")
        require(min(self.classifier_margin, self.pairs_margin) >= 0, "margins of the loss are 0 or more")


@dataclass
class AugmentationConfig:
    """How strongly images are changed at random; 0 is off."""

    flip: float = 0.5
    """How probable the mirror image is."""
    shift: int = 6
    """Pixels, in each direction."""
    zoom: float = 0.1
    contrast: float = 0.25
    brightness: float = 0.25
    tint: float = 0.08
    """Of each colour on its own, as another sensor would see it."""
    erase: float = 0.4
    """How probable it is that a rectangle is hidden."""

    def __post_init__(self) -> None:
        require(0 <= self.flip <= 1, f"augmentation.flip is from 0 to 1, not {self.flip}")
        require(0 <= self.erase <= 1, f"augmentation.erase is from 0 to 1, not {self.erase}")
        require(self.shift >= 0, f"augmentation.shift is 0 or more, not {self.shift}")
        for name in ("zoom", "contrast", "brightness", "tint"):
            require(0 <= getattr(self, name) < 1, f"augmentation.{name} is from 0 to below 1")


@dataclass
class Config(RunConfig):
    """A run of vehicle-reid."""

    images: int = 4
    """Of each individual in a batch; `batch` is a multiple of it."""
    network: NetworkConfig = field(default_factory=NetworkConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.images > 1, f"images is at least 2, or nothing could be compared, not {self.images}")
        step = self.images * self.trainer.processes
        require(self.batch % step == 0, f"batch is a multiple of images times processes ({step}), not {self.batch}")
