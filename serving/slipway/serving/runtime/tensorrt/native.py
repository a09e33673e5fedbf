"""A session over an engine in this process, where this interpreter owns `tensorrt`."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from slipway.serving.bundle.contract import Contract
from slipway.serving.runtime.inputs import check_inputs
from slipway.serving.runtime.session import Arrays, Provider
from slipway.serving.runtime.tensorrt.cache import EngineFile
from slipway.serving.runtime.tensorrt.cuda import Cuda, Driver
from slipway.serving.runtime.tensorrt.engine import Engine
from slipway.serving.runtime.tensorrt.module import TensorRT, load_module
from slipway.serving.runtime.tensorrt.profiles import tensors_of


class NativeSession:
    """One engine; module and device are handed in where they are others than those of this machine."""

    def __init__(
        self, engine: EngineFile, contract: Contract, *, trt: TensorRT | None = None, cuda: Cuda | None = None
    ) -> None:
        self._contract = contract
        data = engine.read()
        self._engine = Engine(trt or load_module(engine.module), cuda or Driver(), data, tensors_of(contract))

    @property
    def providers(self) -> Sequence[Provider]:
        return ["tensorrt"]

    def run(self, inputs: Arrays) -> dict[str, npt.NDArray[np.generic]]:
        check_inputs(self._contract, inputs)
        return self._engine.run(inputs)

    def device_memory(self) -> int:
        """Bytes that it holds besides those of this process."""
        return self._engine.memory_bytes

    def close(self) -> None:
        self._engine.close()
