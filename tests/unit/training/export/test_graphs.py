"""The rules that turn one graph into another, on graphs that are written down here."""

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from slipway.serving.bundle.contract import Contract
from slipway.training.export import graph
from slipway.training.export.cleaning import cleaned, to_bytes
from slipway.training.export.errors import ExportFailed
from slipway.training.export.halving import halved
from slipway.training.export.quantising import Quantiser
from slipway.training.export.trunk import middle, trunk


def contract(most: int = 4) -> Contract:
    return Contract.model_validate(
        {
            "inputs": [{"name": "pictures", "dims": ["batch", 3, 8, 8]}],
            "outputs": [
                {"name": "second", "dims": ["batch", 2], "meaning": "x"},
                {"name": "first", "dims": ["batch", 4, 8, 8], "meaning": "y"},
            ],
            "dims": {"batch": {"least": 1, "usual": 1, "most": most}},
        }
    )


class Small(nn.Module):
    """Two layers, and heads in another order than the contract has them."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Conv2d(3, 4, 3, padding=1)
        self.say = nn.Linear(4, 2)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        found = self.look(images.float() / 255).relu()
        return {"first": found, "second": self.say(found.mean((2, 3))).tanh()}


@pytest.mark.parametrize("most", [1, 4])
def test_heads_come_in_the_contracts_order_and_a_batch_of_one_is_no_constant(most: int) -> None:
    made = graph.checked(graph.to_onnx(Small(), contract(most)), contract(most))

    assert [one.name for one in made.graph.output] == ["second", "first"]
    assert made.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert {one.name for one in made.graph.initializer if "." in one.name} == {
        "look.weight", "look.bias", "say.weight", "say.bias",
    }  # fmt: skip


def test_another_opset_is_refused() -> None:
    made = graph.to_onnx(Small(), contract())
    made.opset_import[0].version = 18

    with pytest.raises(ExportFailed, match="expected ONNX's own 20 alone"):
        graph.checked(made, contract())


def test_an_operator_of_somebody_elses_domain_is_refused() -> None:
    made = graph.to_onnx(Small(), contract())
    made.graph.node[0].domain = "com.example"
    made.opset_import.append(helper.make_opsetid("com.example", 1))

    with pytest.raises(ExportFailed, match="opsets"):
        graph.checked(cleaned(made), contract())


def test_names_and_remarks_of_tools_do_not_change_the_bytes() -> None:
    made = graph.to_onnx(Small(), contract())
    other = onnx.ModelProto()
    other.CopyFrom(made)
    for node in other.graph.node:
        node.name, node.doc_string = "whatever", "/home/ada/network.py"
        node.metadata_props.add(key="stack", value="/home/ada/network.py, line 3")
    other.producer_version = "3"
    other.opset_import.append(helper.make_opsetid("com.example", 1))

    assert to_bytes(cleaned(other)) == to_bytes(made) == to_bytes(cleaned(made))


def test_a_graph_with_branches_is_refused() -> None:
    made = graph.to_onnx(Small(), contract())
    branch = helper.make_graph([], "branch", [], [])
    made.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch))

    with pytest.raises(ExportFailed, match="branches or loops"):
        cleaned(made)


def chain(*operators: str) -> list[onnx.NodeProto]:
    """Nodes one behind the other."""
    return [helper.make_node(one, [str(place)], [str(place + 1)]) for place, one in enumerate(operators)]


def test_the_trunk_ends_with_the_last_layer_and_the_middle_is_between_first_and_last() -> None:
    nodes = chain("Cast", "Conv", "Relu", "Conv", "Relu", "MaxPool", "Gemm", "Sigmoid")

    assert trunk(nodes) == {0, 1, 2, 3, 4, 5, 6}
    assert middle(nodes) == {0, 2, 3}


def test_every_layer_that_none_follows_is_a_last_one() -> None:
    nodes = [
        *chain("Conv", "Conv", "Conv"),
        helper.make_node("Conv", ["2"], ["other"]),
        helper.make_node("Softplus", ["other"], ["boxes"]),
    ]

    assert middle(nodes) == {1}
    assert trunk(nodes) == {0, 1, 2, 3}


def test_a_graph_without_layers_has_no_trunk() -> None:
    assert trunk(chain("Cast", "Relu")) == middle(chain("Cast", "Relu")) == frozenset()


def test_what_stands_behind_the_last_layer_stays_in_full_precision() -> None:
    made = halved(graph.to_onnx(Small(), contract()))
    inferred = onnx.shape_inference.infer_shapes(made, strict_mode=True)
    kinds = {one.name: one.type.tensor_type.elem_type for one in inferred.graph.value_info}
    by_type = {node.op_type: node for node in made.graph.node}

    assert kinds[by_type["Conv"].output[0]] == TensorProto.FLOAT16
    assert kinds[by_type["Tanh"].input[0]] == TensorProto.FLOAT
    assert by_type["Tanh"].output[0] == "second"
    graph.checked(made, contract())


def test_weights_that_float16_cannot_hold_are_refused() -> None:
    made = graph.to_onnx(Small(), contract())
    tensor = next(one for one in made.graph.initializer if one.name == "say.weight")
    tensor.CopyFrom(numpy_helper.from_array(np.full((2, 4), 1e5, np.float32), "say.weight"))

    with pytest.raises(ExportFailed, match=r"`say.weight` has numbers that float16 cannot hold"):
        halved(made)


def test_a_network_with_nothing_between_first_and_last_layer_gets_no_int8() -> None:
    made = graph.to_onnx(Small(), contract())
    variant: Any = "int8-cpu"

    with Quantiser(made, np.zeros((2, 3, 8, 8), np.uint8)) as quantiser, pytest.raises(ExportFailed, match="is none"):
        quantiser.variant(variant)
