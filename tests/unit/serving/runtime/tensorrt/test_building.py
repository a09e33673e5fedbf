"""Engines that are made apart and kept: one for each thing that they are made of, and only those that were written."""

import errno
import json
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

import small_onnx
from slipway.serving.bundle.canonical import sha256
from slipway.serving.bundle.contract import Contract
from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.tensorrt.asking import Here, Limits, look
from slipway.serving.runtime.tensorrt.building import build_engine
from slipway.serving.runtime.tensorrt.cache import EngineCache, EngineFile, Identity, recorded
from slipway.serving.runtime.tensorrt.profiles import tensors_of

HERE = Here("tensorrt", "10.3.0", (8, 7), "Stand-in")


def built(model: Path, folder: Path, python: Path, *, here: Here = HERE, precision: str = "fp32") -> EngineFile:
    return build_engine(model, small_onnx.CONTRACT, precision, folder, python=python, here=here)


def test_an_interpreter_tells_its_module_and_its_device(python: Path) -> None:
    assert look(python) == HERE
    assert HERE.told == "tensorrt 10.3.0"


def test_an_interpreter_that_is_not_there_or_has_no_module_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelUnfit, match="cannot be started"):
        look(tmp_path / "python")
    told = tmp_path / "told"
    told.write_text('#!/bin/sh\necho \'{"module": null, "version": null, "capability": null, "device": null}\'\n')
    told.chmod(0o700)
    with pytest.raises(ModelUnfit, match="has no TensorRT") as caught:
        look(told)
    assert "--tensorrt-python" in (caught.value.mend or "")


def test_an_engine_is_made_once_and_found_again(python: Path, model: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    first = build_engine(
        model,
        small_onnx.CONTRACT,
        "fp32",
        tmp_path / "engines",
        python=python,
        progress=lambda *one: told.append(one),
    )
    written = first.path.stat().st_mtime_ns
    again = built(model, tmp_path / "engines", python)
    assert again == first == recorded(first.path)
    assert again.path.stat().st_mtime_ns == written
    assert told == [("Tactics", 0, 2)]
    plan = json.loads(first.read()[4:])
    assert plan["profile"] == {"images": [[1, 3, 4, 4], [2, 3, 4, 4], [4, 3, 4, 4]]}
    assert plan["workspace"] == Limits().memory_mb * 1024 * 1024 // 4
    assert first.told == "tensorrt 10.3.0"


def test_nobody_else_may_look_at_it(python: Path, model: Path, tmp_path: Path) -> None:
    built(model, tmp_path / "engines", python)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "engines").iterdir()}
    assert len(modes) == 3
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((tmp_path / "engines").stat().st_mode) == 0o700
    assert not [name for name in modes if name.endswith(".part")]


def test_whatever_it_is_made_of_makes_another_engine(python: Path, model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "engines"
    wide = small_onnx.CONTRACT.model_dump(mode="json")
    wide["dims"]["batch"]["most"] = 8
    made = {
        built(model, folder, python).path,
        built(model, folder, python, precision="fp16").path,
        built(model, folder, python, here=Here("tensorrt", "10.4.0", (8, 7), "Stand-in")).path,
        built(model, folder, python, here=Here("tensorrt", "10.3.0", (8, 9), "Stand-in")).path,
        build_engine(model, Contract.model_validate(wide), "fp32", folder, python=python, here=HERE).path,
    }
    model.write_bytes(small_onnx.classifier(seed=1).SerializeToString())
    made.add(built(model, folder, python).path)
    assert len(made) == 6


@pytest.mark.parametrize("harm", ["changed", "cut", "record", "link", "recordless"])
def test_what_is_not_what_was_written_is_made_again(python: Path, model: Path, tmp_path: Path, harm: str) -> None:
    found = built(model, tmp_path / "engines", python)
    data, record = found.path.read_bytes(), found.path.with_name(found.path.name + ".json")
    if harm == "changed":
        found.path.write_bytes(data[:-1] + b"!")
    if harm == "cut":
        found.path.write_bytes(data[:-1])
    if harm == "record":
        record.write_text("[" * 5000)
    if harm == "link":
        found.path.rename(tmp_path / "elsewhere")
        found.path.symlink_to(tmp_path / "elsewhere")
    if harm == "recordless":
        record.unlink()
    if harm not in {"record", "recordless"}:
        with pytest.raises(ModelUnfit):
            found.read()
    again = built(model, tmp_path / "engines", python)
    assert again == found
    assert again.read() == data


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (b"wrong:Unknown operator.:Bad type.", r"Conv_3: Unknown operator\. Conv_3: Bad type\."),
        (b"none", r"tensorrt 10\.3\.0 made no engine of m\.onnx: No kernel fits\."),
        (b"raise", "RuntimeError: not on this machine"),
        (b"crash", "ended by SIGABRT"),
    ],
)
def test_no_engine_is_a_finding(python: Path, tmp_path: Path, file: bytes, said: str) -> None:
    (tmp_path / "m.onnx").write_bytes(file)
    with pytest.raises(ModelUnfit, match=said):
        built(tmp_path / "m.onnx", tmp_path / "engines", python)
    assert not list((tmp_path / "engines").glob("*engine*"))


def test_a_builder_that_hangs_is_ended_and_nothing_of_it_is_left(python: Path, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"hang")
    before = {one.pid for one in psutil.Process().children(recursive=True)}
    with pytest.raises(ModelUnfit, match="longer than 1 s"):
        build_engine(
            tmp_path / "m.onnx",
            small_onnx.CONTRACT,
            "fp32",
            tmp_path / "engines",
            python=python,
            here=HERE,
            limits=Limits(seconds=1),
        )
    assert {one.pid for one in psutil.Process().children(recursive=True)} == before


def test_a_builder_that_eats_memory_is_ended_before_the_device_is(python: Path, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"memory")
    with pytest.raises(ModelUnfit, match="MB of memory; 400 are allowed"):
        build_engine(
            tmp_path / "m.onnx",
            small_onnx.CONTRACT,
            "fp32",
            tmp_path / "engines",
            python=python,
            here=HERE,
            limits=Limits(memory_mb=400),
        )


def test_a_full_disk_says_nothing_of_the_model_and_leaves_nothing(python: Path, model: Path, tmp_path: Path) -> None:
    """`/dev/full` is as full as a disk can be."""
    identity = Identity(sha256(model.read_bytes()), "fp32", HERE, tensors_of(small_onnx.CONTRACT))
    cache = EngineCache(tmp_path / "engines")
    cache.place(identity).symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as caught:
        built(model, cache.folder, python)
    assert caught.value.errno == errno.ENOSPC
    assert not list(cache.folder.glob("*engine*"))
    assert built(model, cache.folder, python).read()


def test_what_saves_time_only_may_be_lost_to_a_full_disk(python: Path, model: Path, tmp_path: Path) -> None:
    cache = EngineCache(tmp_path / "engines")
    cache.folder.mkdir()
    timing = cache.timing(HERE)
    timing.with_name(f".{timing.name}.part").symlink_to("/dev/full")
    assert built(model, cache.folder, python).read()
    assert not timing.exists()


def test_engines_that_nobody_needs_are_removed(python: Path, model: Path, tmp_path: Path) -> None:
    kept = built(model, tmp_path / "engines", python)
    gone = built(model, tmp_path / "engines", python, precision="fp16")
    EngineCache(tmp_path / "engines").keep_only({kept.path.name})
    assert kept.read()
    assert not list(tmp_path.rglob(gone.path.name + "*"))


OWNER = """
import sys
from pathlib import Path
from slipway.serving.bundle.contract import Contract
from slipway.serving.runtime.tensorrt.asking import Here
from slipway.serving.runtime.tensorrt.building import build_engine
contract, here = Contract.model_validate_json(sys.argv[1]), Here("tensorrt", "10.3.0", (8, 7), None)
build_engine(Path(sys.argv[2]), contract, "fp32", Path("engines"), python=Path(sys.argv[3]), here=here)
"""


def test_a_builder_ends_when_its_owner_is_killed(python: Path, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"hang")
    arguments = [sys.executable, "-c", OWNER, small_onnx.CONTRACT.model_dump_json(), str(tmp_path / "m.onnx")]
    with subprocess.Popen([*arguments, str(python)], stdout=subprocess.PIPE, cwd=tmp_path) as owner:
        process = psutil.Process(owner.pid)
        assert until(lambda: bool(process.children()))
        (builder,) = process.children()
        owner.kill()
    assert until(lambda: not builder.is_running())


def until(what: Callable[[], bool]) -> bool:
    end = time.monotonic() + 30
    while not what() and time.monotonic() < end:
        time.sleep(0.01)
    return what()
