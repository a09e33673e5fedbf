"""Really quantised: ranges that were measured by day alone clip what the night holds, and parity refuses that.

The network looks at how far places are from the mean, as a share of it: by day at most about 1, at night, when
headlights shine on dark ground, ten times that. Whoever calibrates without the night cuts it off.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pyarrow as pa
import pytest
from onnx import TensorProto, helper, numpy_helper

from slipway.platform.models.finder import model_named
from slipway.serving.bundle.contract import Contract
from slipway.serving.runtime.session import open_session
from slipway.training.evaluation.assess import assess
from slipway.training.evaluation.judged import Evaluation
from slipway.training.evaluation.predicted import softmax, table_of_probabilities
from slipway.training.export.cleaning import to_bytes
from slipway.training.export.quantising import Quantiser
from slipway.training.gates.judging import checks_of
from slipway.training.models.bay_occupancy.data import STATES
from slipway.training.models.bay_occupancy.evaluation import judged

Make = Callable[..., Any]
Pixels = npt.NDArray[np.uint8]
DAYS, NIGHTS = 176, 24
MIDDLE, SIDES = (slice(28, 38), slice(26, 38)), (slice(28, 38), slice(2, 8), slice(56, 62))


def picture(number: int, *, occupied: bool, night: bool) -> Pixels:
    """Something stands in the middle, or on both sides; at night it shines on what is beside it."""
    chance = np.random.default_rng(number)
    pixels = chance.normal(10 if night else 110, 1 if night else 6, (3, 64, 64))
    bright, dim = (220, 120) if night else (220, 110)
    rows, left, right = SIDES
    pixels[:, MIDDLE[0], MIDDLE[1]] = bright if occupied else dim
    pixels[:, rows, left] = pixels[:, rows, right] = dim if occupied else bright
    return np.asarray(pixels.clip(0, 255), np.uint8)


def network() -> onnx.ModelProto:
    """Three convolutions over how far each place is from the mean; the one in between will have 8 bits."""
    last = np.zeros((2, 1, 64, 64), np.float32)
    rows, left, right = SIDES
    last[1, 0, MIDDLE[0], MIDDLE[1]] = 1 / 12
    last[1, 0, rows, left] = last[1, 0, rows, right] = -1 / 12
    last[0] = -last[1]
    weights = {
        "first": np.full((1, 3, 1, 1), 1 / 3, np.float32),
        "between": np.ones((1, 1, 1, 1), np.float32),
        "last": last,
    }
    nodes = [
        helper.make_node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT, name="cast"),
        helper.make_node("ReduceMean", ["pixels", "all"], ["mean"], keepdims=1, name="reduce"),
        helper.make_node("Sub", ["pixels", "mean"], ["centred"], name="sub"),
        helper.make_node("Abs", ["centred"], ["apart"], name="abs"),
        helper.make_node("Div", ["apart", "mean"], ["share"], name="div"),
        helper.make_node("Conv", ["share", "first"], ["grey"], name="conv0"),
        helper.make_node("Conv", ["grey", "between"], ["passed"], name="conv1"),
        helper.make_node("Relu", ["passed"], ["bent"], name="relu"),
        helper.make_node("Conv", ["bent", "last"], ["scores"], name="conv2"),
        helper.make_node("Flatten", ["scores"], ["logits"], axis=1, name="flatten"),
    ]
    constants = [numpy_helper.from_array(one, name) for name, one in weights.items()]
    constants.append(numpy_helper.from_array(np.array([1, 2, 3], np.int64), "all"))
    inputs = [helper.make_tensor_value_info("images", TensorProto.UINT8, ["batch", 3, 64, 64])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])]
    made = helper.make_graph(nodes, "shares", inputs, outputs, constants)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


@pytest.fixture(scope="module")
def pictures() -> tuple[Pixels, pa.Table]:
    """Bays, most of them by day."""
    nights = [place < NIGHTS for place in range(DAYS + NIGHTS)]
    occupied = [place % 2 == 0 for place in range(DAYS + NIGHTS)]
    pixels = np.stack([picture(place, occupied=occupied[place], night=nights[place]) for place in range(len(nights))])
    same = {name: ["x"] * len(nights) for name in ("weather", "site", "camera")}
    rows = pa.table(
        {
            "sample": [f"{place:064x}" for place in range(len(nights))],
            "state": [STATES[one] for one in occupied],
            "light": ["night" if one else "day" for one in nights],
            "occasion": [str(place) for place in range(len(nights))],
            **same,
        }
    )
    return pixels, rows


@pytest.fixture
def evaluated(pictures: tuple[Pixels, pa.Table], tmp_path: Path) -> Callable[[onnx.ModelProto], Evaluation]:
    """What a model's answers are worth, by the device's runtime."""
    contract = Contract.model_validate(model_named("bay-occupancy").declaration.export.model_dump(mode="json"))

    def evaluate(model: onnx.ModelProto) -> Evaluation:
        pixels, rows = pictures
        path = tmp_path / "model.onnx"
        path.write_bytes(to_bytes(model))
        session = open_session(path, contract)
        answers = [session.run({"images": pixels[at : at + 40]})["logits"] for at in range(0, len(pixels), 40)]
        table = table_of_probabilities(rows, STATES, softmax(np.concatenate(answers)))
        return assess(judged(table, rows), draws=20, least=20)

    return evaluate


@pytest.mark.parametrize(("calibrated", "state"), [(slice(0, 60), "passed"), (slice(NIGHTS, None), "failed")])
def test_ranges_without_the_night_are_refused_by_parity_alone(
    pictures: tuple[Pixels, pa.Table],
    evaluated: Callable[[onnx.ModelProto], Evaluation],
    declare: Make,
    evidence: Make,
    facts: Make,
    calibrated: slice,
    state: str,
) -> None:
    with Quantiser(network(), pictures[0][calibrated]) as quantiser:
        int8 = evaluated(quantiser.variant("int8-cpu"))
    whole = evaluated(network())
    assert whole.overall["accuracy"].value == 1
    given = facts(evidence(checkpoint=whole, fp32=whole, int8_cpu=int8))
    declaration = declare(
        floors=[{"metric": "accuracy", "least": 0.9}], parity={"metric": 0.05, "units": 20, "heads": {}}
    )
    found = checks_of(declaration, given)
    assert {one.gate for one in found if one.state == "failed"} == ({"parity"} if state == "failed" else set())
    (slices,) = (one for one in found if one.gate == "parity" and one.variant == "int8-cpu")
    assert slices.state == state
    assert state == "passed" or (slices.column, slices.slice) == ("light", "night")
