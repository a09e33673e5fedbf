"""What can be set for vehicle-detect: what any detector can, with what it looks at and for."""

from dataclasses import dataclass, field

from slipway.training.detection import config as detector


@dataclass
class DataConfig(detector.DataConfig):
    """What it looks at."""

    where: dict[str, list[str]] = field(default_factory=lambda: {"view": ["scene"]})
    """Values by column of `index`: whole pictures of a camera."""
    categories: list[str] = field(default_factory=lambda: ["car", "van", "lorry", "motorcycle"])
    """What is looked for; boxes of others are left out."""


@dataclass
class Config(detector.Config):
    """All of it."""

    data: DataConfig = field(default_factory=DataConfig)
