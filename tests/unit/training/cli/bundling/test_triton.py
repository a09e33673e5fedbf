"""`slipway bundle export --triton`: the repository says what the contract says."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.testing import Result

import small_onnx
from slipway.platform.errors import WrongUse
from slipway.serving.bundle.manifest import DeviceClass, VariantPart

Command = Callable[..., Result]


def done(result: Result) -> str:
    assert result.exit_code == 0, result.output + str(result.exception)
    return result.stdout


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
