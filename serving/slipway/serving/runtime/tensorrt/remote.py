"""A session over an engine in another process, under the interpreter that owns `tensorrt`.

The worker inherits memory that both sides see, and two pipes of JSON lines; when either side is killed, nothing stays
behind. Each call has a deadline. A worker that fails, dies or does not answer is ended and its call fails; the next
call starts another one, after a pause that doubles each time, so that failures are seen and counted and no call ever
waits for long.
"""

import mmap
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from slipway.serving.bundle.contract import Contract
from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.inputs import check_inputs
from slipway.serving.runtime.session import Arrays, Provider
from slipway.serving.runtime.tensorrt.cache import EngineFile
from slipway.serving.runtime.tensorrt.process import Worker
from slipway.serving.runtime.tensorrt.profiles import tensors_of
from slipway.serving.runtime.tensorrt.tensors import Tensor

STARTING: Final = 120.0
ANSWERING: Final = 10.0
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0


class RemoteSession:
    """One engine, elsewhere."""

    def __init__(
        self,
        engine: EngineFile,
        contract: Contract,
        python: Path | None,
        *,
        seconds: float = ANSWERING,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine, self._contract, self._python = engine, contract, python
        self._seconds, self._clock = seconds, clock
        self._tensors = tensors_of(contract)
        self._named = {one.name: one for one in (*self._tensors.inputs, *self._tensors.outputs)}
        self._places, size = self._tensors.places()
        self._handle = os.memfd_create("slipway-tensors", os.MFD_CLOEXEC)
        os.ftruncate(self._handle, size)
        self._memory: npt.NDArray[np.uint8] | None = np.frombuffer(mmap.mmap(self._handle, size), np.uint8)
        self._worker: Worker | None = None
        self._pause, self._not_before = FIRST_PAUSE, 0.0
        self.failures = 0
        """Workers that were lost."""
        try:
            self._started()
        except BaseException:
            self.close()
            raise

    @property
    def providers(self) -> Sequence[Provider]:
        return ["tensorrt"]

    @property
    def process(self) -> int | None:
        """The worker's; None where none runs."""
        return self._worker.pid if self._worker else None

    def run(self, inputs: Arrays) -> dict[str, npt.NDArray[np.generic]]:
        check_inputs(self._contract, inputs)
        if self._memory is None:
            raise ModelUnfit("The engine was closed.", mend="Open a session again.")
        worker = self._worker or self._again()
        for name, array in inputs.items():
            np.copyto(self._view(self._named[name], array.shape), array)
        told = self._ask(worker, {"run": {name: list(array.shape) for name, array in inputs.items()}}, self._seconds)
        self._pause = FIRST_PAUSE
        return self._outputs(told)

    def device_memory(self) -> int:
        """Bytes that the worker holds, on its device and in its process."""
        if self._worker is None:
            return 0
        told = self._ask(self._worker, {"memory": True}, self._seconds)
        return int(told["memory"]) + int(told["device"])

    def close(self) -> None:
        if self._worker is not None:
            self._worker.close()
            self._worker = None
        if self._memory is not None:
            self._memory = None
            os.close(self._handle)

    def _again(self) -> Worker:
        left = self._not_before - self._clock()
        if left > 0:
            raise ModelUnfit(f"The TensorRT worker was lost; another one is started in {left:.0f} s at the earliest.")
        return self._started()

    def _started(self) -> Worker:
        order = {
            "do": "serve",
            "module": self._engine.module,
            "engine": str(self._engine.path.absolute()),
            "sha256": self._engine.sha256,
            "tensors": self._tensors.to_json(),
            "shared": self._handle,
        }
        self._worker = worker = Worker(self._python, self._handle)
        self._ask(worker, {**order, "life": worker.life}, STARTING)
        return worker

    def _ask(self, worker: Worker, asked: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        try:
            return worker.ask(asked, seconds)
        except ModelUnfit:
            worker.kill()
            self._worker, self.failures = None, self.failures + 1
            self._not_before = self._clock() + self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
            raise

    def _outputs(self, told: Mapping[str, Any]) -> dict[str, npt.NDArray[np.generic]]:
        """Copies, as the next answer is written to the same place."""
        return {one.name: self._view(one, told["outputs"][one.name]).copy() for one in self._tensors.outputs}

    def _view(self, one: Tensor, shape: Sequence[int]) -> npt.NDArray[Any]:
        if self._memory is None or not one.allows(shape):
            raise ModelUnfit(f"`{one.name}` may not be {list(shape)}.")
        dtype, start = np.dtype(one.dtype), self._places[one.name]
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        return self._memory[start : start + size].view(dtype).reshape(tuple(shape))
