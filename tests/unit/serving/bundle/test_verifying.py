"""Holding a bundle against its manifest: every way of changing it is told, and nothing outside is ever read."""

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import small_onnx
from slipway.serving.bundle import verifying
from slipway.serving.bundle.arrays import Array, encoded
from slipway.serving.bundle.canonical import canonical, sha256
from slipway.serving.bundle.fitting import graph_problems
from slipway.serving.bundle.folder import BadBundle, Bundle
from slipway.serving.bundle.graph import read_graph
from slipway.serving.bundle.manifest import DeviceClass, VariantPart
from slipway.serving.bundle.verifying import problems, verify

FILES = ("manifest.json", "model.fp32.onnx", "golden.npz", "reference.json")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound bundle."""
    return small_onnx.bundle(tmp_path / "bundle").folder


def refused(folder: Path) -> str:
    with pytest.raises(BadBundle) as caught:
        verify(folder)
    return str(caught.value)


def rewrite(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Another manifest, in canonical form, as an attacker without keys can make one."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    change(manifest)
    (folder / "manifest.json").write_bytes(canonical(manifest))


def replace(folder: Path, name: str, data: bytes) -> None:
    """Another file, with a manifest that names it."""
    (folder / name).write_bytes(data)
    rewrite(folder, lambda manifest: manifest["files"].update({name: {"sha256": sha256(data), "size": len(data)}}))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("region", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_one_changed_byte_anywhere_is_told(folder: Path, name: str, region: float) -> None:
    data = bytearray((folder / name).read_bytes())
    data[round(region * (len(data) - 1))] ^= 0x01
    (folder / name).write_bytes(data)
    assert name in refused(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_byte_less_a_byte_more_and_no_file_are_told(folder: Path, name: str) -> None:
    data = (folder / name).read_bytes()
    for changed in (data[:-1], data + b" ", b""):
        (folder / name).write_bytes(changed)
        assert name in refused(folder)
    (folder / name).unlink()
    assert name in refused(folder)


def test_another_bundle_than_was_asked_for_is_refused(folder: Path) -> None:
    with pytest.raises(BadBundle, match="expected 0000"):
        verify(folder, digest="0" * 64)


def test_a_manifest_with_a_wrong_digest_is_refused(folder: Path) -> None:
    rewrite(folder, lambda manifest: manifest["files"]["model.fp32.onnx"].update(sha256="0" * 64))
    assert f"the manifest says {'0' * 64}" in refused(folder)


def test_everything_that_is_wrong_is_told_at_once(folder: Path) -> None:
    bundle = Bundle.open(folder)
    (folder / "golden.npz").write_bytes(b"short")
    (folder / "reference.json").unlink()
    (folder / "extra.txt").write_text("more")
    found = list(problems(bundle))
    assert [one.split()[0] for one in found] == ["'extra.txt'", "golden.npz", "reference.json"]
    with pytest.raises(BadBundle, match="and 2 more"):
        verify(folder)


@pytest.mark.parametrize("name", ["model.fp32.onnx", "golden.npz", "reference.json", "manifest.json"])
def test_links_are_not_followed_also_not_to_the_right_bytes(folder: Path, name: str) -> None:
    elsewhere = folder.parent / "elsewhere"
    (folder / name).rename(elsewhere)
    (folder / name).symlink_to(elsewhere)
    assert "is a link" in refused(folder)


def test_folders_links_pipes_and_files_that_nobody_named_are_told(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "link").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe")
    (folder / ".hidden").write_text("x")
    assert list(problems(Bundle.open(folder))) == [
        "'.hidden' is not in the manifest.",
        "'link' is a link; a bundle holds plain files alone.",
        "'pipe' is no plain file; a bundle holds plain files alone.",
        "'sub' is a folder; a bundle holds plain files alone.",
    ]


@pytest.mark.parametrize("name", FILES)
def test_a_pipe_in_place_of_a_file_stops_nobody(folder: Path, name: str) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)
    assert name in refused(folder)


def test_a_file_too_large_is_not_read(folder: Path) -> None:
    def enormous(manifest: dict[str, Any]) -> None:
        manifest["files"]["model.fp32.onnx"]["size"] = verifying.LARGEST_FILE + 1

    with (folder / "model.fp32.onnx").open("r+b") as file:
        file.truncate(verifying.LARGEST_FILE + 1)  # sparse
    rewrite(folder, enormous)
    assert "at most 1,073,741,824 are allowed" in refused(folder)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "Invalid JSON"),
        (b"[]", "object"),
        (b"{}", "Field required"),
        (b"\x80\x04pickle", "Invalid JSON"),
        (b"[" * 100_000, "manifest"),
        (b" " * (1024 * 1024 + 1), "at most 1,048,576"),
    ],
)
def test_a_manifest_that_is_none_is_refused(folder: Path, data: bytes, said: str) -> None:
    (folder / "manifest.json").write_bytes(data)
    assert said in refused(folder)


def test_a_manifest_in_another_form_is_refused(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    for data in (json.dumps(manifest, sort_keys=True), json.dumps(manifest, separators=(",", ":")) + "\n"):
        (folder / "manifest.json").write_text(data)
        assert "not in canonical form" in refused(folder)


def test_a_key_that_stands_twice_is_refused(folder: Path) -> None:
    data = (folder / "manifest.json").read_bytes()
    (folder / "manifest.json").write_bytes(b'{"model":"other",' + data[1:])
    assert "not in canonical form" in refused(folder)


def escaping(manifest: dict[str, Any]) -> None:
    manifest["files"]["../../etc/passwd"] = {"sha256": "0" * 64, "size": 1}


def absolute(manifest: dict[str, Any]) -> None:
    manifest["variants"]["fp32"]["file"] = "/etc/passwd"


def unknown(manifest: dict[str, Any]) -> None:
    manifest["command"] = "rm"


def unknown_variant(manifest: dict[str, Any]) -> None:
    manifest["variants"]["int2"] = manifest["variants"]["fp32"]


def newer(manifest: dict[str, Any]) -> None:
    manifest["format"] = 2


def two_with_one_file(manifest: dict[str, Any]) -> None:
    manifest["variants"]["fp16"] = manifest["variants"]["fp32"]


def other_opset(manifest: dict[str, Any]) -> None:
    manifest["variants"]["fp32"]["opset"] = 21


def other_input(manifest: dict[str, Any]) -> None:
    manifest["contract"]["inputs"][0]["dims"][1] = 4


def other_type(manifest: dict[str, Any]) -> None:
    manifest["contract"]["inputs"][0]["dtype"] = "float32"


def other_name(manifest: dict[str, Any]) -> None:
    manifest["contract"]["outputs"][0]["name"] = "scores"


def a_program(manifest: dict[str, Any]) -> None:
    manifest["files"]["run.sh"] = {"sha256": sha256(b""), "size": 0}


def no_golden(manifest: dict[str, Any]) -> None:
    del manifest["files"]["golden.npz"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (escaping, "String should match pattern"),
        (absolute, "String should match pattern"),
        (unknown, "command: Extra inputs"),
        (unknown_variant, "variants"),
        (newer, "format"),
        (two_with_one_file, "Two variants have the file"),
        (other_opset, "has opset 20, the manifest says 21"),
        (other_input, "the contract says uint8 [batch, 4, 4, 4]"),
        (other_type, "the contract says float32 [batch, 3, 4, 4]"),
        (other_name, "the outputs are logits; the contract says scores"),
        (a_program, "run.sh belongs to no variant"),
        (no_golden, "lists no file golden.npz"),
    ],
)
def test_a_manifest_that_claims_what_is_not_so_is_refused(
    folder: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    rewrite(folder, change)
    with pytest.raises(BadBundle):
        verify(folder)
    try:
        found = list(problems(Bundle.open(folder)))
    except BadBundle as error:
        found = [str(error)]
    assert any(said in one for one in found), found


def golden(**changed: Array | None) -> bytes:
    images = small_onnx.images()
    arrays: dict[str, Array | None] = {"in.images": images, "fp32.logits": small_onnx.answers(images)}
    every = {**arrays, **{name.replace("__", "."): array for name, array in changed.items()}}
    return encoded({name: array for name, array in every.items() if array is not None})


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (golden(fp32__logits=None), "has no `fp32.logits`"),
        (golden(in__images=None), "has no `in.images`"),
        (golden(fp16__logits=np.zeros((2, 2), np.float32)), "has `fp16.logits`"),
        (golden(fp32__logits=np.zeros((2, 2), np.float64)), "is float64, the contract says float32"),
        (golden(fp32__logits=np.zeros((2, 3), np.float32)), "the contract says [batch, 2]"),
        (golden(fp32__logits=np.zeros(2, np.float32)), "the contract says [batch, 2]"),
        (golden(fp32__logits=np.zeros((1, 2), np.float32)), "where another array has"),
        (golden(in__images=small_onnx.images(5)), "the contract says 1 to 4"),
        (golden(in__images=small_onnx.images(0)), "the contract says 1 to 4"),
        (golden(fp32__logits=np.full((2, 2), np.inf, np.float32)), "not finite"),
        (golden(checkpoint__other=np.zeros((2, 2), np.float32)), "`checkpoint.logits`"),
        (b"\x80\x04pickle", "no file of arrays"),
    ],
)
def test_golden_inputs_and_answers_must_fit_the_contract(folder: Path, data: bytes, said: str) -> None:
    replace(folder, "golden.npz", data)
    assert said in refused(folder)


def test_the_checkpoints_answers_may_stand_beside_the_others(folder: Path) -> None:
    replace(folder, "golden.npz", golden(checkpoint__logits=np.zeros((2, 2), np.float32)))
    verify(folder)


@pytest.mark.parametrize(("data", "said"), [(b"[1]", "no mapping"), (b"no", "no JSON"), (b"[" * 100_000, "no JSON")])
def test_a_reference_that_is_none_is_refused(folder: Path, data: bytes, said: str) -> None:
    replace(folder, "reference.json", data)
    assert said in refused(folder)


def test_a_reference_too_large_is_not_read(folder: Path) -> None:
    replace(folder, "reference.json", b" " * (verifying.LARGEST_JSON + 1))
    assert "at most 16,777,216 are allowed" in refused(folder)


def test_what_is_no_folder_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BadBundle, match="is no bundle"):
        verify(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(BadBundle, match="is no bundle"):
        verify(tmp_path / "file")


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(FILES), place=st.floats(0, 1), mask=st.integers(1, 255))
def test_no_changed_byte_passes(folder: Path, name: str, place: float, mask: int) -> None:
    whole = (folder / name).read_bytes()
    data = bytearray(whole)
    data[round(place * (len(data) - 1))] ^= mask
    digest = Bundle.open(folder).digest
    try:
        (folder / name).write_bytes(data)
        with pytest.raises(BadBundle):
            verify(folder, digest=digest)
    finally:
        (folder / name).write_bytes(whole)


def test_an_input_that_a_graph_has_twice_is_told() -> None:
    graph = read_graph(small_onnx.classifier().SerializeToString(), "m.onnx")
    part = VariantPart(file="m.onnx", opset=small_onnx.OPSET)
    assert not list(graph_problems(graph, "m.onnx", part, small_onnx.CONTRACT))
    twice = dataclasses.replace(graph, inputs=graph.inputs * 2)
    (problem,) = graph_problems(twice, "m.onnx", part, small_onnx.CONTRACT)
    assert "the inputs are images, images; the contract says images" in problem


def two_variants(folder: Path) -> Bundle:
    """A bundle of which each class of devices needs a part."""
    given = small_onnx.images()
    classes = {"edge-cpu": ("int8-cpu", "fp32"), "edge-gpu": ("fp16", "fp32"), "hub": ("fp32",)}
    variants: list[Any] = ["fp32", "fp16", "int8-cpu"]
    return small_onnx.bundle(
        folder,
        devices={
            name: DeviceClass(variants=asked, batch=2, latency_ms=20, memory_mb=200, size_mb=4)  # type: ignore[arg-type]
            for name, asked in classes.items()
        },
        variants={name: VariantPart(file=f"model.{name}.onnx", opset=small_onnx.OPSET) for name in variants},
        files={f"model.{name}.onnx": small_onnx.classifier().SerializeToString() for name in variants},
        golden={"in.images": given, **{f"{name}.logits": small_onnx.answers(given) for name in variants}},
    )


def test_a_folder_with_what_one_class_needs_is_that_class_s_bundle_and_no_whole_one(tmp_path: Path) -> None:
    manifest = two_variants(tmp_path / "bundle").manifest
    assert manifest.files_for("hub") == ("golden.npz", "model.fp32.onnx", "reference.json")
    for name in ("model.fp16.onnx", "model.int8-cpu.onnx"):
        (tmp_path / "bundle" / name).unlink()
    assert verify(tmp_path / "bundle", digest=manifest.digest, device_class="hub").digest == manifest.digest
    assert "model.fp16.onnx is not there" in refused(tmp_path / "bundle")


def test_what_another_class_needs_is_told_where_it_lies_and_where_it_is_missing(tmp_path: Path) -> None:
    bundle = two_variants(tmp_path / "bundle")
    assert list(problems(bundle, device_class="edge-cpu")) == [
        "'model.fp16.onnx' is not what the manifest has for the device class `edge-cpu`."
    ]
    (tmp_path / "bundle" / "model.fp16.onnx").unlink()
    assert not list(problems(bundle, device_class="edge-cpu"))
    assert list(problems(bundle, device_class="edge-gpu")) == [
        "'model.int8-cpu.onnx' is not what the manifest has for the device class `edge-gpu`.",
        "model.fp16.onnx is not there.",
    ]


def test_a_class_that_the_manifest_does_not_name_has_no_bundle(folder: Path) -> None:
    with pytest.raises(BadBundle, match="not made for the device class `edge-gpu`"):
        verify(folder, device_class="edge-gpu")
