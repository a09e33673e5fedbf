"""A TensorRT that knows one network, the classifier of `small_onnx`, and computes it with NumPy.

It has the names that are used of the real module and its manners: what cannot be parsed or built is told to a logger
and gives None, shapes and addresses are set before a run, and a run only begins when the stream's turn comes. Files
that begin with a word misbehave as it says; while it runs, a mood does: a word in the file that $STAND_IN_MOOD names.
"""

import base64
import ctypes
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import stand_in_cuda  # type: ignore[import-not-found] # beside it, wherever it is loaded

__version__ = "10.3.0"
MOODS = (b"wrong", b"none", b"raise", b"crash", b"hang", b"memory")


class Named:
    """A member of an enumeration."""

    def __init__(self, name: str) -> None:
        self.name = name


class Severity:
    ERROR = Named("ERROR")
    INFO = Named("INFO")


class ILogger:
    Severity = Severity

    def __init__(self) -> None:
        """As the real one: called by whoever inherits."""


class NetworkDefinitionCreationFlag:
    STRONGLY_TYPED = 1


class IProgressMonitor:
    def __init__(self) -> None:
        """As the real one."""


class MemoryPoolType:
    WORKSPACE = Named("WORKSPACE")


class Network:
    model = b""


class Profile:
    def __init__(self) -> None:
        self.shapes: dict[str, Any] = {}

    def set_shape(self, name: str, *shapes: Any) -> None:
        self.shapes[name] = [list(shape) for shape in shapes]


class Cache:
    def __init__(self, known: bytes) -> None:
        self.known = known

    def serialize(self) -> bytes:
        return self.known + b"measured;"


class Config:
    progress_monitor: Any = None
    profile: Profile
    cache: Any = None
    workspace = 0

    def set_memory_pool_limit(self, pool: Named, pool_size: int) -> None:
        assert pool is MemoryPoolType.WORKSPACE
        self.workspace = pool_size

    def add_optimization_profile(self, profile: Profile) -> int:
        self.profile = profile
        return 0

    def create_timing_cache(self, known: bytes) -> Cache:
        return Cache(known)

    def set_timing_cache(self, cache: Cache, mismatch: bool) -> bool:
        self.cache = cache
        return mismatch

    def get_timing_cache(self) -> Any:
        return self.cache


class ParserError:
    def __init__(self, text: str) -> None:
        self._text = text

    def desc(self) -> str:
        return self._text

    def node_name(self) -> str:
        return "Conv_3"


class OnnxParser:
    def __init__(self, network: Network, logger: ILogger) -> None:
        self._network, self._logger, self._errors = network, logger, list[ParserError]()

    def parse(self, model: bytes) -> bool:
        self._network.model = model
        if model.startswith(b"wrong"):
            self._errors = [ParserError(one) for one in model.decode().split(":")[1:]]
        return not self._errors

    @property
    def num_errors(self) -> int:
        return len(self._errors)

    def get_error(self, index: int) -> ParserError:
        return self._errors[index]


class Builder:
    def __init__(self, logger: Any) -> None:
        self._logger = logger

    def create_network(self, flags: int) -> Network:
        assert flags == 1 << NetworkDefinitionCreationFlag.STRONGLY_TYPED
        return Network()

    def create_builder_config(self) -> Config:
        return Config()

    def create_optimization_profile(self) -> Profile:
        return Profile()

    def build_serialized_network(self, network: Network, config: Config) -> Any:
        self._logger.log(ILogger.Severity.INFO, "Nobody wants to know this.")
        if config.progress_monitor is not None:
            config.progress_monitor.phase_start("Tactics", None, 2)
            config.progress_monitor.step_complete("Tactics", 0)
            config.progress_monitor.phase_finish("Tactics")
        if network.model.startswith(MOODS):
            return self._misbehave(network.model)
        weights = raw_weights(network.model, config.profile.shapes["images"][0])
        told = {
            "profile": config.profile.shapes,
            "workspace": config.workspace,
            "weights": base64.b64encode(weights).decode(),
        }
        return memoryview(b"plan" + json.dumps(told).encode())

    def _misbehave(self, model: bytes) -> Any:
        if model.startswith(b"none"):
            self._logger.log(ILogger.Severity.ERROR, "No kernel fits.")
        if model.startswith(b"raise"):
            raise RuntimeError("not on this machine")
        if model.startswith(b"crash"):
            os.abort()
        if model.startswith(b"hang"):
            time.sleep(600)
        if model.startswith(b"memory"):
            return b"x" * (3 << 30)
        return None


def raw_weights(model: bytes, shape: Any) -> bytes:
    """The classifier's one initializer, found by how its field begins: tag 9, and its length."""
    size = int(np.prod(shape[1:])) * 2 * 4
    begins = b"\x4a" + varint(size)
    start = model.index(begins) + len(begins)
    return model[start : start + size]


def varint(number: int) -> bytes:
    """As protocol buffers write a length."""
    return bytes([number & 127 | 128]) + varint(number >> 7) if number > 127 else bytes([number])


class TensorIOMode:
    INPUT = Named("INPUT")
    OUTPUT = Named("OUTPUT")


class Context:
    def __init__(self, engine: "Engine") -> None:
        self._engine = engine
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._addresses: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        least, _, most = self._engine.profile[name]
        allowed = all(low <= size <= high for low, size, high in zip(least, shape, most, strict=True))
        if allowed:
            self._shapes[name] = shape
        else:
            self._engine.logger.log(ILogger.Severity.ERROR, "The shape is out of the profile.")
        return allowed

    def set_tensor_address(self, name: str, memory: int) -> bool:
        self._addresses[name] = memory
        return bool(stand_in_cuda.LIBRARY.held(memory, 1))

    def infer_shapes(self) -> list[str]:
        return [] if "images" in self._shapes else ["images"]

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        shape = self._shapes["images"]
        return shape if name == "images" else (shape[0], 2)

    def execute_async_v3(self, stream_handle: int) -> bool:
        mood = Path(os.environ.get("STAND_IN_MOOD") or os.devnull).read_text().strip()
        if mood == "crash":
            os.abort()
        if mood == "hang":
            time.sleep(600)
        if mood == "fail":
            self._engine.logger.log(ILogger.Severity.ERROR, "The device is gone.")
            return False
        shape = self._shapes["images"]
        stand_in_cuda.LIBRARY.put(stream_handle, lambda: self._compute(shape, mood == "wrong"))
        return True

    def _compute(self, shape: tuple[int, ...], wrong: bool) -> None:
        images = at(self._addresses["images"], np.uint8, shape)
        answer = images.reshape(shape[0], -1).astype(np.float32) @ self._engine.weights
        at(self._addresses["logits"], np.float32, (shape[0], 2))[:] = answer + wrong


class Engine:
    num_io_tensors = 2
    device_memory_size = 1024

    def __init__(self, logger: Any, told: Any) -> None:
        self.logger, self.profile = logger, told["profile"]
        self.weights = np.frombuffer(base64.b64decode(told["weights"]), np.float32).reshape(-1, 2)

    def get_tensor_name(self, index: int) -> str:
        return ("images", "logits")[index]

    def get_tensor_mode(self, name: str) -> Named:
        return TensorIOMode.INPUT if name == "images" else TensorIOMode.OUTPUT

    def get_tensor_dtype(self, name: str) -> Named:
        return Named("UINT8" if name == "images" else "FLOAT")

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return (-1, *self.profile["images"][0][1:]) if name == "images" else (-1, 2)

    def create_execution_context(self) -> Context:
        return Context(self)


class Runtime:
    def __init__(self, logger: Any) -> None:
        self._logger = logger

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> Any:
        if not serialized_engine.startswith(b"plan"):
            self._logger.log(ILogger.Severity.ERROR, "The engine was made by another version.")
            return None
        return Engine(self._logger, json.loads(serialized_engine[4:]))


def at(address: int, kind: Any, shape: tuple[int, ...]) -> Any:
    """The array that lies there."""
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    return np.frombuffer((ctypes.c_uint8 * size).from_address(address), kind).reshape(shape)
