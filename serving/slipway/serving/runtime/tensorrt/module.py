"""What is used of a TensorRT module, and finding one. Newer names are asked for with getattr, so older modules fit."""

import importlib
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, Protocol, cast

MODULES: Final = ("tensorrt", "tensorrt_rtx", "tensorrt_bindings", "tensorrt_rtx_bindings")
"""The last ones are what the wheels of the bindings alone bring."""
LONGEST: Final = 400
SAID: Final = ("ERROR", "INTERNAL_ERROR")
"""Severities that are kept."""


class Profile(Protocol):
    """The range of sizes that an engine is made for."""

    def set_shape(self, name: str, least: Sequence[int], usual: Sequence[int], most: Sequence[int]) -> object: ...


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


class Context(Protocol):
    """An engine that runs."""

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool: ...

    def set_tensor_address(self, name: str, memory: int) -> bool: ...

    def get_tensor_shape(self, name: str) -> Sequence[int]: ...

    def infer_shapes(self) -> Sequence[str]:
        """The names of inputs that lack a shape."""

    def execute_async_v3(self, stream_handle: int) -> bool: ...


class CudaEngine(Protocol):
    """An engine that was loaded."""

    @property
    def num_io_tensors(self) -> int: ...

    def get_tensor_name(self, index: int) -> str: ...

    def get_tensor_mode(self, name: str) -> Any: ...  # noqa: ANN401 - an enumeration of the module

    def get_tensor_dtype(self, name: str) -> Any: ...  # noqa: ANN401

    def get_tensor_shape(self, name: str) -> Sequence[int]: ...

    def create_execution_context(self) -> Context | None: ...


class Runtime(Protocol):
    """Loads engines."""

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> CudaEngine | None: ...


class TensorRT(Protocol):
    """The module, whichever it is."""

    __version__: str
    ILogger: type[Any]
    NetworkDefinitionCreationFlag: Any

    def Builder(self, logger: object) -> Builder: ...  # noqa: N802 - its name

    def OnnxParser(self, network: Network, logger: object) -> Parser: ...  # noqa: N802

    def Runtime(self, logger: object) -> Runtime: ...  # noqa: N802


class Said:
    """The errors that a module tells while it works; `logger` is what it tells them to."""

    def __init__(self, trt: TensorRT) -> None:
        self.errors: list[str] = []
        self.logger = _logger(trt, self.errors)

    def listed(self, *before: str) -> tuple[str, ...]:
        """Each once, in one line, not too long."""
        plain = [" ".join(line.split())[:LONGEST] for line in (*before, *self.errors)]
        return tuple(dict.fromkeys(filter(None, plain)))


def load_module(name: str) -> TensorRT:
    """The module of that name."""
    return cast("TensorRT", importlib.import_module(name))


def find_module() -> tuple[str, TensorRT] | None:
    """The first that can be imported here, with its name."""
    for name in MODULES:
        with suppress(ImportError, OSError):  # bindings whose libraries are not there
            return name, load_module(name)
    return None


def told(name: str, version: str) -> str:
    """As people and records say it."""
    return f"{name.removesuffix('_bindings')} {version}"


def _logger(trt: TensorRT, errors: list[str]) -> object:
    """Keeps errors; everything else is of no interest here."""
    kind: Any = trt.ILogger

    class Keeping(kind):  # type: ignore[misc] # known at run time only
        def __init__(self) -> None:
            kind.__init__(self)

        def log(self, severity: Any, message: str) -> None:  # noqa: ANN401
            if getattr(severity, "name", str(severity)) in SAID:
                errors.append(message)

    return Keeping()
