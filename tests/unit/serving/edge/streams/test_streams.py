"""Cameras in, events out, over real live models: boxes, crops, vectors, exchanges under way, and counts."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from loopback_camera import loopback_camera, until
from slipway.serving.bundle.folder import Bundle
from slipway.serving.edge.decisions import parse_id
from slipway.serving.edge.streams.log import DecisionLog
from slipway.serving.edge.streams.running import Camera, Lives, Settings
from slipway.serving.runtime.live import LoadedModel
from slipway.serving.runtime.live_model import LiveModel
from slipway.serving.runtime.pictures import decode, encode
from slipway.serving.runtime.session import Arrays
from small_onnx import detecting
from stream_site import RED, Kept, run


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
    counts = run(kept, [Camera("gate", str(folder), {"bay-1": (0.0, 0.0, 16.0, 16.0)})], Lives(live("classify")))
    (failure,) = kept.events("failure")
    assert failure["detail"] == "small-bays looks at whole pictures, and was asked about the area bay-1."
    assert counts["gate"]["failed"] == 3


def test_of_what_a_detector_finds_that_counts_whose_centre_lies_in_an_area(
    kept: Kept, folder: Path, live: Callable[..., LiveModel]
) -> None:
    areas = {"left": (0.0, 0.0, 12.5, 32.0), "all": (0.0, 0.0, 32.0, 32.0), "edge": (12.0, 12.0, 13.0, 13.0)}
    run(kept, [Camera("gate", str(folder), areas)], Lives(live("detect"), live("embed")))
    first, second = kept.events("boxes")
    assert [one["areas"] for one in first["boxes"]] == [["left", "all", "edge"]]
    found = {one["category"]: one["areas"] for one in second["boxes"]}
    assert found == {"blue": ["left", "all"], "green": ["all"]}
    some = Kept()
    run(some, [Camera("gate", str(folder), {"left": (0.0, 0.0, 12.0, 32.0)})], Lives(live("detect"), live("embed")))
    (only,) = some.events("boxes")
    assert [one["category"] for one in only["boxes"]] == ["blue"]
    assert [len(one.scores) for one in some.decisions if one.loaded.model == "small-detect"] == [0, 1, 0]
    assert len([one for one in some.decisions if one.loaded.model == "small-embed"]) == 1


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
        until(lambda: kept.counts["frames.lot.decided"] == 3)
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
