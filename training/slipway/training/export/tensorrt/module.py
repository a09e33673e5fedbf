"""What is used of a TensorRT module, and finding one. Newer names are asked for with getattr, so older modules fit."""

import importlib
from collections.abc import Sequence
from typing import Any, Final, Protocol, cast

from slipway.training.export.wanted import Maker

MODULES: Final = ("tensorrt", "tensorrt_rtx", "tensorrt_bindings", "tensorrt_rtx_bindings")
"""The last ones are what the wheels of the bindings alone bring."""

Shape = Sequence[int]


class Profile(Protocol):
    """The range of sizes that an engine is made for."""

    def set_shape(self, name: str, least: Shape, usual: Shape, most: Shape) -> object: ...


class Config(Protocol):
    """How an engine is made."""

    def add_optimization_profile(self, profile: Profile) -> int: ...


class Network(Protocol):
    """What an engine is made of."""


class Parser(Protocol):
    """ONNX to a network."""

    @property
    def num_errors(self) -> int: ...

    def parse(self, model: bytes) -> bool: ...

    def get_error(self, index: int) -> object: ...


class Builder(Protocol):
    """Makes engines."""

    def create_network(self, flags: int) -> Network: ...

    def create_builder_config(self) -> Config: ...

    def create_optimization_profile(self) -> Profile: ...

    def build_serialized_network(self, network: Network, config: Config) -> Any | None:  # noqa: ANN401 - a buffer
        """The engine's bytes, None where it failed."""


class TensorRT(Protocol):
    """The module, whichever it is."""

    __version__: str
    ILogger: type[Any]
    NetworkDefinitionCreationFlag: Any

    def Builder(self, logger: object) -> Builder: ...  # noqa: N802 - its name

    def OnnxParser(self, network: Network, logger: object) -> Parser: ...  # noqa: N802


def load_module(name: str) -> TensorRT:
    """The module of that name."""
    return cast("TensorRT", importlib.import_module(name))


def find_maker() -> Maker | None:
    """The first that can be imported here."""
    for name in MODULES:
        try:
            module = load_module(name)
        except (ImportError, OSError):  # bindings whose libraries are not there
            continue
        return Maker(module=name, version=str(module.__version__))
    return None
