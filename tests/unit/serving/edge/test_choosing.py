"""Which variant runs, and on what."""

from typing import Any

import pytest

import small_onnx
from slipway.serving.bundle.manifest import DeviceClass, Manifest, Runtime, Variant, VariantPart
from slipway.serving.edge.choosing import Choice, choices
from slipway.serving.runtime.errors import ModelUnfit

VARIANTS: tuple[Variant, ...] = ("fp32", "fp16", "int8-cpu", "int8-trt")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """One that has every variant."""
    found = small_onnx.bundle(tmp_path_factory.mktemp("bundles") / "bundle").manifest
    parts: Any = {name: VariantPart(file=f"model.{name}.onnx", opset=20) for name in VARIANTS}
    return found.model_copy(update={"variants": parts})


def device(runtime: Runtime, *variants: Variant) -> DeviceClass:
    """A class."""
    return DeviceClass(runtime=runtime, variants=variants, batch=1, latency_ms=1, memory_mb=1, size_mb=1)


def test_the_classs_first_wish_is_taken(manifest: Manifest) -> None:
    assert choices(manifest, device("cpu", "int8-cpu", "fp32"), ["cpu"])[0] == Choice("int8-cpu", "cpu")


def test_eight_bits_for_tensorrt_do_not_run_on_a_processor(manifest: Manifest) -> None:
    first = choices(manifest, device("cpu", "int8-trt", "fp32"), ["cpu"])[0]
    assert first == Choice("fp32", "cpu", detail="int8-trt does not suit cpu")


def test_tensorrt_itself_goes_before_onnx_runtimes(manifest: Manifest) -> None:
    found = choices(manifest, device("tensorrt", "fp16", "int8-trt"), ["cuda", "tensorrt", "cpu"], native=True)
    assert [(one.variant, one.provider, one.native) for one in found] == [
        ("fp16", "tensorrt", True),
        ("int8-trt", "tensorrt", True),
        ("fp16", "tensorrt", False),
        ("int8-trt", "tensorrt", False),
        ("fp16", "cuda", False),
    ]
    assert found[-1].detail == "tensorrt is not here"


def test_tensorrt_is_nothing_to_a_class_that_did_not_ask_for_it(manifest: Manifest) -> None:
    assert not any(one.native for one in choices(manifest, device("cuda", "fp16"), ["cuda"], native=True))


def test_a_device_with_a_gpu_never_falls_to_its_processor(manifest: Manifest) -> None:
    with pytest.raises(OSError, match="runs models on tensorrt, and this machine has cpu"):
        choices(manifest, device("tensorrt", "fp16"), ["cpu"])


def test_a_bundle_without_a_suitable_variant_is_unfit(manifest: Manifest) -> None:
    with pytest.raises(ModelUnfit, match=r"\(int8-trt\) suits cpu"):
        choices(manifest, device("cpu", "int8-trt"), ["cpu"])
