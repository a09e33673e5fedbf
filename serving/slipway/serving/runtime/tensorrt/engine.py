"""An engine that runs: loaded once, with buffers for the greatest sizes that are used again in every call.

An input is copied to page-locked memory where there is any, from there to the device; the network runs; the outputs
come back the same way, and belong to the caller. One thread at a time. After an error of the device nothing that this
process does there can be relied on: whoever owns the process decides.
"""

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.tensorrt.cuda import Cuda, HostMemory
from slipway.serving.runtime.tensorrt.module import CudaEngine, Said, TensorRT
from slipway.serving.runtime.tensorrt.tensors import Tensor, Tensors

TYPES: Final = {
    "FLOAT": "float32",
    "HALF": "float16",
    "INT8": "int8",
    "INT32": "int32",
    "INT64": "int64",
    "UINT8": "uint8",
}
Array = npt.NDArray[Any]


class Engine:
    """A loaded engine."""

    def __init__(self, trt: TensorRT, cuda: Cuda, data: bytes, tensors: Tensors) -> None:
        self._cuda, self._tensors, self._said = cuda, tensors, Said(trt)
        self._host: dict[str, HostMemory] = {}
        self._device: dict[str, int] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._stream: int | None = None
        cuda.enter()
        self._runtime = trt.Runtime(self._said.logger)
        engine = self._runtime.deserialize_cuda_engine(data)
        if engine is None:
            raise self._unfit("The engine does not load", mend="Build it again: an engine fits one device and version.")
        _check(engine, tensors)
        self._engine: CudaEngine | None = engine
        self._context: Any = engine.create_execution_context()
        if self._context is None:
            raise self._unfit("The engine has no room to run")
        self._size = len(data)
        try:
            self._reserve()
        except BaseException:
            self.close()
            raise

    @property
    def memory_bytes(self) -> int:
        """What it holds of the device's memory, its weights taken to be as large as its file."""
        engine: Any = self._engine
        needs = getattr(engine, "device_memory_size_v2", 0) or getattr(engine, "device_memory_size", 0)
        tensors = (*self._tensors.inputs, *self._tensors.outputs)
        return self._size + int(needs) + sum(one.bytes_at_most for one in tensors)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs of one batch; the inputs must be of the promised types."""
        if self._context is None:
            raise ModelUnfit("The engine was closed.", mend="Open a session again.")
        self._cuda.enter()
        for one in self._tensors.inputs:
            self._give(one, inputs[one.name])
        if lacking := self._context.infer_shapes():
            raise self._unfit(f"The engine does not know the sizes of {', '.join(lacking)}")
        shapes = {one.name: self._shape(one) for one in self._tensors.outputs}
        if not self._context.execute_async_v3(self._stream):
            raise self._unfit("The engine does not run")
        for one in self._tensors.outputs:
            self._fetch(one, shapes[one.name])
        self._cuda.wait(self._stream_there)
        return {one.name: self._view(one, shapes[one.name]).copy() for one in self._tensors.outputs}

    def close(self) -> None:
        """Give back what it holds; doing it twice does no harm."""
        self._context = self._engine = None
        with suppress(ModelUnfit):  # of a device that failed, nothing can be given back
            self._cuda.enter()
            while self._host:
                self._host.popitem()[1].free()
            while self._device:
                self._cuda.free(self._device.popitem()[1])
            if self._stream is not None:
                self._cuda.end_stream(self._stream)
                self._stream = None

    @property
    def _stream_there(self) -> int:
        assert self._stream is not None  # noqa: S101 - as long as there is a context
        return self._stream

    def _reserve(self) -> None:
        self._stream = self._cuda.stream()
        for one in (*self._tensors.inputs, *self._tensors.outputs):
            size = max(one.bytes_at_most, 1)
            self._device[one.name] = self._cuda.allocate(size)
            self._host[one.name] = self._cuda.host(size)
            if not self._context.set_tensor_address(one.name, self._device[one.name]):
                raise self._unfit(f"The engine takes no address for `{one.name}`")

    def _give(self, one: Tensor, array: Array) -> None:
        shape = tuple(array.shape)
        if not one.allows(shape) or array.dtype != np.dtype(one.dtype):
            raise ModelUnfit(f"`{one.name}` is {array.dtype} {list(shape)}; the engine was made for other sizes.")
        if self._shapes.get(one.name) != shape:
            if not self._context.set_input_shape(one.name, shape):
                raise self._unfit(f"The engine does not take {list(shape)} for `{one.name}`")
            self._shapes[one.name] = shape
        np.copyto(self._view(one, shape), array)
        self._cuda.to_device(self._device[one.name], self._host[one.name].address, array.nbytes, self._stream_there)

    def _shape(self, one: Tensor) -> tuple[int, ...]:
        """An output's, which must fit what was promised, and so its buffer."""
        shape = tuple(self._context.get_tensor_shape(one.name))
        if not one.allows(shape):
            raise ModelUnfit(f"`{one.name}` would be {list(shape)}; at most {list(one.most)} was promised.")
        return shape

    def _fetch(self, one: Tensor, shape: tuple[int, ...]) -> None:
        size = self._view(one, shape).nbytes
        self._cuda.to_host(self._host[one.name].address, self._device[one.name], size, self._stream_there)

    def _view(self, one: Tensor, shape: tuple[int, ...]) -> Array:
        """The host's memory of a tensor, as an array of that shape."""
        dtype = np.dtype(one.dtype)
        size = math.prod(shape) * dtype.itemsize
        return self._host[one.name].array[:size].view(dtype).reshape(shape)

    def _unfit(self, what: str, mend: str | None = None) -> ModelUnfit:
        listed = self._said.listed()
        self._said.errors.clear()
        return ModelUnfit(f"{what}: {'; '.join(listed) or 'TensorRT said nothing'}.", mend=mend)


def _check(engine: CudaEngine, tensors: Tensors) -> None:
    """Names, kinds, types and dimensions are those that were promised."""
    names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
    for kind, promised in (("INPUT", tensors.inputs), ("OUTPUT", tensors.outputs)):
        there = [name for name in names if engine.get_tensor_mode(name).name == kind]
        if sorted(there) != sorted(one.name for one in promised):
            expected = ", ".join(one.name for one in promised)
            raise ModelUnfit(f"The engine's {kind.lower()}s are {', '.join(there)}; the contract says {expected}.")
        for one in promised:
            found = engine.get_tensor_dtype(one.name).name
            if TYPES.get(found) != one.dtype:
                raise ModelUnfit(f"`{one.name}` is {found} in the engine; the contract says {one.dtype}.")
            shape = tuple(engine.get_tensor_shape(one.name))
            if len(shape) != len(one.most) or not one.allows(_fixed(shape, one)):
                raise ModelUnfit(f"`{one.name}` is {list(shape)} in the engine; the contract says {list(one.most)}.")


def _fixed(shape: tuple[int, ...], one: Tensor) -> tuple[int, ...]:
    """With its greatest size in place of what varies; a fixed size where the contract varies stays, and is wrong."""
    sizes = zip(shape, one.least, one.most, strict=True)
    return tuple(most if size < 0 else size if least == most else 0 for size, least, most in sizes)
