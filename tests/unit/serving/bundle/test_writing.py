"""Making a bundle: the same arguments give the same bytes, the manifest comes last, and nothing unsound is made."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import small_onnx
from slipway.serving.bundle.folder import BadBundle, Bundle
from slipway.serving.bundle.manifest import DeviceClass, VariantPart
from slipway.serving.bundle.verifying import verify
from slipway.serving.errors import WrongUse


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_arguments_give_the_same_bytes_in_any_folder(tmp_path: Path) -> None:
    one, other = small_onnx.bundle(tmp_path / "one"), small_onnx.bundle(tmp_path / "deeper" / "other")
    assert one.digest == other.digest
    assert contents(one.folder) == contents(other.folder)
    assert contents(one.folder).keys() == {"manifest.json", "model.fp32.onnx", "golden.npz", "reference.json"}


def test_other_weights_are_another_bundle(tmp_path: Path) -> None:
    assert small_onnx.bundle(tmp_path / "a").digest != small_onnx.bundle(tmp_path / "b", seed=1).digest


def test_what_is_written_can_be_opened_and_verified(tmp_path: Path) -> None:
    written = small_onnx.bundle(tmp_path / "bundle")
    assert Bundle.open(tmp_path / "bundle") == written
    assert verify(tmp_path / "bundle", digest=written.digest) == written


def test_a_manifest_names_no_place_and_no_time(tmp_path: Path) -> None:
    small_onnx.bundle(tmp_path / "bundle")
    text = (tmp_path / "bundle" / "manifest.json").read_text()
    assert str(tmp_path) not in text
    assert json.loads(text)["lineage"]["run_key"] is None


def test_files_are_copied_from_where_they_lie(tmp_path: Path) -> None:
    (tmp_path / "made.onnx").write_bytes(small_onnx.classifier().SerializeToString())
    copied = small_onnx.bundle(tmp_path / "copied", files={"model.fp32.onnx": tmp_path / "made.onnx"})
    assert copied.digest == small_onnx.bundle(tmp_path / "given").digest


def test_a_writer_that_was_killed_before_the_manifest_leaves_no_bundle_and_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(Killed):
            small_onnx.bundle(tmp_path / "bundle")
    with pytest.raises(BadBundle, match="is no bundle"):
        Bundle.open(tmp_path / "bundle")
    assert small_onnx.bundle(tmp_path / "bundle") == verify(tmp_path / "bundle")


def test_a_folder_with_a_bundle_or_with_something_else_is_left_alone(tmp_path: Path) -> None:
    small_onnx.bundle(tmp_path / "bundle")
    before = contents(tmp_path / "bundle")
    with pytest.raises(WrongUse, match="holds a bundle already"):
        small_onnx.bundle(tmp_path / "bundle", seed=1)
    assert contents(tmp_path / "bundle") == before
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("years of work")
    with pytest.raises(WrongUse, match=r"holds thesis\.txt"):
        small_onnx.bundle(tmp_path / "other")
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["thesis.txt"]


def test_a_link_in_the_way_is_replaced_and_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "model.fp32.onnx").symlink_to(victim)
    (tmp_path / "bundle" / "golden.npz").symlink_to(victim)
    (tmp_path / "bundle" / "reference.json").symlink_to(victim)
    verify(small_onnx.bundle(tmp_path / "bundle").folder)
    assert victim.read_text() == "kept"


IMAGES = small_onnx.images()


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        pytest.param({"files": {"model.fp32.onnx": b"\x80\x04."}}, "a pickle", id="pickle"),
        pytest.param({"golden": {"in.images": IMAGES}}, "has no `fp32.logits`", id="no answers"),
        pytest.param({"reference": {"mean": float("nan")}}, "cannot be written", id="reference"),
        pytest.param({"model": "No Name"}, "model", id="name"),
        pytest.param({"variants": {}}, "variants", id="no variants"),
        pytest.param({"variants": {"fp32": VariantPart(file="gone.onnx", opset=20)}}, "no file gone.onnx", id="file"),
        pytest.param(
            {"devices": {"edge": DeviceClass(variants=("fp16",), batch=1, latency_ms=1, memory_mb=1, size_mb=1)}},
            "asks for the variant fp16",
            id="device",
        ),
        pytest.param(
            {"golden": {"in.images": IMAGES, "fp32.logits": np.full((2, 2), np.nan, np.float32)}},
            "not finite",
            id="answers that are no numbers",
        ),
    ],
)
def test_nothing_that_the_verifier_refuses_is_made(tmp_path: Path, parts: dict[str, Any], said: str) -> None:
    with pytest.raises(BadBundle, match=said):
        small_onnx.bundle(tmp_path / "bundle", **parts)
    assert not (tmp_path / "bundle" / "manifest.json").exists()


@pytest.mark.parametrize("name", ["manifest.json", "../escaped.onnx", "folder/model.onnx", ".hidden"])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(WrongUse, match="no names"):
        small_onnx.bundle(tmp_path / "bundle", files={name: b""})
    assert list(tmp_path.rglob("*")) == []
