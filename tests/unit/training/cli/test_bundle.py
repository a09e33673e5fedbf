"""`slipway bundle` as a person meets it: shown, verified, compared, imported, and written for Triton."""

import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner, Result

import small_onnx
from slipway.platform.errors import WrongUse
from slipway.platform.registry.bundles import keep_bundle
from slipway.platform.store.directory import DirectoryStore
from slipway.serving.bundle.folder import BadBundle, Bundle
from slipway.serving.bundle.manifest import DeviceClass, VariantPart
from slipway.serving.bundle.verifying import verify
from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.measuring import Limits
from slipway.serving.runtime.proving import prove
from slipway.serving.runtime.session import open_session
from slipway.training.cli.bundle import app
from slipway.training.cli.bundling import importing

Command = Callable[..., Result]
SIZE = 64
"""Of the patches that bay-occupancy looks at."""
ORIGIN = "Example Vision, delivery 7"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, to which this process belongs."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "slipway.toml").touch()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path))
    return folder


@pytest.fixture
def command(project: Path) -> Command:
    """The command there."""
    assert project.is_dir()
    return lambda *arguments: CliRunner().invoke(app, [str(one) for one in arguments])


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


def test_a_bundle_is_shown_with_all_that_it_says(command: Command, tmp_path: Path) -> None:
    bundle = small_onnx.bundle(tmp_path / "bundle")
    told = done(command("show", bundle.folder))
    for said in (
        bundle.digest,
        "external: made in a test",
        "uint8 [batch, 3, 4, 4]",
        "Raw scores of each state.",
        "1 to 4, usually 2",
        "at most 20 ms",
        "3 (1 Cast, 1 Flatten, 1 MatMul)",
        bundle.manifest.files["golden.npz"].sha256,
    ):
        assert said in told
    data = json.loads(done(command("show", bundle.folder, "--json")))
    assert data["digest"] == bundle.digest
    assert data["external"] is True
    assert data["manifest"] == bundle.manifest.model_dump(mode="json")
    assert data["graphs"]["fp32"]["operators"] == {"Cast": 1, "Flatten": 1, "MatMul": 1}


def test_a_bundle_in_the_store_is_named_by_its_digest(command: Command, project: Path, tmp_path: Path) -> None:
    bundle = small_onnx.bundle(tmp_path / "bundle")
    keep_bundle(DirectoryStore(project / ".slipway" / "store"), bundle.folder)
    assert json.loads(done(command("show", bundle.digest[:8], "--json")))["digest"] == bundle.digest
    assert done(command("verify", bundle.digest[:8])) == f"{bundle.digest}: ok\n"


def test_verify_tells_everything_and_fails(command: Command, tmp_path: Path) -> None:
    bundle = small_onnx.bundle(tmp_path / "bundle")
    assert done(command("verify", bundle.folder)) == f"{bundle.digest}: ok\n"
    (bundle.folder / "extra.txt").touch()
    (bundle.folder / "golden.npz").unlink()
    result = command("verify", bundle.folder)
    assert result.exit_code == 1
    assert result.stdout == f"{bundle.digest}: failed\n"
    assert result.stderr.splitlines() == ["  'extra.txt' is not in the manifest.", "  golden.npz is not there."]
    told = command("verify", bundle.folder, "--json")
    assert told.exit_code == 1
    assert len(json.loads(told.stdout)["problems"]) == 2


def test_a_broken_bundle_is_not_shown(command: Command, tmp_path: Path) -> None:
    bundle = small_onnx.bundle(tmp_path / "bundle")
    (bundle.folder / "golden.npz").unlink()
    assert isinstance(command("show", bundle.folder).exception, BadBundle)


def test_diff_names_what_differs_and_what_does_not(command: Command, tmp_path: Path) -> None:
    left = small_onnx.bundle(tmp_path / "left")
    device = DeviceClass(variants=("fp32",), batch=1, latency_ms=30, memory_mb=200, size_mb=4)
    right = small_onnx.bundle(
        tmp_path / "right",
        devices={"edge-cpu": device},
        lineage=small_onnx.LINEAGE.model_copy(update={"snapshot": "5" * 64}),
        tools={"onnx": "1.23.2"},
    )
    told = json.loads(done(command("diff", left.folder, right.folder, "--json")))
    found = {(one["subject"], one["name"]): (one["left"], one["right"]) for one in told["differences"]}
    assert found == {
        ("lineage", "snapshot"): (None, "5" * 64),
        ("devices", "edge-cpu batch"): (2, 1),
        ("devices", "edge-cpu latency_ms"): (20.0, 30.0),
        ("tools", "onnx"): (None, "1.23.2"),
    }
    assert told["same_files"] == ["golden.npz", "model.fp32.onnx", "reference.json"]
    text = done(command("diff", left.folder, right.folder))
    assert "edge-cpu latency_ms" in text
    assert "Files with the same content: golden.npz, model.fp32.onnx, reference.json." in text


def test_diff_looks_into_graphs_and_contracts(command: Command, tmp_path: Path) -> None:
    left = small_onnx.bundle(tmp_path / "left")
    model = small_onnx.classifier(1)
    model.graph.node[-1].output[0] = "before"
    model.graph.node.append(helper.make_node("Identity", ["before"], ["logits"]))
    contract = small_onnx.CONTRACT.model_copy(update={"thresholds": {"taken": 0.7}})
    right = small_onnx.bundle(
        tmp_path / "right", contract=contract, files={"model.fp32.onnx": model.SerializeToString()}
    )
    told = json.loads(done(command("diff", left.folder, right.folder, "--json")))
    names = {(one["subject"], one["name"]) for one in told["differences"]}
    assert names == {
        ("contract", "thresholds taken"),
        ("files", "model.fp32.onnx"),
        ("graphs", "fp32 nodes"),
        ("graphs", "fp32 operators Identity"),
    }


def test_a_bundle_does_not_differ_from_itself(command: Command, tmp_path: Path) -> None:
    bundle = small_onnx.bundle(tmp_path / "bundle")
    assert done(command("diff", bundle.folder, bundle.folder)) == f"They are the same bundle, {bundle.digest}.\n"


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


def parsed(text: str) -> dict[str, Any]:
    """A `config.pbtxt` as plain values: enough of protobuf's text format to hold ours against a contract."""
    tokens = re.findall(r'"[^"]*"|[{}\[\]:,]|[^\s{}\[\]:,]+', text)

    def message(at: int) -> tuple[dict[str, Any], int]:
        found: dict[str, Any] = {}
        while at < len(tokens) and tokens[at] != "}":
            name, at = tokens[at], at + 1
            if tokens[at] == "{":
                value, at = message(at + 1)
                at += 1
            else:
                assert tokens[at] == ":", tokens[at]
                value, at = scalar(at + 1)
            found.setdefault(name, []).append(value)
        return found, at

    def scalar(at: int) -> tuple[Any, int]:
        if tokens[at] == "[":
            end = tokens.index("]", at)
            return [int(token) for token in tokens[at + 1 : end] if token != ","], end + 1
        return tokens[at].strip('"'), at + 1

    found, end = message(0)
    assert end == len(tokens)
    return found


def test_a_triton_repository_says_what_the_contract_says(command: Command, tmp_path: Path) -> None:
    model = small_onnx.classifier().SerializeToString()
    images = small_onnx.images()
    answer = small_onnx.answers(images)
    limits: dict[str, Any] = {"batch": 2, "latency_ms": 20, "memory_mb": 200, "size_mb": 4}
    bundle = small_onnx.bundle(
        tmp_path / "bundle",
        devices={
            "edge-cpu": DeviceClass(variants=("fp32",), **limits),
            "edge-trt": DeviceClass(runtime="tensorrt", variants=("fp16",), **limits),
        },
        variants={
            "fp32": VariantPart(file="model.fp32.onnx", opset=20),
            "fp16": VariantPart(file="model.fp16.onnx", opset=20),
        },
        files={"model.fp32.onnx": model, "model.fp16.onnx": model},
        golden={"in.images": images, "fp32.logits": answer, "fp16.logits": answer},
    )
    folder = tmp_path / "triton"
    done(command("export", bundle.folder, "--triton", folder))
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == {
        f"small-bays-{variant}/{name}"
        for variant in ("fp32", "fp16")
        for name in ("config.pbtxt", "1/model.onnx", "labels.logits.txt")
    }
    for variant, kind in (("fp32", "KIND_CPU"), ("fp16", "KIND_GPU")):
        place = folder / f"small-bays-{variant}"
        assert (place / "1" / "model.onnx").read_bytes() == model
        assert (place / "labels.logits.txt").read_text() == "free\ntaken\n"
        config = parsed((place / "config.pbtxt").read_text())
        (given,), (answered,) = config["input"], config["output"]
        assert config["name"] == [place.name]
        assert config["max_batch_size"] == ["4"]
        assert given == {"name": ["images"], "data_type": ["TYPE_UINT8"], "dims": [[3, 4, 4]]}
        assert (answered["name"], answered["data_type"], answered["dims"]) == (["logits"], ["TYPE_FP32"], [[2]])
        assert answered["label_filename"] == ["labels.logits.txt"]
        assert config["dynamic_batching"] == [{"preferred_batch_size": [[2]]}]
        assert config["instance_group"] == [{"count": ["1"], "kind": [kind]}]
        assert ("optimization" in config) == (variant == "fp16")
        assert config["parameters"][0]["value"] == [{"string_value": [bundle.digest]}]


def test_other_varying_dimensions_are_free_and_no_batch_is_no_batching(command: Command, tmp_path: Path) -> None:
    contract = small_onnx.CONTRACT.model_dump(mode="json")
    contract["dims"]["batch"]["least"] = 2  # Triton's batches begin at 1
    bundle = small_onnx.bundle(tmp_path / "bundle", contract=type(small_onnx.CONTRACT).model_validate(contract))
    done(command("export", bundle.folder, "--triton", tmp_path / "triton"))
    config = parsed((tmp_path / "triton" / "small-bays-fp32" / "config.pbtxt").read_text())
    assert config["max_batch_size"] == ["0"]
    assert config["input"][0]["dims"] == [[-1, 3, 4, 4]]
    assert "dynamic_batching" not in config


def test_writing_the_repository_again_changes_nothing_and_overwrites_nothing(command: Command, tmp_path: Path) -> None:
    one, other = small_onnx.bundle(tmp_path / "one"), small_onnx.bundle(tmp_path / "other", seed=1)
    folder = tmp_path / "triton"
    assert "would write" in done(command("export", one.folder, "--triton", folder, "--dry-run"))
    assert not folder.exists()
    done(command("export", one.folder, "--triton", folder))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    done(command("export", one.folder, "--triton", folder))
    result = command("export", other.folder, "--triton", folder)
    assert isinstance(result.exception, WrongUse)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
