"""Cameras in, events out, over real live models: boxes, crops, vectors, exchanges under way, faults, and counts."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import small_onnx
from loopback_camera import loopback_camera, until
from slipway.serving.bundle.folder import Bundle
from slipway.serving.edge.decisions import parse_id
from slipway.serving.edge.streams.events import OutGone
from slipway.serving.edge.streams.log import DecisionLog
from slipway.serving.edge.streams.running import Camera, Lives, Settings, read_camera, run_streams
from slipway.serving.edge.streams.telling import Decided
from slipway.serving.errors import WrongUse
from slipway.serving.runtime.cameras.reconnecting import Timing
from slipway.serving.runtime.live import LoadedModel
from slipway.serving.runtime.live_model import LiveModel
from slipway.serving.runtime.pictures import decode, encode
from slipway.serving.runtime.session import Arrays, Provider
from slipway.serving.runtime.source import Notice
from small_onnx import detecting

QUICK = Timing(deadline=0.5, first_wait=0.02, longest_wait=0.1, ending=0.5)
SETTINGS = Settings("gate-pc", timing=QUICK)
RED, GREEN, BLUE = range(3)


@dataclass
class Kept:
    """Events and telemetry, kept to be looked at."""

    lines: list[str] = field(default_factory=list)
    decisions: list[Decided] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    notices: list[Notice] = field(default_factory=list)
    gone_after: int | None = None

    def write(self, line: str) -> None:
        if self.gone_after is not None and len(self.lines) >= self.gone_after:
            raise OutGone("gone")
        self.lines.append(line)

    def close(self) -> None:
        pass

    def decided(self, one: Decided) -> None:
        self.decisions.append(one)

    def count(self, name: str, times: int = 1) -> None:
        self.counts[name] += times

    def noticed(self, notice: Notice) -> None:
        self.notices.append(notice)

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in list(self.lines)]
        return [one for one in found if kind in {None, one["event"]}]


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Bundle]:
    folder = tmp_path_factory.mktemp("bundles")
    return {
        "detect": detecting.detector(folder / "detect"),
        "detect-2": detecting.detector(folder / "detect-2", gain=1.05),
        "detect-large": detecting.detector(folder / "detect-large", size=64),
        "embed": detecting.embedder(folder / "embed"),
        "embed-2": detecting.embedder(folder / "embed-2", gain=0.9),
        "classify": small_onnx.bundle(folder / "classify"),
    }


@pytest.fixture
def live(bundles: Mapping[str, Bundle]) -> Iterator[Callable[..., LiveModel]]:
    """Live models, closed afterwards."""
    made: list[LiveModel] = []

    def begin(name: str | None = None, **parts: Any) -> LiveModel:
        made.append(LiveModel(None if name is None else detecting.loaded(bundles[name], 3), **parts))
        return made[-1]

    yield begin
    for one in made:
        one.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures with a red box, with two boxes, and with none."""
    found = tmp_path / "pictures"
    found.mkdir()
    scenes = [[(8, 8, 16, 16, RED)], [(0, 16, 8, 24, BLUE), (16, 0, 24, 8, GREEN)], []]
    for number, boxes in enumerate(scenes):
        (found / f"{number}.jpg").write_bytes(encode(detecting.scene(*boxes), 95))
    return found


def run(kept: Kept, cameras: Any, lives: Lives, **parts: Any) -> dict[str, dict[str, int]]:
    """To the end of all cameras."""
    listed = [one if isinstance(one, Camera) else read_camera(one) for one in cameras]
    parts.setdefault("settings", SETTINGS)
    counts = run_streams(listed, lives, kept, parts.pop("stop", threading.Event()), kept, **parts)
    for one in counts.values():
        assert one["in"] == one["dropped"] + one["refused"] + one["failed"] + one["decided"]
    return counts


def test_frames_become_boxes_with_vectors_and_ids(
    kept: Kept, folder: Path, live: Callable[..., LiveModel], bundles: Mapping[str, Bundle], tmp_path: Path
) -> None:
    log = DecisionLog(tmp_path / "log")
    counts = run(kept, [f"gate={folder}"], Lives(live("detect"), live("embed")), log=log)
    first, second = kept.events("boxes")
    assert [(one["category"], one["box"]) for one in first["boxes"]] == [("red", [8, 8, 16, 16])]
    assert {one["category"] for one in second["boxes"]} == {"blue", "green"}
    assert first["boxes"][0]["score"] == pytest.approx(0.9, abs=0.1)
    assert (first["model"], first["release"]) == ("small-detect", 3)
    said = parse_id(first["decision"])
    assert (said.device, said.bundle) == ("gate-pc", bundles["detect"].digest[:8])
    of_box = first["boxes"][0]["embedding"]
    assert parse_id(of_box["decision"]).bundle == bundles["embed"].digest[:8]
    assert "vector" not in of_box
    ids = [first["decision"], second["decision"]]
    assert ids == sorted(ids)
    assert log.find(of_box["decision"]) == first
    assert log.find(second["decision"]) == second
    assert counts == {"gate": {"in": 3, "dropped": 0, "unreadable": 0, "refused": 0, "failed": 0, "decided": 3}}
    assert kept.counts["frames.gate.decided"] == 3
    assert kept.events("end")[0]["frames"] == counts["gate"]


def test_telemetry_hears_of_every_decision_and_may_have_the_picture(
    kept: Kept, folder: Path, live: Callable[..., LiveModel]
) -> None:
    run(kept, [f"gate={folder}"], Lives(live("detect"), live("embed")))
    of_frames = [one for one in kept.decisions if one.loaded.model == "small-detect"]
    of_boxes = [one for one in kept.decisions if one.loaded.model == "small-embed"]
    assert [len(one.scores) for one in of_frames] == [1, 2, 0]
    assert of_frames[2].confidence is None
    assert of_frames[1].confidence == min(of_frames[1].scores)
    assert len(of_boxes) == 3
    assert all(one.embedding is not None and one.embedding.shape == (12,) for one in of_boxes)
    assert all(one.inputs["images"].shape == (1, 3, 8, 8) and one.latency_ms > 0 for one in of_boxes)
    assert decode(of_frames[0].picture()).shape == (32, 32, 3)
    assert decode(of_boxes[0].picture()).shape == (10, 10, 3)
    assert len({one.id for one in kept.decisions}) == 6


def test_vectors_and_empty_pictures_are_told_when_they_are_asked_for(
    kept: Kept, folder: Path, live: Callable[..., LiveModel]
) -> None:
    settings = Settings("gate-pc", vectors=True, empty=True)
    run(kept, [f"gate={folder}"], Lives(live("detect"), live("embed")), settings=settings)
    events = kept.events("boxes")
    assert [len(one["boxes"]) for one in events] == [1, 2, 0]
    assert len(events[0]["boxes"][0]["embedding"]["vector"]) == 32


def test_a_classifier_answers_for_areas(kept: Kept, tmp_path: Path, live: Callable[..., LiveModel]) -> None:
    pictures = tmp_path / "bays"
    pictures.mkdir()
    (pictures / "1.jpg").write_bytes(encode(detecting.scene((0, 0, 16, 16, RED))))
    model = live("embed")
    areas = {"bay-1": (0.0, 0.0, 16.0, 16.0), "bay-2": (16.0, 16.0, 32.0, 32.0)}
    run(kept, [Camera("lot", str(pictures), areas)], Lives(model), settings=Settings("gate-pc", vectors=True))
    first, second = kept.events("embedding")
    assert (first["area"], second["area"]) == ("bay-1", "bay-2")
    assert first["vector"] != second["vector"]
    assert first["decision"] != second["decision"]
    whole = Kept()
    run(whole, [f"lot={pictures}"], Lives(live("classify")))
    (answer,) = whole.events("answer")
    assert answer["area"] is None
    assert answer["answer"] in answer["scores"]
    assert sum(answer["scores"].values()) == pytest.approx(1, abs=1e-3)


def test_a_model_of_whole_pictures_is_not_asked_about_areas(
    kept: Kept, folder: Path, live: Callable[..., LiveModel]
) -> None:
    counts = run(kept, [Camera("gate", str(folder), {"bay-1": (0.0, 0.0, 16.0, 16.0)})], Lives(live("detect")))
    (failure,) = kept.events("failure")
    assert failure["detail"] == "small-detect looks at whole pictures, and was asked about the area bay-1."
    assert counts["gate"]["failed"] == 3


def test_models_are_exchanged_below_running_streams_and_no_frame_is_lost(
    kept: Kept, tmp_path: Path, live: Callable[..., LiveModel], bundles: Mapping[str, Bundle]
) -> None:
    """Also for one that takes pictures of another size; every frame is decided, by a model that answered then."""
    pictures = tmp_path / "many"
    pictures.mkdir()
    for number in range(120):
        (pictures / f"{number}.jpg").write_bytes(encode(detecting.scene((8, 8, 16, 16, number % 3)), 95))
    detect, embed = live("detect"), live("embed")
    done = threading.Event()

    def exchange() -> None:
        turn = 0
        while not done.is_set():
            turn += 1
            detect.swap(detecting.loaded(bundles[["detect-2", "detect-large", "detect"][turn % 3]], turn))
            embed.swap(detecting.loaded(bundles[["embed-2", "embed"][turn % 2]], turn))

    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        counts = run(kept, [f"gate={pictures}", f"exit={pictures}"], Lives(detect, embed))
    finally:
        done.set()
        thread.join()
    assert {one["decided"] for one in counts.values()} == {120}
    events = kept.events("boxes")
    assert len(events) == 240
    assert len({one["bundle"] for one in events}) >= 2
    assert {one["boxes"][0]["category"] for one in events} == {"red", "green", "blue"}
    of_large = bundles["detect-large"].digest[:8]
    for event in events:
        assert parse_id(event["decision"]).bundle == event["bundle"]
        left, top, right, bottom = event["boxes"][0]["box"]
        assert right - left == bottom - top == (4 if event["bundle"] == of_large else 8)
        assert 8 <= left < right <= 16
        assert 8 <= top < bottom <= 16
    assert not kept.events("failure")
    for stream in ("gate", "exit"):
        assert [one["frame"] for one in events if one["stream"] == stream] == list(range(1, 121))


class Slow:
    """A live model whose answers wait until somebody lets them go."""

    def __init__(self, inner: LiveModel) -> None:
        self.inner, self.gate = inner, threading.Event()
        self.asked = 0

    @property
    def loaded(self) -> LoadedModel | None:
        return self.inner.loaded

    def submit(self, inputs: Arrays, *, deadline: float | None = None) -> "Future[Any]":
        self.asked += 1
        future: Future[Any] = Future()

        def later() -> None:
            self.gate.wait()
            future.set_result(self.inner.submit(inputs, deadline=deadline).result())

        threading.Thread(target=later, daemon=True).start()
        return future

    def swap(self, loaded: LoadedModel | None) -> None:
        self.inner.swap(loaded)

    def close(self, seconds: float | None = None) -> None:
        self.inner.close(seconds)


def test_a_slow_model_has_the_oldest_frames_dropped_and_counted(kept: Kept, live: Callable[..., LiveModel]) -> None:
    slow, stop = Slow(live("detect")), threading.Event()
    with loopback_camera() as camera:
        camera.picture = lambda number: detecting.scene((8, 8, 16, 16, number % 3))
        result: dict[str, Any] = {}
        thread = threading.Thread(
            target=lambda: result.update(run(kept, [f"gate={camera.url}"], Lives(slow), stop=stop))
        )
        thread.start()
        until(lambda: kept.counts["frames.gate.dropped"] >= 10)
        admitted = slow.asked
        slow.gate.set()
        until(lambda: len(kept.events("boxes")) > admitted)
        stop.set()
        thread.join(30)
    assert admitted <= 5
    frames = [one["frame"] for one in kept.events("boxes")]
    assert frames[:2] == [1, 2]
    assert frames == sorted(set(frames))
    assert frames[admitted] - frames[admitted - 1] > 5
    done = result["gate"]
    assert done["decided"] == len(frames) == slow.asked
    assert done["in"] == done["decided"] + done["dropped"]


def test_frames_of_several_cameras_run_in_one_batch(kept: Kept, folder: Path, live: Callable[..., LiveModel]) -> None:
    sizes: list[int] = []
    busy = threading.Event()

    def watch(_: LoadedModel, inputs: Arrays, __: Arrays) -> None:
        sizes.append(len(inputs["images"]))
        busy.wait(0.02)  # a model that takes a while

    model = live("detect", watch=watch)
    run(kept, [f"gate-{number}={folder}" for number in range(4)], Lives(model))
    assert sum(sizes) == 12
    assert max(sizes) > 1


def test_without_a_model_a_file_waits_and_a_camera_goes_on(
    kept: Kept, folder: Path, live: Callable[..., LiveModel], bundles: Mapping[str, Bundle]
) -> None:
    model, stop, result = live(), threading.Event(), {}
    with loopback_camera() as camera:
        camera.picture = lambda _: detecting.scene((8, 8, 16, 16, RED))
        cameras = [f"gate={camera.url}", f"lot={folder}"]
        thread = threading.Thread(target=lambda: result.update(run(kept, cameras, Lives(model), stop=stop)))
        thread.start()
        until(lambda: kept.counts["frames.gate.refused"] >= 3)
        assert not kept.events("boxes")
        model.swap(detecting.loaded(bundles["detect"]))
        until(lambda: len({one["stream"] for one in kept.events("boxes")}) == 2)
        stop.set()
        thread.join(30)
    assert result["lot"]["decided"] == 3
    assert kept.events("boxes")[0]["release"] is None


def test_a_camera_that_goes_and_comes_is_told_among_the_events(kept: Kept, live: Callable[..., LiveModel]) -> None:
    stop = threading.Event()
    with loopback_camera() as camera:
        camera.picture = lambda _: detecting.scene((8, 8, 16, 16, RED))
        thread = threading.Thread(
            target=run, args=(kept, [f"gate={camera.url}"], Lives(live("detect"))), kwargs={"stop": stop}
        )
        thread.start()
        until(lambda: kept.events("boxes"))
        camera.mode = "stalled"
        until(lambda: [one["state"] for one in kept.events("camera")] == ["well", "lost"])
        camera.mode = "well"
        until(lambda: len(kept.events("camera")) == 3)
        stop.set()
        thread.join(30)
    assert [one["state"] for one in kept.events("camera")] == ["well", "lost", "well"]
    assert [one.state.value for one in kept.notices] == ["well", "lost", "well"]


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


def test_a_reader_who_leaves_ends_the_streams(folder: Path, live: Callable[..., LiveModel]) -> None:
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
