"""Small bundles of one model for two classes of devices, of which one needs only a part."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import small_onnx
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import DeviceClass, VariantPart


def made(folder: Path, seed: int, *, graphs: Mapping[str, bytes] | None = None, **budget: Any) -> Bundle:
    """A bundle whose weights are those of the seed; `graphs` replace some of its files."""
    given = small_onnx.images()
    costs = {"batch": 2, "latency_ms": 20, "memory_mb": 200, "size_mb": 4, **budget}
    return small_onnx.bundle(
        folder,
        seed,
        devices={
            "edge-cpu": DeviceClass(variants=("fp32",), **costs),
            "edge-gpu": DeviceClass(runtime="cuda", variants=("fp16", "fp32"), **costs),
        },
        variants={
            name: VariantPart(file=f"model.{name}.onnx", opset=small_onnx.OPSET, tolerance={"logits": 1e-3})
            for name in ("fp32", "fp16")
        },
        files={
            "model.fp32.onnx": small_onnx.classifier(seed).SerializeToString(),
            "model.fp16.onnx": small_onnx.classifier(seed + 100).SerializeToString(),
            **(graphs or {}),
        },
        golden={
            "in.images": given,
            "fp32.logits": small_onnx.answers(given, seed),
            "fp16.logits": small_onnx.answers(given, seed + 100),
        },
    )
