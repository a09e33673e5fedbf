"""Sessions over ONNX Runtime."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from slipway.serving.bundle.contract import Contract, Dimension
from slipway.serving.errors import SlipwayError
from slipway.serving.runtime.session import Arrays, Provider

NAMES: Final[Mapping[Provider, str]] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
ERRORS_ONLY: Final = 3


class ModelUnfit(SlipwayError):
    """A model that does not load, does not keep to its contract, or does not run on what was asked for."""


class OnnxRuntimeSession:
    """One model on one provider."""

    def __init__(self, model: Path, contract: Contract, *, provider: Provider, threads: int) -> None:
        self._contract = contract
        self._session = _opened(model, provider, threads)
        self._outputs = [one.name for one in contract.outputs]
        _check_contract(self._session, contract, model.name)

    @property
    def providers(self) -> Sequence[Provider]:
        found = {name: short for short, name in NAMES.items()}
        return [found[name] for name in self._session.get_providers() if name in found]

    def run(self, inputs: Arrays) -> dict[str, npt.NDArray[np.generic]]:
        found = self._session.run(self._outputs, dict(inputs))
        return dict(zip(self._outputs, found, strict=True))

    def close(self) -> None:
        del self._session


def _opened(model: Path, provider: Provider, threads: int) -> Any:  # noqa: ANN401 - onnxruntime has no types
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    if NAMES[provider] not in ort.get_available_providers():
        raise ModelUnfit(
            f"ONNX Runtime {ort.__version__} has no provider `{provider}` here.",
            mend="Install the build of onnxruntime for this device.",
        )
    try:
        session = ort.InferenceSession(str(model), options, providers=[NAMES[provider]])
    except Exception as error:  # noqa: BLE001 - its errors have no common class
        raise ModelUnfit(f"{model.name} does not load: {str(error).splitlines()[0]}") from None
    if session.get_providers()[0] != NAMES[provider]:
        raise ModelUnfit(f"{model.name} was to run on `{provider}` and fell to {session.get_providers()[0]}.")
    return session


def _check_contract(session: Any, contract: Contract, name: str) -> None:  # noqa: ANN401
    """Names, types and dimensions are those of the contract."""
    for kind, promised, found in (
        ("input", contract.inputs, session.get_inputs()),
        ("output", contract.outputs, session.get_outputs()),
    ):
        there = {one.name: (one.type, tuple(one.shape)) for one in found}
        expected = {one.name: (_type(one.dtype), one.dims) for one in promised}
        if there.keys() != expected.keys():
            raise ModelUnfit(f"{name}: the {kind}s are {', '.join(there)}; the contract says {', '.join(expected)}.")
        for tensor, (dtype, dims) in expected.items():
            if there[tensor][0] != dtype or not _same(dims, there[tensor][1]):
                raise ModelUnfit(
                    f"{name}: the {kind} `{tensor}` is {there[tensor][0]} {list(there[tensor][1])}; "
                    f"the contract says {dtype} {list(dims)}."
                )


def _type(number: str) -> str:
    short = {"float32": "float", "float16": "float16"}.get(number, number)
    return f"tensor({short})"


def _same(promised: Sequence[Dimension], found: Sequence[object]) -> bool:
    return len(promised) == len(found) and all(
        there == said or (isinstance(said, str) and not isinstance(there, int))
        for said, there in zip(promised, found, strict=True)
    )
