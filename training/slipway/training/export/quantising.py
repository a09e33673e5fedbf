"""The INT8 variants: ranges measured on rows of the training split, then 8 bits between the first and last layers.

int8-cpu   u8 asymmetric activations, which ONNX Runtime computes fastest; weights of 7 bits, so that processors without
           VNNI, whose sums of two products would overflow, answer the same
int8-trt   s8 symmetric activations and weights, biases left as they are: what TensorRT's parser takes

Weights have a scale for each channel. Asymmetric ranges go from the least to the greatest number that a tensor holds on
the rows; symmetric ones, which have half their numbers for what a ReLU leaves, hold 99.999 % of them, because the few
beyond would cost all others their bits. Ranges are measured with one session of a fixed number of threads, and a piece
of the rows at a time, so they are a function of graph and rows, and memory is bounded.
"""

import contextlib
import io
import logging
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.calibrate import create_calibrator, save_tensors_data
from onnxruntime.quantization.shape_inference import quant_pre_process

from slipway.serving.bundle.manifest import Variant
from slipway.training.export.cleaning import cleaned, to_bytes
from slipway.training.export.errors import ExportFailed
from slipway.training.export.trunk import LAYERS, middle

PERCENTILE: Final = 99.999
MIDDLE: Final = "first and last layers in float32"
TYPES: Final = (
    "Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Mul", "Relu", "Concat", "MaxPool", "AveragePool",
    "GlobalAveragePool", "Resize", "Reshape", "Flatten", "Slice", "Transpose", "Squeeze", "Unsqueeze",
)  # fmt: skip
"""Operators that are computed, or passed, with 8 bits."""
PIECE: Final = 16


@dataclass(frozen=True)
class Kind:
    """How numbers become 8 bits."""

    activations: QuantType
    symmetric: bool
    narrow: bool
    """Weights with 7 bits."""
    biases: bool
    """Biases as 32-bit integers."""

    @property
    def method(self) -> CalibrationMethod:
        """How ranges are found."""
        return CalibrationMethod.Percentile if self.symmetric else CalibrationMethod.MinMax

    @property
    def told(self) -> str:
        """The same, as the manifest says it."""
        ranges = f"ranges that hold {PERCENTILE} % of the values" if self.symmetric else "ranges from least to greatest"
        return f"{ranges}, {MIDDLE}"


KINDS: Final[Mapping[Variant, Kind]] = {
    "int8-cpu": Kind(QuantType.QUInt8, symmetric=False, narrow=True, biases=True),
    "int8-trt": Kind(QuantType.QInt8, symmetric=True, narrow=False, biases=False),
}
Pixels = npt.NDArray[np.uint8]


class Quantiser:
    """A context: one model made ready, and the variants made of it."""

    def __init__(self, model: onnx.ModelProto, pixels: Pixels, threads: int = 1) -> None:
        self._model, self._pixels, self._threads = model, pixels, threads

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="slipway-quantising-")
        self._ready = Path(self._folder.name) / "ready.onnx"
        self._prepare()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def variant(self, name: Variant) -> onnx.ModelProto:
        """The model with 8 bits as this variant has them."""
        kind, made = KINDS[name], self._ready.with_name("made.onnx")
        nodes = onnx.load(self._ready).graph.node
        inside = middle(nodes)
        if not any(nodes[place].op_type in LAYERS for place in inside):
            raise ExportFailed(
                f"`{name}`: between the first and the last layers of the network is none that could have 8 bits.",
                mend="Leave this variant out of `devices` in model.yaml: so small a network gains nothing by it.",
            )
        with _quiet():
            quantize_static(
                self._ready,
                made,
                calibration_cache_path=self._ranges(kind),
                calibrate_method=kind.method,
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(TYPES),
                nodes_to_exclude=[node.name for place, node in enumerate(nodes) if place not in inside],
                per_channel=True,
                activation_type=kind.activations,
                weight_type=QuantType.QInt8,
                reduce_range=kind.narrow,
                extra_options={
                    "ActivationSymmetric": kind.symmetric,
                    "WeightSymmetric": True,
                    "QuantizeBias": kind.biases,
                },
            )
        return cleaned(onnx.load(made))

    def _prepare(self) -> None:
        """What can be folded into weights is; the result still is ONNX alone, with the shapes of all values."""
        given = self._ready.with_name("given.onnx")
        given.write_bytes(to_bytes(self._model))
        with _quiet():
            quant_pre_process(given, self._ready, skip_symbolic_shape=True)
        folded = onnx.load(self._ready)
        ready = onnx.shape_inference.infer_shapes(cleaned(folded))
        ready.metadata_props.extend(folded.metadata_props)  # by which it is known to be prepared
        self._ready.write_bytes(to_bytes(ready))

    def _ranges(self, kind: Kind) -> Path:
        """The file of ranges."""
        found = self._ready.with_name(f"ranges-{kind.symmetric}.json")
        augmented = self._ready.with_name("augmented.onnx")
        options = {"percentile": PERCENTILE, "symmetric": kind.symmetric}
        calibrator = create_calibrator(self._ready, list(TYPES), str(augmented), kind.method, extra_options=options)
        calibrator.infer_session = _session(augmented, self._threads)
        name = onnx.load(self._ready).graph.input[0].name
        for begin in range(0, len(self._pixels), PIECE):
            calibrator.collect_data(_Once({name: self._pixels[begin : begin + PIECE]}))
        save_tensors_data(calibrator.compute_data(), found)
        return found


class _Once(CalibrationDataReader):  # type: ignore[misc] # it has no types
    """One piece of the rows."""

    def __init__(self, piece: Mapping[str, Pixels]) -> None:
        self._left = [piece]

    def get_next(self) -> Mapping[str, Pixels] | None:
        return self._left.pop() if self._left else None


def _session(path: Path, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what the quantiser prints and advises at every turn."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)
