"""`slipway bundle import`: a foreign model becomes a bundle that proves itself, or nothing at all."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.testing import Result

import small_onnx
from slipway.platform.errors import WrongUse
from slipway.platform.store.directory import DirectoryStore
from slipway.serving.bundle.folder import BadBundle, Bundle
from slipway.serving.bundle.verifying import verify
from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.measuring import Limits
from slipway.serving.runtime.proving import prove
from slipway.serving.runtime.session import open_session
from slipway.training.cli.bundling import importing

Command = Callable[..., Result]
SIZE = 64
"""Of the patches that bay-occupancy looks at."""
ORIGIN = "Example Vision, delivery 7"


@pytest.fixture
def bring(command: Command, tmp_path: Path) -> Command:
    """Import a model file for bay-occupancy; whatever is given comes last and so counts."""

    def bring(content: onnx.ModelProto | bytes, *arguments: str) -> Result:
        path = tmp_path / "vendor.onnx"
        path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
        usual = ("--contract", "bay-occupancy", "--origin", ORIGIN, "--model", "bay-occupancy")
        return command("import", path, *usual, *arguments)

    return bring


def done(result: Result) -> str:
    assert result.exit_code == 0, result.output + str(result.exception)
    return result.stdout


def kept(project: Path) -> list[str]:
    return list(DirectoryStore(project / ".slipway" / "store").list())


def test_a_foreign_model_becomes_a_bundle_that_proves_itself(bring: Command, project: Path, tmp_path: Path) -> None:
    model = small_onnx.classifier(size=SIZE)
    told = json.loads(done(bring(model, "--output", str(tmp_path / "out"), "--json")))
    bundle = verify(tmp_path / "out", digest=told["bundle"])
    assert bundle.manifest.lineage.external
    assert bundle.manifest.lineage.origin == ORIGIN
    assert list(bundle.manifest.devices) == ["edge-cpu"]
    assert told["left_out"] == ["edge-tensorrt"]
    assert bundle.path("fp32").read_bytes() == model.SerializeToString()
    assert prove(bundle, "fp32", open_session(bundle.path("fp32"), bundle.manifest.contract)) == []
    assert f"bundles/{told['bundle']}.json" in kept(project)


def test_the_same_import_is_the_same_bundle(bring: Command, project: Path) -> None:
    model = small_onnx.classifier(size=SIZE)
    first = done(bring(model))
    before = kept(project)
    second = done(bring(model))
    assert first.splitlines()[0] == second.splitlines()[0]
    assert "already in" in second
    assert kept(project) == before


def test_a_rehearsal_changes_nothing(bring: Command, project: Path) -> None:
    assert "nothing was changed" in done(bring(small_onnx.classifier(size=SIZE), "--dry-run"))
    assert kept(project) == []


FLOATS = """\
inputs:
  - {name: images, dtype: float32, dims: [batch, 3, 8, 8], preprocessing: {layout: nchw}}
outputs:
  - {name: logits, dims: [batch, 2], meaning: Raw scores., labels: [free, occupied]}
dims:
  batch: {least: 1, usual: 4, most: 16}
"""


def floats() -> onnx.ModelProto:
    model = small_onnx.classifier(size=8)
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT
    return model


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_floats_may_go_in_where_the_contract_says_so(bring: Command, tmp_path: Path, form: str) -> None:
    import yaml

    text = FLOATS if form == "yaml" else json.dumps(yaml.safe_load(FLOATS))
    (tmp_path / "contract").write_text(text)
    out = tmp_path / "out"
    done(bring(floats(), "--contract", str(tmp_path / "contract"), "--output", str(out)))
    bundle = Bundle.open(out)
    assert bundle.manifest.contract.inputs[0].dtype == "float32"
    assert prove(bundle, "fp32", open_session(bundle.path("fp32"), bundle.manifest.contract)) == []


def outside() -> onnx.ModelProto:
    model = small_onnx.classifier(size=SIZE)
    weights = model.graph.initializer[0]
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="../../../etc/passwd")
    return model


def custom() -> onnx.ModelProto:
    node = helper.make_node("Own", ["images"], ["logits"], domain="acme")
    imports = [helper.make_opsetid("", 20), helper.make_opsetid("acme", 1)]
    return small_onnx.model([node], size=SIZE, opset_imports=imports)


def declared_bomb() -> onnx.ModelProto:
    model = small_onnx.classifier(size=SIZE)
    model.graph.initializer.append(TensorProto(name="huge", data_type=1, dims=[1 << 45]))
    return model


def nested_bomb() -> onnx.ModelProto:
    graph = helper.make_graph([], "g", [], [])
    for _ in range(12):
        graph = helper.make_graph([helper.make_node("If", ["c"], ["y"], then_branch=graph)], "g", [], [])
    model = small_onnx.classifier(size=SIZE)
    model.graph.node.extend(graph.node)
    return model


def other_names() -> onnx.ModelProto:
    model = small_onnx.classifier(size=SIZE)
    model.graph.node[-1].output[0] = model.graph.output[0].name = "scores"
    return model


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(pickle.dumps({"weights": [1]}), "it is a pickle", id="a pickle"),
        pytest.param(b"PK\x03\x04" + bytes(100), "a zip archive", id="a checkpoint"),
        pytest.param(outside(), "keeps the weights `weights` outside itself", id="external data"),
        pytest.param(custom(), "the operator `acme.Own`, which devices do not have", id="custom operators"),
        pytest.param(declared_bomb(), "more than 2,147,483,648 numbers", id="a bomb of numbers"),
        pytest.param(nested_bomb(), "more than 8 deep", id="a bomb of branches"),
        pytest.param(other_names(), "the outputs are scores; the contract says logits", id="other names"),
        pytest.param(small_onnx.classifier(size=8), "the contract says uint8 [batch, 3, 64, 64]", id="other sizes"),
        pytest.param(floats(), "is float32 [batch, 3, 8, 8]", id="other numbers"),
    ],
)
def test_a_model_that_no_bundle_may_hold_is_refused_and_nothing_is_kept(
    bring: Command, project: Path, content: onnx.ModelProto | bytes, said: str
) -> None:
    result = bring(content, "--output", "out")
    assert isinstance(result.exception, BadBundle), result.output
    assert said in str(result.exception)
    assert kept(project) == []
    assert not (project / "out").exists()


def test_a_model_that_exhausts_the_machine_when_it_runs_is_ended(project: Path, tmp_path: Path) -> None:
    nodes = [*small_onnx.classifier(size=SIZE).graph.node, helper.make_node("ConstantOfShape", ["many"], ["zeros"])]
    nodes += [
        helper.make_node("ReduceSum", ["zeros"], ["sum"], keepdims=0),
        helper.make_node("Add", ["scores", "sum"], ["logits"]),
    ]
    nodes[2].output[0] = "scores"
    weights = numpy_helper.from_array(small_onnx.weights(0, SIZE), "weights")
    model = small_onnx.model(nodes, [weights, numpy_helper.from_array(np.array([1 << 30]), "many")], size=SIZE)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    given = importing.foreign(
        tmp_path / "m.onnx", model="bay-occupancy", contract="bay-occupancy", origin=ORIGIN, variant="fp32"
    )
    with pytest.raises(ModelUnfit):
        importing.make(given, project / "out", lambda _: None, Limits(memory_mb=512))
    assert not (project / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--model", "bay-occupanci"), "no model `bay-occupanci`"),
        (("--contract", "nowhere.yaml"), "is no file and no model"),
        (("--contract", "bad.yaml"), "dims: Field required"),
        (("--contract", "unclosed.yaml"), "this is no YAML"),
        (("--contract", "binary.yaml"), "no text in UTF-8"),
        (("--contract", "deep.yaml"), "nested too deeply"),
        (("--origin", " "), "Nobody is named"),
        (("--model", "vehicle-detect", "--variant", "int8-trt", "--contract", "vehicle-reid"), "the contract says"),
        (("--output", "taken"), "is not empty"),
    ],
)
def test_a_slip_is_one_message_and_nothing_is_kept(
    bring: Command, project: Path, arguments: tuple[str, ...], said: str
) -> None:
    (project / "bad.yaml").write_text("inputs: [{name: a, dims: [1]}]\noutputs: [{name: b, dims: [1], meaning: c}]\n")
    (project / "unclosed.yaml").write_text("inputs: [")
    (project / "binary.yaml").write_bytes(b"\xff\xfe")
    (project / "deep.yaml").write_text("[" * 50_000)
    (project / "taken").mkdir()
    (project / "taken" / "file").touch()
    result = bring(small_onnx.classifier(size=SIZE), *arguments)
    assert isinstance(result.exception, WrongUse | BadBundle), result.output
    assert said in str(result.exception)
    assert kept(project) == []


def test_a_variant_that_no_device_runs_is_refused(
    monkeypatch: pytest.MonkeyPatch, bring: Command, project: Path
) -> None:
    from slipway.platform.models.finder import model_named

    declared = model_named("bay-occupancy").declaration
    only = {"edge-cpu": declared.devices["edge-cpu"]}
    changed = declared.model_copy(update={"devices": only})

    class Model:
        declaration = changed

    monkeypatch.setattr(importing, "model_named", lambda _: Model)
    result = bring(small_onnx.classifier(size=SIZE), "--variant", "fp16")
    assert isinstance(result.exception, WrongUse)
    assert "No device class of `bay-occupancy` runs fp16" in str(result.exception)
    assert kept(project) == []
