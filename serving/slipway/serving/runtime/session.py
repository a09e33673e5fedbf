"""A model ready to answer: one Protocol, whatever runs it.

Gates, parity and devices run models through `open_session`, so what is judged is what runs in the field; a device that
has built an engine of a model runs that through `open_engine`. A session keeps to the contract: names, types and
dimensions are checked when it is opened, inputs when they come.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from slipway.serving.bundle.contract import Contract

if TYPE_CHECKING:
    from slipway.serving.runtime.tensorrt.cache import EngineFile

Arrays = Mapping[str, npt.NDArray[np.generic]]
Provider = Literal["cpu", "cuda", "tensorrt"]


class Session(Protocol):
    """A loaded model; used from one thread at a time."""

    @property
    def providers(self) -> Sequence[Provider]:
        """What really runs it, the first for most of the graph."""

    def run(self, inputs: Arrays) -> dict[str, npt.NDArray[np.generic]]:
        """The outputs of one batch, by name; they are the caller's, and no later call changes them."""

    def close(self) -> None:
        """Give back what it holds."""


@runtime_checkable
class Weighed(Protocol):
    """A session that holds memory which is not this process's own."""

    def device_memory(self) -> int:
        """Bytes, on its device and in its worker."""


def open_session(model: Path, contract: Contract, *, provider: Provider = "cpu", threads: int = 1) -> Session:
    """A session over ONNX Runtime. A provider that is not there is an error, never a silent fall to another."""
    from slipway.serving.runtime.onnx_runtime import OnnxRuntimeSession

    return OnnxRuntimeSession(model, contract, provider=provider, threads=threads)


def open_engine(engine: "EngineFile", contract: Contract, *, python: Path | None = None) -> Session:
    """A session over an engine that was built here; `python` owns `tensorrt` where that is another interpreter."""
    if python is None:
        from slipway.serving.runtime.tensorrt.native import NativeSession

        return NativeSession(engine, contract)
    from slipway.serving.runtime.tensorrt.remote import RemoteSession

    return RemoteSession(engine, contract, python)
