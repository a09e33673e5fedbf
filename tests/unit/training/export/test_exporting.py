"""What an export makes: bytes that nothing but weights and graph decide, and answers close to the checkpoint's."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from slipway.serving.bundle.arrays import read_arrays
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import CHECKPOINT, GOLDEN, REFERENCE
from slipway.serving.bundle.verifying import check
from slipway.serving.runtime.session import open_session
from slipway.training.evaluation.assess import assess
from slipway.training.export import choosing
from slipway.training.export.graph import OPSET
from slipway.training.export.network import answers

Bench = Any
"""`conftest.Bench`."""
VARIANTS = ("fp32", "fp16", "int8-cpu", "int8-trt")


def graph(bundle: Bundle, variant: Any) -> onnx.GraphProto:
    return onnx.load(bundle.path(variant)).graph


def test_the_bundle_is_whole_and_has_every_variant_that_a_device_asks_for(bundle: Bundle) -> None:
    check(Bundle.open(bundle.folder))

    assert set(bundle.manifest.variants) == set(VARIANTS)
    assert bundle.manifest.lineage.run_key is not None
    assert {part.opset for part in bundle.manifest.variants.values()} == {OPSET}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_graph_holds_nothing_of_the_machine_or_the_run_that_made_it(bundle: Bundle, variant: Any) -> None:
    model, data = onnx.load(bundle.path(variant)), bundle.path(variant).read_bytes()
    parts = [model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output, *model.graph.initializer]

    assert not any(part.doc_string or part.metadata_props for part in parts)
    assert (model.producer_name, model.producer_version) == ("slipway", "")
    for trace in (b".py", b"site-packages", str(Path.cwd()).encode(), str(bundle.manifest.lineage.run_key).encode()):
        assert trace not in data


@pytest.mark.parametrize("variant", VARIANTS)
def test_inputs_and_outputs_are_the_contracts_with_a_named_batch(bundle: Bundle, variant: Any) -> None:
    found = graph(bundle, variant)
    shapes = [
        (one.name, one.type.tensor_type.elem_type, [d.dim_param or d.dim_value for d in one.type.tensor_type.shape.dim])
        for one in (*found.input, *found.output)
    ]

    assert shapes == [
        ("images", TensorProto.UINT8, ["batch", 3, 64, 64]),
        ("logits", TensorProto.FLOAT, ["batch", 2]),
    ]


@pytest.mark.parametrize("variant", VARIANTS)
def test_rows_are_answered_alike_in_batches_of_every_size(bundle: Bundle, bench: Bench, variant: Any) -> None:
    examples = bench.task.examples(bench.snapshot, "test")
    images = choosing.pixels(examples, np.arange(9))
    session = open_session(bundle.path(variant), bundle.manifest.contract)

    together = session.run({"images": images})["logits"]

    for size in (1, 2, 5):
        alone = np.concatenate([session.run({"images": images[at : at + size]})["logits"] for at in range(0, 9, size)])
        assert np.abs(alone.astype(float) - together.astype(float)).max() < 1e-3


@pytest.mark.parametrize(
    ("variant", "far", "worse"),
    [("fp32", 1e-4, 0), ("fp16", 0.05, 0), ("int8-cpu", 1.0, 0.04), ("int8-trt", 1.0, 0.04)],
)
def test_every_variant_answers_what_the_checkpoint_does(
    bundle: Bundle, bench: Bench, variant: Any, far: float, worse: float
) -> None:
    task, examples = bench.task, bench.task.examples(bench.snapshot, "test")
    images = choosing.pixels(examples, choosing.every(examples))
    expected = answers(bench.network, images, ["logits"])
    found = open_session(bundle.path(variant), bundle.manifest.contract).run({"images": images})

    def accuracy(heads: Any) -> float:
        value = assess(task.judge(task.predictions(heads, examples), examples), draws=0).overall["accuracy"].value
        assert value is not None
        return value

    assert np.abs(found["logits"].astype(float) - expected["logits"].astype(float)).max() < far
    assert accuracy(expected) > 0.9
    assert accuracy(found) >= accuracy(expected) - worse


def test_fp16_computes_with_halves_up_to_the_last_layer(bundle: Bundle) -> None:
    found = graph(bundle, "fp16")
    weights = {one.name: one.data_type for one in found.initializer if numpy_helper.to_array(one).ndim > 1}

    assert weights
    assert set(weights.values()) == {TensorProto.FLOAT16}
    assert found.node[0].op_type == "Cast"


@pytest.mark.parametrize(
    ("variant", "activations", "has_wide_biases"),
    [("int8-cpu", TensorProto.UINT8, True), ("int8-trt", TensorProto.INT8, False)],
)
def test_int8_has_the_numbers_that_its_device_wants(
    bundle: Bundle, variant: Any, activations: int, has_wide_biases: bool
) -> None:
    found = graph(bundle, variant)
    tensors = {one.name: one for one in found.initializer}
    zeros = [tensors[node.input[2]] for node in found.node if node.op_type == "QuantizeLinear"]
    weights = [one for one in found.initializer if one.data_type == TensorProto.INT8 and len(one.dims) == 4]
    names = {one.name for one in weights}
    channels = [node for node in found.node if node.op_type == "DequantizeLinear" and node.input[0] in names]

    assert {one.data_type for one in zeros} == {activations}
    assert len(weights) >= 5
    assert all(len(tensors[node.input[1]].dims) == 1 for node in channels)
    assert any(one.data_type == TensorProto.INT32 for one in found.initializer) == has_wide_biases
    if variant == "int8-trt":
        assert not any(numpy_helper.to_array(one).any() for one in zeros)


@pytest.mark.parametrize("variant", ["int8-cpu", "int8-trt"])
def test_the_first_and_the_last_layer_keep_their_bits(bundle: Bundle, variant: Any) -> None:
    found = graph(bundle, variant)
    kinds = {one.name: one.data_type for one in found.initializer}
    layers = [node for node in found.node if node.op_type in {"Conv", "Gemm", "MatMul"}]

    assert kinds.get(layers[0].input[1]) == TensorProto.FLOAT
    assert kinds.get(layers[-1].input[1]) == TensorProto.FLOAT


def test_the_rows_that_ranges_were_taken_from_are_recorded(bundle: Bundle, bench: Bench) -> None:
    training = bench.task.examples(bench.snapshot, "train")
    calibration = bundle.manifest.variants["int8-cpu"].calibration

    assert calibration is not None
    assert calibration.rows == training.count  # fewer than are wanted, so all
    assert calibration.samples == choosing.digest(training, choosing.every(training))
    assert calibration.snapshot == bench.snapshot.digest
    assert bundle.manifest.variants["fp32"].calibration is None


def test_the_same_weights_give_the_same_graphs_whichever_run_they_are_of(
    bundle: Bundle, bench: Bench, tmp_path: Path
) -> None:
    other = bench.export(tmp_path / "other", bench.wanted("r1-" + "7" * 64))

    assert other.digest != bundle.digest
    assert other.manifest.files == bundle.manifest.files


def test_golden_answers_are_those_of_the_variants_within_their_tolerances(bundle: Bundle, bench: Bench) -> None:
    arrays = read_arrays(bundle.folder / GOLDEN)
    images = arrays["in.images"].astype(np.uint8)

    assert len(images) == bundle.manifest.contract.dims["batch"].usual
    expected = answers(bench.network, images, ["logits"])["logits"]
    assert np.array_equal(arrays[f"{CHECKPOINT}.logits"], expected)
    for variant, part in bundle.manifest.variants.items():
        found = open_session(bundle.path(variant), bundle.manifest.contract).run({"images": images})["logits"]
        assert np.abs(found.astype(float) - arrays[f"{variant}.logits"].astype(float)).max() <= part.tolerance["logits"]
    tolerances = {variant: part.tolerance["logits"] for variant, part in bundle.manifest.variants.items()}
    assert tolerances["fp32"] < tolerances["fp16"] < tolerances["int8-cpu"]


def test_distributions_are_small_and_of_the_validation_rows(bundle: Bundle) -> None:
    found = json.loads((bundle.folder / REFERENCE).read_bytes())

    assert (found["split"], found["rows"]) == ("validation", 32)
    assert set(found["outputs"]["logits"]) == {"mean", "greatest", "length", "likeness"}
    assert all(list(one) == sorted(one) for one in found["outputs"]["logits"].values())
    assert sum(found["inputs"]["images"]["histogram"]) == pytest.approx(1, abs=1e-3)
    assert (bundle.folder / REFERENCE).stat().st_size < 10_000


def test_fp32_is_there_though_no_device_asks_for_it(bench: Bench, tmp_path: Path) -> None:
    devices = bench.wanted().devices
    half = devices["edge-tensorrt"].model_copy(update={"variants": ("fp16",)})

    found = bench.export(tmp_path / "bundle", bench.wanted(devices={"edge-tensorrt": half}))

    check(found)
    assert set(found.manifest.variants) == {"fp32", "fp16"}
