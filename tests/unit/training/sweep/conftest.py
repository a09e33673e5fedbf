"""A small model whose config can be swept, and a trainer that a sweep can start."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from slipway.platform.models.finder import Model
from slipway.training.sweep.space import Space, space_of

CONFIG = """\
from dataclasses import dataclass, field

from slipway.training.config.schema import RunConfig, require


@dataclass
class NetworkConfig:
    width: int = 8
    note: str = ""

    def __post_init__(self) -> None:
        require(self.width >= 2, f"network.width is at least 2, not {self.width}")


@dataclass
class Config(RunConfig):
    network: NetworkConfig = field(default_factory=NetworkConfig)
"""


@pytest.fixture
def model(make_model: Callable[[str, Mapping[str, str]], Model]) -> Model:
    """The model `patch-colour`."""
    files = {
        "model.yaml": "",
        "config.py": CONFIG,
        "conf/config.yaml": "defaults:\n  - schema\n  - network: small\n  - _self_\n",
        "conf/network/small.yaml": "width: 4\n",
        "conf/network/base.yaml": "width: 64\n",
    }
    return make_model("patch-colour", files)


@pytest.fixture
def swept(model: Model) -> Callable[[Sequence[str]], Space]:
    """The space of some overrides of that model."""

    def space(texts: Sequence[str]) -> Space:
        return space_of(model, texts)

    return space


@pytest.fixture
def trainer() -> Path:
    """A script that stands in for `slipway train`."""
    return Path(__file__).parent / "trainer.py"


@pytest.fixture
def sweeper() -> Path:
    """A script that runs a sweep in a process of its own."""
    return Path(__file__).parent / "sweeper.py"
