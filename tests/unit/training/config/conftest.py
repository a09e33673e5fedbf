"""A small model of one's own, brought by a distribution on the path, whose files tests may change."""

from collections.abc import Callable, Mapping

import pytest

from slipway.platform.models.finder import Model

CONFIG = """\
from dataclasses import dataclass, field
from enum import Enum

from slipway.training.config.schema import RunConfig, require


class Norm(Enum):
    batch = 1
    group = 2


@dataclass
class NetworkConfig:
    width: int = 8
    depths: tuple[int, ...] = (1, 1)
    dropout: float | None = None
    norm: Norm = Norm.batch

    def __post_init__(self) -> None:
        require(self.width >= 2, f"network.width is at least 2, not {self.width}")


@dataclass
class Config(RunConfig):
    network: NetworkConfig = field(default_factory=NetworkConfig)
    size: int = 32
"""
MAIN = """\
defaults:
  - schema
  - network: small
  - _self_

batch: 32
optimizer:
  lr: 2e-3
"""


@pytest.fixture
def model(make_model: Callable[[str, Mapping[str, str]], Model]) -> Model:
    """The model `patch-colour`."""
    files = {
        "model.yaml": "",
        "config.py": CONFIG,
        "conf/config.yaml": MAIN,
        "conf/network/small.yaml": "width: 4\n",
        "conf/network/base.yaml": "width: 64\ndepths: [2, 2, 2]\n",
    }
    return make_model("patch-colour", files)
