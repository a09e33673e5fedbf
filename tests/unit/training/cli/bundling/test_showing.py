"""`slipway bundle show|verify|diff`: what a bundle is, whether it is sound, and what differs."""

import json
from collections.abc import Callable
from pathlib import Path

from onnx import helper
from typer.testing import Result

import small_onnx
from slipway.platform.registry.bundles import keep_bundle
from slipway.platform.store.directory import DirectoryStore
from slipway.serving.bundle.folder import BadBundle
from slipway.serving.bundle.manifest import DeviceClass

Command = Callable[..., Result]


def done(result: Result) -> str:
    assert result.exit_code == 0, result.output + str(result.exception)
    return result.stdout


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
