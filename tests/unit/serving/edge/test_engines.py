"""The runtime as the agent uses it: a real bundle, ONNX Runtime, a real child, a real live model."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

import small_onnx
import stand_in_gpu
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import DeviceClass
from slipway.serving.edge.agent.ports import Built, engines_folder
from slipway.serving.edge.building import Building
from slipway.serving.edge.configuration import Home
from slipway.serving.edge.engines import LocalEngines
from slipway.serving.edge.telemetry.looking import Looking
from slipway.serving.runtime.live_model import LiveModel
from slipway.serving.runtime.tensorrt.asking import Here
from slipway.serving.runtime.tensorrt.building import build_engine

DEVICE = small_onnx.DEVICES["edge-cpu"]
GPU = DeviceClass(runtime="cuda", variants=("fp32",), batch=2, latency_ms=20, memory_mb=900, size_mb=4)
BUILT = Built("fp32", "cpu")


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[Bundle]:
    """Two releases of one model."""
    folder = tmp_path_factory.mktemp("bundles")
    return [small_onnx.bundle(folder / str(seed), seed) for seed in (1, 2)]


@pytest.fixture
def live() -> Iterator[LiveModel]:
    """What answers."""
    live = LiveModel()
    yield live
    live.close()


@pytest.fixture
def engines(live: LiveModel) -> LocalEngines:
    """The runtime of this machine."""
    return LocalEngines("small-bays", live, Looking())


def test_a_bundle_is_built_and_proven_on_the_processor(engines: LocalEngines, bundles: list[Bundle]) -> None:
    assert engines.build(bundles[0], DEVICE) == BUILT
    proof = engines.prove(bundles[0], DEVICE, BUILT)
    assert (proof.problems, proof.provider) == ((), "cpu")
    assert proof.memory_mb > 10


def test_what_costs_too_much_is_for_the_agent_to_judge_and_wrong_answers_are_problems(
    engines: LocalEngines, bundles: list[Bundle], tmp_path: Path
) -> None:
    tight = DEVICE.model_copy(update={"latency_ms": 1e-6, "memory_mb": 1.0})
    proof = engines.prove(bundles[0], tight, BUILT)
    assert proof.problems == ()
    assert proof.p95_ms > tight.latency_ms
    golden = {"in.images": small_onnx.images(), "fp32.logits": small_onnx.answers(small_onnx.images(), 9)}
    (problem,) = engines.prove(small_onnx.bundle(tmp_path / "wrong", golden=golden), DEVICE, BUILT).problems
    assert "from the golden answer" in problem


def test_an_engine_is_built_tells_how_far_it_is_and_those_of_an_older_tensorrt_go(
    live: LiveModel, bundles: list[Bundle], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    python, home = stand_in_gpu.interpreter(tmp_path / "other"), Home(tmp_path / "home")
    home.make()
    bundle, device = bundles[0], DEVICE.model_copy(update={"runtime": "tensorrt"})
    older = build_engine(
        bundle.path("fp32"),
        bundle.manifest.contract,
        "fp32",
        engines_folder(bundle),
        python=python,
        here=Here("tensorrt", "10.2.0", (8, 7), "Stand-in"),
    )
    caplog.set_level(logging.INFO)
    engines = LocalEngines("small-bays", live, Looking(), python=python, building=Building(home, "small-bays"))
    built = engines.build(bundle, device)
    assert (built.variant, built.provider) == ("fp32", "tensorrt")
    assert [one.name for one in engines_folder(bundle).glob("*.plan")] == [built.engine]
    assert not older.path.exists()
    assert "small-bays: building the engine of fp32: Tactics, 0 of 2" in caplog.messages
    assert list(home.folder.iterdir()) == []
    assert engines.prove(bundle, device, built).problems == ()
    assert engines.build(bundle, device) == built


def test_a_release_is_proven_with_the_threads_with_which_it_answers(
    live: LiveModel, bundles: list[Bundle], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "onnxruntime.py").write_text(
        "import os\nraise ImportError(os.environ['OMP_NUM_THREADS'] + ' threads')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (problem,) = LocalEngines("small-bays", live, Looking(), threads=3).prove(bundles[0], DEVICE, BUILT).problems
    assert "3 threads" in problem


def test_a_device_with_a_gpu_that_is_gone_is_no_fault_of_the_release(
    engines: LocalEngines, bundles: list[Bundle]
) -> None:
    with pytest.raises(OSError, match="runs models on cuda"):
        engines.build(bundles[0], GPU)


def test_releases_take_turns_and_what_they_did_is_theirs_alone(
    engines: LocalEngines, live: LiveModel, bundles: list[Bundle]
) -> None:
    assert engines.observed() is None
    engines.activate(bundles[0], DEVICE, BUILT, 1)
    session = live.loaded.session if live.loaded else None
    live.submit({"images": small_onnx.images(1)}).result(30)
    engines.activate(bundles[0], DEVICE, BUILT, 1)
    assert live.loaded is not None
    assert live.loaded.session is session
    observed = engines.observed()
    assert observed is not None
    assert (observed.answered, observed.failed, observed.provider) == (1, 0, "cpu")
    engines.activate(bundles[1], DEVICE, BUILT, 2)
    answer = live.submit({"images": small_onnx.images(1)}).result(30)
    assert (answer.release, answer.bundle) == (2, bundles[1].digest)
    observed = engines.observed()
    assert observed is not None
    assert observed.answered == 1
