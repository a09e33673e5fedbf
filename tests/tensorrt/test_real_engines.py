"""Real engines of every shipped model, made on the processor by the wheels that slipway-serving's extra pins.

`make test-tensorrt` installs them. Networks have the real size and the export is the real one; nothing has been learnt,
which changes no type and no operator.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import pytest
import torch

from slipway.platform.models.finder import Model, installed_models, model_named
from slipway.serving.bundle.contract import Contract
from slipway.serving.runtime.tensorrt.profiles import tensors_of
from slipway.training.config.compose import compose
from slipway.training.export.cleaning import to_bytes
from slipway.training.export.engines import Engines, find_maker
from slipway.training.export.graph import checked, to_onnx
from slipway.training.export.halving import halved
from slipway.training.export.quantising import Quantiser
from slipway.training.tasks import task_for

OURS: Final = "slipway.training.models."
SHIPPED: Final = sorted(name for name, model in installed_models().items() if model.package.startswith(OURS))
VARIANTS: Final = ("fp32", "fp16", "int8-trt")
MAKER: Final = find_maker()

pytestmark = [
    pytest.mark.skipif(MAKER is None, reason="no TensorRT here: `make test-tensorrt` installs wheels that need no GPU"),
    pytest.mark.timeout(600),
]
Made = dict[str, bytes]


def contract_of(model: Model) -> Contract:
    return Contract.model_validate(model.declaration.export.model_dump(mode="json"))


@pytest.fixture(scope="module", params=SHIPPED)
def shipped(request: pytest.FixtureRequest) -> tuple[Contract, Made]:
    """A model's contract, and its graph in each variant."""
    model = model_named(request.param)
    contract = contract_of(model)
    torch.manual_seed(0)
    task: Any = task_for(model.package, compose(model.name, []).config)
    given = to_onnx(task.network(None).eval(), contract)
    shape = tensors_of(contract).inputs[0].usual
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    with Quantiser(given, pixels) as quantiser:
        made: dict[str, onnx.ModelProto] = {
            "fp32": given, "fp16": halved(given), "int8-trt": quantiser.variant("int8-trt")
        }  # fmt: skip
    return contract, {name: to_bytes(checked(one, contract)) for name, one in made.items()}


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_engine_of_every_shipped_model_is_built(
    shipped: tuple[Contract, Made], variant: str, tmp_path: Path
) -> None:
    contract, made = shipped
    model, engine = tmp_path / "model.onnx", tmp_path / "engine"
    model.write_bytes(made[variant])
    assert MAKER is not None

    found = Engines(MAKER, contract).try_one(model, engine)

    assert found.built, found.problems
    assert engine.stat().st_size > 10_000


def test_what_cannot_be_parsed_is_said_in_full(tmp_path: Path) -> None:
    contract = contract_of(model_named(SHIPPED[0]))
    node = onnx.helper.make_node("NoSuchOperator", ["images"], ["logits"], name="Strange_0")
    images = onnx.helper.make_tensor_value_info("images", onnx.TensorProto.UINT8, ["batch", 3, 64, 64])
    logits = onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["batch", 2])
    graph = onnx.helper.make_graph([node], "strange", [images], [logits])
    model = tmp_path / "model.onnx"
    model.write_bytes(to_bytes(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)])))
    assert MAKER is not None

    found = Engines(MAKER, contract).try_one(model)

    assert not found.built
    assert any("NoSuchOperator" in problem for problem in found.problems)
