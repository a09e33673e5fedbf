"""An engine in this process, over a driver whose streams do nothing before somebody waits for them."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import small_onnx
import stand_in_gpu
from slipway.serving.bundle.contract import Contract
from slipway.serving.errors import WrongUse
from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.tensorrt.cache import EngineFile
from slipway.serving.runtime.tensorrt.cuda import Driver
from slipway.serving.runtime.tensorrt.engine import Engine
from slipway.serving.runtime.tensorrt.making import make
from slipway.serving.runtime.tensorrt.native import NativeSession
from slipway.serving.runtime.tensorrt.profiles import tensors_of
from slipway.serving.runtime.tensorrt.tensors import Tensors


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A driver's library without a past."""
    fresh = stand_in_gpu.cuda().Library()
    monkeypatch.setattr(stand_in_gpu.cuda(), "LIBRARY", fresh)
    return fresh


@pytest.fixture
def session(engine: EngineFile, library: Any) -> Iterator[NativeSession]:
    """The classifier's engine."""
    found = NativeSession(engine, small_onnx.CONTRACT, trt=stand_in_gpu.tensorrt(), cuda=Driver(library))
    yield found
    found.close()


def right(session: NativeSession, count: int) -> bool:
    images = small_onnx.images(count)
    return bool(np.allclose(session.run({"images": images})["logits"].astype(float), small_onnx.answers(images)))


def test_it_answers_batches_of_every_size(session: NativeSession) -> None:
    assert all(right(session, count) for count in (1, 4, 2, 2, 3))
    assert session.providers == ["tensorrt"]


def test_memory_is_taken_once_and_given_back(engine: EngineFile, library: Any) -> None:
    session = NativeSession(engine, small_onnx.CONTRACT, trt=stand_in_gpu.tensorrt(), cuda=Driver(library))
    held = set(library.memory), set(library.host)
    assert all(right(session, count) for count in (1, 4, 3))
    assert (set(library.memory), set(library.host)) == held
    assert [len(one) for one in held] == [2, 2]
    assert session.device_memory() > sum(len(one) for one in library.memory.values())
    session.close()
    session.close()
    assert not library.memory
    assert not library.host
    assert not library.streams
    with pytest.raises(ModelUnfit, match="was closed"):
        session.run({"images": small_onnx.images()})


def test_answers_stay_as_they_are_when_later_ones_come(session: NativeSession) -> None:
    first = session.run({"images": small_onnx.images(2)})["logits"]
    session.run({"images": small_onnx.images(2)[::-1].copy()})
    assert np.allclose(first.astype(float), small_onnx.answers(small_onnx.images(2)))


def test_rows_that_do_not_lie_in_order_are_taken_as_they_are_meant(session: NativeSession) -> None:
    images = small_onnx.images(4)[::-2]
    assert np.allclose(session.run({"images": images})["logits"].astype(float), small_onnx.answers(images))


def test_another_thread_than_the_one_that_opened_it_may_run_it(session: NativeSession) -> None:
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(right(session, 3)))
    thread.start()
    thread.join()
    assert found == [True]


def test_without_page_locked_memory_it_is_only_slower(engine: EngineFile, library: Any) -> None:
    library.page_locked = 0
    session = NativeSession(engine, small_onnx.CONTRACT, trt=stand_in_gpu.tensorrt(), cuda=Driver(library))
    assert right(session, 4)
    assert not library.host
    session.close()


def test_what_the_contract_does_not_allow_is_not_run(session: NativeSession) -> None:
    with pytest.raises(WrongUse, match="has 5 in `batch`"):
        session.run({"images": small_onnx.images(5)})


def test_an_engine_that_fails_says_what_the_module_said(session: NativeSession, mood: Path) -> None:
    mood.write_text("fail")
    with pytest.raises(ModelUnfit, match=r"The engine does not run: The device is gone\."):
        session.run({"images": small_onnx.images()})


def test_a_device_that_fails_is_told_with_the_drivers_word(session: NativeSession, library: Any) -> None:
    library.failing = 2
    with pytest.raises(ModelUnfit, match=r"cuStreamSynchronize says CUDA_ERROR_OUT_OF_MEMORY \(2\)"):
        session.run({"images": small_onnx.images()})
    library.failing = 719
    with pytest.raises(ModelUnfit, match=r"cuStreamSynchronize says 719\."):
        session.run({"images": small_onnx.images()})


def test_an_engine_of_another_version_does_not_load(library: Any) -> None:
    with pytest.raises(ModelUnfit, match="does not load: The engine was made by another version") as caught:
        Engine(stand_in_gpu.tensorrt(), Driver(library), b"old", tensors_of(small_onnx.CONTRACT))
    assert caught.value.mend is not None
    assert not library.memory


def other(**changes: Any) -> Tensors:
    """The classifier's contract, changed."""
    told = small_onnx.CONTRACT.model_dump(mode="json")
    told["inputs"][0] |= changes.get("input", {})
    told["outputs"][0] |= changes.get("output", {})
    return tensors_of(Contract.model_validate(told))


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        (other(input={"name": "pictures"}), "The engine's inputs are images; the contract says pictures"),
        (other(output={"name": "scores"}), "The engine's outputs are logits; the contract says scores"),
        (other(input={"dtype": "float32"}), "`images` is UINT8 in the engine; the contract says float32"),
        (other(output={"dims": ["batch", 3]}), r"`logits` is \[-1, 2\] in the engine"),
        (other(input={"dims": ["batch", 3, 4, 8]}), r"`images` is \[-1, 3, 4, 4\] in the engine"),
    ],
)
def test_an_engine_that_does_not_keep_to_its_contract_is_not_opened(library: Any, tensors: Tensors, said: str) -> None:
    trt = stand_in_gpu.tensorrt()
    inputs = tensors_of(small_onnx.CONTRACT).inputs
    made = make(trt, small_onnx.classifier().SerializeToString(), inputs)
    with pytest.raises(ModelUnfit, match=said):
        Engine(trt, Driver(library), made.engine, tensors)
    assert not library.memory


def test_a_device_without_enough_memory_keeps_nothing(engine: EngineFile, library: Any) -> None:
    class Full(Driver):
        def allocate(self, size: int) -> int:
            if library.memory:
                raise ModelUnfit("the device is full")
            return super().allocate(size)

    with pytest.raises(ModelUnfit, match="full"):
        Engine(stand_in_gpu.tensorrt(), Full(library), engine.read(), tensors_of(small_onnx.CONTRACT))
    assert not library.memory
    assert not library.host
    assert not library.streams


def test_the_driver_tells_the_device(library: Any) -> None:
    driver = Driver(library)
    assert (driver.capability, driver.name) == ((8, 7), "Stand-in")


def test_what_was_measured_is_kept_for_the_next_engine(tmp_path: Path) -> None:
    trt, timing = stand_in_gpu.tensorrt(), tmp_path / "cache" / "timing"
    model, inputs = small_onnx.classifier().SerializeToString(), tensors_of(small_onnx.CONTRACT).inputs
    for _ in range(2):
        assert make(trt, model, inputs, timing).done
    assert timing.read_bytes() == b"measured;measured;"
    assert [path.name for path in timing.parent.iterdir()] == ["timing"]
