"""Sessions over ONNX Runtime.

A model is loaded from bytes as ONNX and as nothing else, so it finds no files beside it, no library of operators is
ever registered, and one thread gives the same answers each time on one machine.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from slipway.serving.bundle.contract import Contract
from slipway.serving.bundle.fitting import same_dims, told
from slipway.serving.bundle.reading import read_plain
from slipway.serving.bundle.verifying import LARGEST_FILE
from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.inputs import check_inputs, seeded_inputs
from slipway.serving.runtime.placing import open_placed
from slipway.serving.runtime.session import Arrays, Provider

__all__ = ["ModelUnfit", "OnnxRuntimeSession"]

NAMES: Final[Mapping[Provider, str]] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
OPTIONS: Final[Mapping[Provider, Sequence[tuple[str, Mapping[str, str]]]]] = {
    "cpu": [(NAMES["cpu"], {})],
    # Numbers of full precision, as golden answers have them, and no search for kernels whenever another batch comes.
    "cuda": [(NAMES["cuda"], {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"})],
    # What TensorRT does not take goes to CUDA. It keeps no engines: nobody would have looked at what lies there.
    "tensorrt": [(NAMES["tensorrt"], {}), (NAMES["cuda"], {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"})],
}
_ALL_HERE: Final[Mapping[str, int]] = {NAMES["cpu"]: 1}
"""Where nothing but the processor was asked for."""
FATAL_ONLY: Final = 4
"""What goes wrong is raised, so nothing has to be printed as well."""


class OnnxRuntimeSession:
    """One model on one provider."""

    def __init__(self, model: Path, contract: Contract, *, provider: Provider, threads: int) -> None:
        self._contract, self._name = contract, model.name
        self._session, self._providers = _opened(model, contract, provider, threads)
        self._outputs = [one.name for one in contract.outputs]
        _check_contract(self._session, contract, model.name)

    @property
    def providers(self) -> Sequence[Provider]:
        return self._providers

    def run(self, inputs: Arrays) -> dict[str, npt.NDArray[np.generic]]:
        check_inputs(self._contract, inputs)
        if self._session is None:
            raise ModelUnfit(f"{self._name} was closed.", mend="Open a session again.")
        try:
            found = self._session.run(self._outputs, dict(inputs))
        except Exception as error:  # noqa: BLE001 - its errors have no common class
            raise ModelUnfit(f"{self._name} does not run: {_first_line(error)}") from None
        return dict(zip(self._outputs, found, strict=True))

    def close(self) -> None:
        self._session = None


def _opened(model: Path, contract: Contract, provider: Provider, threads: int) -> tuple[Any, Sequence[Provider]]:
    """A session, and what really runs it."""
    if NAMES[provider] not in ort.get_available_providers():
        raise ModelUnfit(
            f"ONNX Runtime {ort.__version__} has no provider `{provider}` here.",
            mend="Install the build of onnxruntime for this device.",
        )
    data, counts = read_plain(model, LARGEST_FILE), _ALL_HERE
    providers = [(name, dict(own)) for name, own in OPTIONS[provider]]

    def opening(options: Any) -> Any:  # noqa: ANN401 - onnxruntime has no types
        return ort.InferenceSession(data, options, providers=providers)

    try:
        if provider == "cpu":
            session = opening(_options(threads))
        else:
            session, counts = open_placed(opening, _options(threads), seeded_inputs(contract), data)
    except OSError:
        raise  # the disk's: the runtime reads bytes, and its own errors are others
    except Exception as error:  # noqa: BLE001 - its errors have no common class
        raise ModelUnfit(f"{model.name} does not load: {_first_line(error)}") from None
    session.disable_fallback()
    session._model_bytes = None  # noqa: SLF001 - kept for the fallback alone, as large as the file
    return session, _providers(counts, provider, model.name)


def _providers(counts: Mapping[str, int], provider: Provider, name: str) -> Sequence[Provider]:
    """Those that run the graph, the one with most of its nodes first, which must be the one that was asked for."""
    short = {long: one for one, long in NAMES.items()}
    found = [short[one] for one in counts if one in short]
    if found[:1] != [provider]:
        most, total = next(iter(counts.items()), ("nothing", 0)), sum(counts.values())
        raise ModelUnfit(f"{name} was to run on `{provider}`, and {most[1]} of its {total} nodes fell to {most[0]}.")
    return found


def _options(threads: int) -> Any:  # noqa: ANN401
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    options.enable_cpu_mem_arena = False  # it keeps what the largest batch took, and is no quicker
    options.log_severity_level = FATAL_ONLY
    options.add_session_config_entry("session.load_model_format", "ONNX")
    return options


def _first_line(error: Exception) -> str:
    """What the runtime says, where it says it to people: C++ calls a lack of memory `bad_alloc`."""
    said = (str(error).splitlines() or [type(error).__name__])[0][:400]
    return f"it asks for more memory than there is ({said})" if "bad_alloc" in said else said


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
            if there[tensor][0] != dtype or not same_dims(dims, there[tensor][1]):
                found_dims = told([dim or "?" for dim in there[tensor][1]])
                raise ModelUnfit(
                    f"{name}: the {kind} `{tensor}` is {there[tensor][0]} {found_dims}; "
                    f"the contract says {dtype} {told(dims)}."
                )


def _type(number: str) -> str:
    short = {"float32": "float", "float16": "float16"}.get(number, number)
    return f"tensor({short})"
