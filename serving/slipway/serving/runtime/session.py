"""A model ready to answer: one Protocol, whatever runs it.

Gates, parity and devices run models through `open_session`, so what is judged is what runs in the field. A session
keeps to the contract: names, types and dimensions are checked when it is opened, inputs when they come.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from slipway.serving.bundle.contract import Contract

Arrays = Mapping[str, npt.NDArray[np.generic]]
Provider = Literal["cpu", "cuda", "tensorrt"]


class Session(Protocol):
    """A loaded model; used from one thread at a time."""

    @property
    def providers(self) -> Sequence[Provider]:
        """What really runs it, the first for most of the graph."""

    def run(self, inputs: Arrays) -> dict[str, npt.NDArray[np.generic]]:
        """The outputs of one batch, by name."""

    def close(self) -> None:
        """Give back what it holds."""


def open_session(model: Path, contract: Contract, *, provider: Provider = "cpu", threads: int = 1) -> Session:
    """A session over ONNX Runtime. A provider that is not there is an error, never a silent fall to another."""
    from slipway.serving.runtime.onnx_runtime import OnnxRuntimeSession

    return OnnxRuntimeSession(model, contract, provider=provider, threads=threads)
