"""The proof on this device: golden answers, latency and memory; whatever happens to the child, it is told."""

import errno
import signal
from pathlib import Path
from typing import Any

import pytest

import small_onnx
import stand_in_gpu
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import DeviceClass
from slipway.serving.runtime.measuring import Limits
from slipway.serving.runtime.proof import prove_apart
from slipway.serving.runtime.tensorrt.building import build_engine

DEVICE = DeviceClass(variants=("fp32",), batch=2, latency_ms=10_000, memory_mb=2_000, size_mb=4)


def device(**changes: Any) -> DeviceClass:
    return DEVICE.model_copy(update=changes)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """A sound one."""
    return small_onnx.bundle(tmp_path / "bundle")


def test_a_sound_variant_is_proven(bundle: Bundle) -> None:
    found = prove_apart(bundle, "fp32", DEVICE, "cpu")
    assert found.problems == ()
    assert found.provider == "cpu"
    assert found.runtime.startswith("onnxruntime ")
    assert 0 < found.p95_ms < 10_000
    assert 20 < found.memory_mb < 1000
    assert found.load_ms > 0


def test_wrong_answers_are_a_problem_and_what_it_costs_is_told_whatever_is_allowed(
    tmp_path: Path, bundle: Bundle
) -> None:
    other = small_onnx.bundle(tmp_path / "other", seed=1)
    (bundle.path("fp32")).write_bytes(other.path("fp32").read_bytes())
    found = prove_apart(bundle, "fp32", device(latency_ms=1e-6, memory_mb=1), "cpu")
    (problem,) = found.problems
    assert "from the golden answer" in problem
    assert found.p95_ms > 1e-6
    assert found.memory_mb > 1


def test_it_is_proven_with_the_threads_that_it_will_have(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "onnxruntime.py").write_text(
        "import os, sys\nframe = sys._getframe()\n"
        "while 'threads' not in frame.f_locals:\n    frame = frame.f_back\n"
        "raise ImportError(f\"threads {frame.f_locals['threads']}, {os.environ['OMP_NUM_THREADS']}\")\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (problem,) = prove_apart(bundle, "fp32", DEVICE, "cpu", threads=3).problems
    assert "threads 3, 3" in problem


def test_a_provider_that_is_not_there_proves_nothing(bundle: Bundle) -> None:
    (problem,) = prove_apart(bundle, "fp32", DEVICE, "cuda").problems
    assert "no provider `cuda`" in problem


def test_a_model_that_takes_too_long_or_brings_its_process_down_proves_nothing(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = prove_apart(bundle, "fp32", DEVICE, "cpu", limits=Limits(seconds=0.01))
    assert found.problems == ("model.fp32.onnx was not done after 0.01 s.",)
    (tmp_path / "onnxruntime.py").write_text("import os; os.kill(os.getpid(), 11)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (problem,) = prove_apart(bundle, "fp32", DEVICE, "cpu").problems
    assert "brought the process that ran it down (SIGSEGV)" in problem


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_that_somebody_else_ended_says_nothing_of_the_model(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    (tmp_path / "onnxruntime.py").write_text(f"import os; os.kill(os.getpid(), {int(number)})\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(OSError, match="was ended from outside"):
        prove_apart(bundle, "fp32", DEVICE, "cpu")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_full_disk_says_nothing_of_the_model(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Whatever the child was about to write; another error of the system is a finding."""
    (tmp_path / "onnxruntime.py").write_text(f"raise OSError({number}, 'It does not take it')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(OSError, match=r"while model\.fp32\.onnx was tried") as caught:
        prove_apart(bundle, "fp32", DEVICE, "cpu")
    assert caught.value.errno == number
    (tmp_path / "onnxruntime.py").write_text(f"raise OSError({errno.EPERM}, 'It may not')\n")
    (problem,) = prove_apart(bundle, "fp32", DEVICE, "cpu").problems
    assert "It may not" in problem


def test_an_engine_under_another_interpreter_is_proven_like_any_other(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python, mood = stand_in_gpu.interpreter(tmp_path / "other"), tmp_path / "mood"
    monkeypatch.setenv("STAND_IN_MOOD", str(mood))
    mood.write_text("")
    contract = bundle.manifest.contract
    engine = build_engine(bundle.path("fp32"), contract, "fp32", tmp_path / "engines", python=python)
    found = prove_apart(bundle, "fp32", DEVICE, "tensorrt", engine=engine, python=python)
    assert found.problems == ()
    assert (found.provider, found.runtime) == ("tensorrt", "tensorrt 10.3.0")
    for word, said in (("wrong", "from the golden answer"), ("crash", "worker ended by SIGABRT")):
        mood.write_text(word)
        problems = prove_apart(bundle, "fp32", DEVICE, "tensorrt", engine=engine, python=python).problems
        assert any(said in one for one in problems)
