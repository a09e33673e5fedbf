"""The INT8 variants: ranges measured on rows of the training split, then 8 bits for the trunk, floats behind it.

int8-cpu   u8 asymmetric activations, which ONNX Runtime computes fastest; weights of 7 bits, so that processors without
           VNNI, whose sums of two products would overflow, answer the same
int8-trt   s8 symmetric activations and weights, biases left as they are: what TensorRT's parser takes

Weights have a scale for each channel. The ranges are least and greatest, measured with one thread, so they are a
function of graph and rows.
"""

import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.calibrate import create_calibrator, save_tensors_data
from onnxruntime.quantization.shape_inference import quant_pre_process

from slipway.serving.bundle.manifest import Variant
from slipway.training.export.cleaning import cleaned, to_bytes
from slipway.training.export.trunk import trunk

METHOD: Final = "least and greatest"
TYPES: Final = (
    "Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Mul", "Relu", "Concat", "MaxPool", "AveragePool",
    "GlobalAveragePool", "Resize", "Reshape", "Flatten", "Slice", "Transpose", "Squeeze", "Unsqueeze",
)  # fmt: skip
"""Operators of the trunk that are computed, or passed, with 8 bits."""
BATCH: Final = 16
KINDS: Final[Mapping[Variant, Mapping[str, Any]]] = {
    "int8-cpu": {
        "activation_type": QuantType.QUInt8,
        "weight_type": QuantType.QInt8,
        "reduce_range": True,
        "extra_options": {"WeightSymmetric": True},
    },
    "int8-trt": {
        "activation_type": QuantType.QInt8,
        "weight_type": QuantType.QInt8,
        "extra_options": {"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False},
    },
}
Pixels = npt.NDArray[np.uint8]


class Quantiser:
    """Ranges of one model, measured once, and the variants made with them."""

    def __init__(self, model: onnx.ModelProto, pixels: Pixels, threads: int = 1) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="slipway-quantising-")
        folder = Path(self._folder.name)
        self._ready, self._ranges, self._made = folder / "ready.onnx", folder / "ranges.json", folder / "made.onnx"
        with _quiet():
            self._prepare(model)
            self._measure(pixels, threads)

    def variant(self, name: Variant) -> onnx.ModelProto:
        """The model with 8 bits as this variant has them."""
        nodes = onnx.load(self._ready).graph.node
        inside = trunk(nodes)
        with _quiet():
            quantize_static(
                self._ready,
                self._made,
                calibration_cache_path=self._ranges,
                calibrate_method=CalibrationMethod.MinMax,
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(TYPES),
                nodes_to_exclude=[node.name for place, node in enumerate(nodes) if place not in inside],
                per_channel=True,
                **KINDS[name],
            )
        return cleaned(onnx.load(self._made))

    def close(self) -> None:
        """Remove the files."""
        self._folder.cleanup()

    def _prepare(self, model: onnx.ModelProto) -> None:
        """What can be folded into weights is; the result still is ONNX alone."""
        given = self._made
        given.write_bytes(to_bytes(model))
        quant_pre_process(given, self._ready, skip_symbolic_shape=True)
        metadata = onnx.load(self._ready).metadata_props
        ready = onnx.shape_inference.infer_shapes(cleaned(onnx.load(self._ready)))
        ready.metadata_props.extend(metadata)  # says that it is prepared
        self._ready.write_bytes(to_bytes(ready))

    def _measure(self, pixels: Pixels, threads: int) -> None:
        augmented = self._ready.with_name("augmented.onnx")
        calibrator = create_calibrator(self._ready, list(TYPES), str(augmented), CalibrationMethod.MinMax)
        calibrator.infer_session = _session(augmented, threads)
        calibrator.collect_data(_Pieces(onnx.load(self._ready).graph.input[0].name, pixels))
        save_tensors_data(calibrator.compute_data(), self._ranges)


class _Pieces(CalibrationDataReader):  # type: ignore[misc] - it has no types
    """The rows, some at a time."""

    def __init__(self, name: str, pixels: Pixels) -> None:
        self._pieces: Iterator[Mapping[str, Pixels]] = iter(
            [{name: pixels[begin : begin + BATCH]} for begin in range(0, len(pixels), BATCH)]
        )

    def get_next(self) -> Mapping[str, Pixels] | None:
        return next(self._pieces, None)


def _session(path: Path, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the advice that the quantiser gives at every turn."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
