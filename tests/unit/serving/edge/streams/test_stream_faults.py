"""Streams whose model does not fit, fails or is not there, whose reader leaves, and requests that make no sense."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slipway.serving.bundle.folder import Bundle
from slipway.serving.edge.streams.running import Camera, Lives, Settings, read_camera
from slipway.serving.edge.streams.telling import Decided
from slipway.serving.errors import WrongUse
from slipway.serving.runtime.live import LoadedModel
from slipway.serving.runtime.live_model import LiveModel
from slipway.serving.runtime.pictures import encode
from slipway.serving.runtime.session import Arrays, Provider
from small_onnx import detecting
from stream_site import RED, Kept, run


def test_a_model_that_does_not_fit_is_told_once_and_the_next_one_heals_it(
    kept: Kept, live: Callable[..., LiveModel], bundles: Mapping[str, Bundle], tmp_path: Path
) -> None:
    pictures = tmp_path / "many"
    pictures.mkdir()
    for number in range(40):
        (pictures / f"{number}.jpg").write_bytes(encode(detecting.scene((8, 8, 16, 16, RED))))
    model = live("detect")
    failing = detecting.loaded(bundles["detect-2"])

    class Failing:
        providers: Sequence[Provider] = ("cpu",)

        def run(self, inputs: Arrays) -> dict[str, Any]:
            if len(kept.lines) < 1:
                return failing.session.run(inputs)
            model.swap(detecting.loaded(bundles["detect"]))
            raise RuntimeError("the accelerator is gone")

        def close(self) -> None:
            pass

    model.swap(LoadedModel(failing.model, failing.bundle, 4, "fp32", failing.contract, Failing()))
    counts = run(kept, [f"gate={pictures}"], Lives(model))
    (failure,) = kept.events("failure")
    assert failure["detail"] == "RuntimeError: the accelerator is gone"
    assert 1 <= counts["gate"]["failed"] <= 4
    assert counts["gate"]["failed"] + counts["gate"]["decided"] == 40
    assert kept.events("boxes")[-1]["bundle"] == bundles["detect"].digest[:8]


def test_a_second_model_that_fails_takes_nothing_from_what_was_found(
    kept: Kept, folder: Path, live: Callable[..., LiveModel]
) -> None:
    counts = run(kept, [f"gate={folder}"], Lives(live("detect"), live("detect-2")))
    assert counts["gate"]["decided"] == 3
    assert [len(one["boxes"]) for one in kept.events("boxes")] == [1, 2]
    (failure,) = kept.events("failure")
    assert failure["detail"] == "the boxes of gate: small-detect finds boxes, and was asked about one."


def test_a_second_model_that_is_not_there_yet_is_left_out(
    kept: Kept, folder: Path, live: Callable[..., LiveModel]
) -> None:
    run(kept, [f"gate={folder}"], Lives(live("detect"), live()))
    assert all("embedding" not in box for one in kept.events("boxes") for box in one["boxes"])
    assert not kept.events("failure")


def test_a_classifier_may_look_at_boxes(kept: Kept, folder: Path, live: Callable[..., LiveModel]) -> None:
    run(kept, [f"gate={folder}"], Lives(live("detect"), live("classify")))
    said = kept.events("boxes")[0]["boxes"][0]["answer"]
    assert said["answer"] in said["scores"]
    assert said["model"] == "small-bays"


def test_telemetry_that_fails_stops_nothing(folder: Path, live: Callable[..., LiveModel]) -> None:
    class Broken(Kept):
        def decided(self, one: Decided) -> None:
            raise RuntimeError(one.id)

    kept = Broken()
    assert run(kept, [f"gate={folder}"], Lives(live("detect")))["gate"]["decided"] == 3


def test_a_reader_who_leaves_ends_a_rendered_camera_as_well(folder: Path, live: Callable[..., LiveModel]) -> None:
    kept = Kept(gone_after=1)
    began = time.monotonic()
    run(kept, [f"gate={folder}", "lot=world:tiny?fps=50"], Lives(live("detect")))
    assert len(kept.lines) == 1
    assert time.monotonic() - began < 30


def test_what_is_wrong_is_told_before_anything_begins(kept: Kept, folder: Path, live: Callable[..., LiveModel]) -> None:
    model = live("detect")
    for cameras, said in (
        ([], "There is no camera"),
        ([f"gate={folder}", f"gate={folder}"], "Two cameras are called `gate`"),
        ([f"gate={folder}", "exit=nowhere.mp4"], "is no file that is there"),
    ):
        with pytest.raises(WrongUse, match=said):
            run(kept, cameras, Lives(model))
    with pytest.raises(WrongUse, match="is no decision id"):
        run(kept, [f"gate={folder}"], Lives(model), settings=Settings("Gate PC"))
    with suppress(WrongUse):
        run(kept, [f"gate={folder}", "exit=nowhere.mp4"], Lives(model))
    assert kept.lines == []


@pytest.mark.parametrize("text", ["gate", "=x", "gate=", "Gate=x", "a b=x", "a/b=x", ""])
def test_what_is_no_camera_is_refused(text: str) -> None:
    with pytest.raises(WrongUse, match="expected NAME=SRC"):
        read_camera(text)


def test_a_camera_address_may_hold_anything() -> None:
    assert read_camera("gate=rtsp://h/p?a=b") == Camera("gate", "rtsp://h/p?a=b")
    assert np.array_equal(detecting.scene(), np.full((32, 32, 3), 60, np.uint8))
