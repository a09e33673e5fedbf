"""What only a device can show: its own TensorRT builds and runs engines, and ONNX Runtime's providers run graphs.

`make test-device HOST=…` runs this there, `make test-tensorrt` here; what a machine does not have is skipped.
"""

from collections.abc import Mapping
from concurrent.futures import wait
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import small_onnx
from slipway.serving.bundle.manifest import DeviceClass
from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.live import LoadedModel
from slipway.serving.runtime.live_model import LiveModel
from slipway.serving.runtime.onnx_runtime import NAMES
from slipway.serving.runtime.proof import prove_apart
from slipway.serving.runtime.session import Provider, Session, open_engine, open_session
from slipway.serving.runtime.tensorrt.asking import Here, look
from slipway.serving.runtime.tensorrt.building import build_engine

pytestmark = pytest.mark.timeout(900)
VARIABLE = "SLIPWAY_TENSORRT_PYTHON"
USUAL = Path("/usr/bin/python3")
DEVICE = DeviceClass(variants=("fp32",), batch=4, latency_ms=1000, memory_mb=8000, size_mb=4)


@pytest.fixture(scope="module")
def python(callers_environment: Mapping[str, str]) -> Path:
    """The interpreter that owns `tensorrt`."""
    return Path(callers_environment.get(VARIABLE) or USUAL)


@pytest.fixture(scope="module")
def here(python: Path) -> Here:
    """What it has, with a device to run on."""
    try:
        found = look(python)
    except ModelUnfit as error:
        pytest.skip(str(error))
    if found.capability is None:
        pytest.skip(f"{found.told} finds no graphics processor here")
    return found


def right(session: Session, count: int) -> bool:
    images = small_onnx.images(count)
    answers = session.run({"images": images})["logits"].astype(float)
    return bool(np.allclose(answers, small_onnx.answers(images), rtol=1e-2, atol=1.0))


def test_an_engine_is_built_proven_and_answers_while_it_is_exchanged(here: Here, python: Path, tmp_path: Path) -> None:
    bundle = small_onnx.bundle(tmp_path / "bundle")
    contract, model = bundle.manifest.contract, bundle.path("fp32")
    engine = build_engine(model, contract, "fp32", tmp_path / "engines", python=python, here=here)
    session = open_engine(engine, contract, python=python)
    assert all(right(session, count) for count in (1, 4, 2, 3))
    proof = prove_apart(bundle, "fp32", DEVICE, "tensorrt", engine=engine, python=python)
    assert proof.provider == "tensorrt"
    assert 0 < proof.p95_ms < DEVICE.latency_ms
    live = LiveModel(LoadedModel("small-bays", "one", 1, "fp32", contract, session))
    asked = [live.submit({"images": small_onnx.images(1)}) for _ in range(20)]
    live.swap(LoadedModel("small-bays", "two", 2, "fp32", contract, open_engine(engine, contract, python=python)))
    asked += [live.submit({"images": small_onnx.images(1)}) for _ in range(20)]
    wait(asked, 60)
    live.close(60)
    assert {one.result().bundle for one in asked[20:]} == {"two"}
    assert live.total().answered == 40


@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_a_graph_runs_where_it_was_asked_to(provider: Provider, tmp_path: Path) -> None:
    if NAMES[provider] not in onnxruntime.get_available_providers():
        pytest.skip(f"this build of ONNX Runtime has no provider `{provider}`")
    path = tmp_path / "model.onnx"
    path.write_bytes(small_onnx.classifier().SerializeToString())
    session = open_session(path, small_onnx.CONTRACT, provider=provider)
    assert session.providers[0] == provider
    assert all(right(session, count) for count in (1, 4, 2))
    session.close()
