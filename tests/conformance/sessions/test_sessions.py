"""Every session keeps to the same promises: ONNX Runtime's, an engine's in this process, an engine's elsewhere."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from pathlib import Path

import numpy as np
import pytest

import small_onnx
import stand_in_gpu
from slipway.serving.errors import WrongUse
from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.live import LoadedModel
from slipway.serving.runtime.live_model import LiveModel
from slipway.serving.runtime.session import Session, Weighed, open_engine, open_session
from slipway.serving.runtime.tensorrt.building import build_engine
from slipway.serving.runtime.tensorrt.cache import EngineFile
from slipway.serving.runtime.tensorrt.cuda import Driver
from slipway.serving.runtime.tensorrt.native import NativeSession

KINDS = ("onnxruntime", "native", "remote")
SECONDS = 60


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The classifier."""
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    path.write_bytes(small_onnx.classifier().SerializeToString())
    return path


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Owns the stand-in for TensorRT."""
    return stand_in_gpu.interpreter(tmp_path_factory.mktemp("other") / "venv")


@pytest.fixture(scope="module")
def engine(model: Path, python: Path) -> EngineFile:
    """Of the classifier."""
    return build_engine(model, small_onnx.CONTRACT, "fp32", model.parent / "engines", python=python)


Opening = Callable[[], Session]


@pytest.fixture(params=KINDS)
def opening(request: pytest.FixtureRequest, model: Path, python: Path, engine: EngineFile) -> Iterator[Opening]:
    """Opens sessions of one kind, and closes them."""
    opened: list[Session] = []

    def native() -> Session:
        driver = Driver(stand_in_gpu.cuda().LIBRARY)
        return NativeSession(engine, small_onnx.CONTRACT, trt=stand_in_gpu.tensorrt(), cuda=driver)

    kinds: dict[str, Opening] = {
        "onnxruntime": lambda: open_session(model, small_onnx.CONTRACT),
        "native": native,
        "remote": lambda: open_engine(engine, small_onnx.CONTRACT, python=python),
    }

    def begin() -> Session:
        opened.append(kinds[request.param]())
        return opened[-1]

    yield begin
    for one in opened:
        one.close()


def right(answers: object, count: int) -> bool:
    found = np.asarray(answers, np.float64)
    return bool(np.allclose(found, small_onnx.answers(small_onnx.images(count)), rtol=1e-4))


def test_it_answers_batches_of_every_size_by_name(opening: Opening) -> None:
    session = opening()
    for count in (1, 4, 2, 3, 1):
        found = session.run({"images": small_onnx.images(count)})
        assert found.keys() == {"logits"}
        assert found["logits"].dtype == np.float32
        assert right(found["logits"], count)
    assert session.providers


def test_its_answers_are_the_callers(opening: Opening) -> None:
    session = opening()
    first = session.run({"images": small_onnx.images(3)})["logits"]
    session.run({"images": np.zeros((3, 3, 4, 4), np.uint8)})
    assert right(first, 3)
    first[:] = 0


def test_what_the_contract_does_not_allow_is_not_run_and_harms_nothing(opening: Opening) -> None:
    session = opening()
    for wrong in (small_onnx.images(5), small_onnx.images(1).astype(np.float32), small_onnx.images(1)[:, :, :2]):
        with pytest.raises(WrongUse):
            session.run({"images": wrong})
    with pytest.raises(WrongUse):
        session.run({})
    assert right(session.run({"images": small_onnx.images(2)})["logits"], 2)


def test_a_closed_one_says_so_and_may_be_closed_again(opening: Opening) -> None:
    session = opening()
    session.close()
    session.close()
    with pytest.raises(ModelUnfit, match="was closed"):
        session.run({"images": small_onnx.images()})


def test_what_it_holds_elsewhere_is_told(opening: Opening) -> None:
    session = opening()
    assert not isinstance(session, Weighed) or session.device_memory() > 0


def test_a_live_model_exchanges_it_under_load(opening: Opening) -> None:
    live = LiveModel(LoadedModel("small-bays", "0", 0, "fp32", small_onnx.CONTRACT, opening()), depth=1000)
    asked, ended = [], threading.Event()

    def produce() -> None:
        while not ended.is_set():
            asked.append(live.submit({"images": small_onnx.images(2)}))
            asked[-1].result(SECONDS)

    producers = [threading.Thread(target=produce) for _ in range(3)]
    for one in producers:
        one.start()
    for number in range(1, 4):
        live.swap(LoadedModel("small-bays", str(number), number, "fp32", small_onnx.CONTRACT, opening()))
        live.submit({"images": small_onnx.images(1)}).result(SECONDS)
    ended.set()
    for one in producers:
        one.join(SECONDS)
    wait(asked, SECONDS)
    live.close(SECONDS)
    assert all(right(one.result(0).outputs["logits"], 2) for one in asked)
    assert live.total().answered == len(asked) + 3
