"""Streams follow their site's configuration: what did not change goes on, what cannot be begun holds up no other."""

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loopback_camera import LoopbackCamera, loopback_camera, until
from slipway.serving.bundle.folder import Bundle
from slipway.serving.channel.site import SiteConfig
from slipway.serving.edge.agent.clock import SystemClock
from slipway.serving.edge.configuration import Home
from slipway.serving.edge.fleet import logins, streams_page
from slipway.serving.edge.fleet.site import InForce
from slipway.serving.edge.fleet.site_streams import SiteStreams
from slipway.serving.edge.streams.log import DecisionLog
from slipway.serving.edge.streams.rules import Rules
from slipway.serving.edge.streams.told import Told
from slipway.serving.edge.telemetry.collecting import Collector
from slipway.serving.edge.telemetry.spool import Spool
from slipway.serving.edge.telemetry.telling import DeviceTelemetry
from slipway.serving.runtime.live_model import LiveModel
from slipway.serving.runtime.pictures import decode, encode
from small_onnx import detecting
from stream_site import GREEN, RED, SETTINGS, Kept

RED_BOX, GREEN_BOX = (0, 8, 8, 16, RED), (16, 8, 24, 16, GREEN)
LEFT_HALF = [[0, 0], [0.45, 0], [0.45, 1], [0, 1]]


class Device:
    """One with a detector, whose site says what its streams are."""

    def __init__(self, folder: Path, lives: Mapping[str, LiveModel], kept: Kept) -> None:
        self.kept, self.home, self.clock = kept, Home(folder), SystemClock()
        self.home.make()
        self.collector = Collector(lambda: Spool(folder / "spool.db"), now=self.clock.now)
        self.telemetry = DeviceTelemetry(self.collector, self.clock)
        self.log = DecisionLog(folder / "decisions")
        self.gone = threading.Event()
        self.in_force = InForce()
        self.streams = SiteStreams(
            self, lives, Told(kept, self.log, self.gone, self.telemetry), self.telemetry,
            home=self.home, clock=self.clock, settings=replace(SETTINGS, empty=True),
        )  # fmt: skip

    def end(self) -> None:
        self.streams.close()
        self.log.close()
        self.collector.close()

    def follow(self, number: int, streams: dict[str, Any], **thresholds: float) -> None:
        """Another configuration is there."""
        own = {"small-detect": thresholds} if thresholds else {}
        config = SiteConfig.model_validate({"streams": streams, "thresholds": own})
        self.in_force = InForce(config, Rules("north", number, "a" * 64, config.thresholds))

    def until(self, condition: Callable[[], object]) -> None:
        """Look until something is so."""

        def looked() -> object:
            self.streams.look()
            return condition()

        until(looked)

    def boxes(self, stream: str, number: int) -> list[dict[str, Any]]:
        """Events of a stream by a configuration."""
        found = self.kept.events("boxes")
        return [one for one in found if one["stream"] == stream and one["site"]["configuration"] == number]

    def categories(self, stream: str, number: int) -> set[str]:
        return {box["category"] for one in self.boxes(stream, number) for box in one["boxes"]}

    def ended(self, stream: str) -> list[dict[str, int]]:
        return [one["frames"] for one in self.kept.events("end") if one["stream"] == stream]

    def page(self) -> dict[str, str]:
        """What `status` would show of the streams."""
        page = streams_page.read_page(self.home)
        return dict(page.streams) if page else {}

    def counted(self) -> Counter[str]:
        """What telemetry heard, added up."""
        self.collector.flush()
        spool = Spool(self.home.folder / "spool.db")
        try:
            return Counter(spool.counted())
        finally:
            spool.close()


@pytest.fixture
def camera() -> Iterator[LoopbackCamera]:
    """One that shows a red box on the left and a green one on the right."""
    with loopback_camera() as one:
        one.picture = lambda _: detecting.scene(RED_BOX, GREEN_BOX)
        yield one


@pytest.fixture
def device(tmp_path: Path, live: Callable[..., LiveModel], kept: Kept) -> Iterator[Device]:
    device = Device(tmp_path / "device", {"small-detect": live("detect")}, kept)
    yield device
    device.end()


def test_nothing_runs_where_nothing_is_configured(device: Device) -> None:
    device.streams.look()
    device.follow(1, {"other": {"source": "world:tiny", "device": "another-device"}})
    device.streams.look()
    assert device.kept.lines == []
    assert device.telemetry.cameras() == {}


def test_one_stream_changes_and_the_other_loses_no_frame(device: Device, camera: LoopbackCamera) -> None:
    gate, lot = {"source": camera.url}, {"source": f"{camera.url}?lot"}
    device.follow(1, {"gate": gate, "lot": lot})
    device.until(lambda: device.boxes("gate", 1) and device.boxes("lot", 1))
    assert device.categories("gate", 1) == {"red", "green"}
    device.follow(2, {"gate": {**gate, "masks": [LEFT_HALF]}, "lot": lot})
    device.until(lambda: len(device.boxes("gate", 2)) > 3 and len(device.boxes("lot", 2)) > 3)
    device.follow(3, {"gate": {**gate, "areas": {"west": [[0, 0], [0.5, 1]]}}, "lot": lot})
    device.until(lambda: len(device.boxes("gate", 3)) > 3 and len(device.boxes("lot", 3)) > 3)
    device.follow(4, {"lot": lot}, red=0.99)
    device.until(lambda: len(device.boxes("lot", 4)) > 3)
    device.streams.close()
    assert device.categories("gate", 2) == {"green"}, "the left half is masked"
    assert device.categories("gate", 3) == {"red"}, "of the left half alone"
    assert device.boxes("gate", 3)[0]["boxes"][0]["areas"] == ["west"]
    assert device.boxes("gate", 4) == []
    assert device.categories("lot", 3) == {"red", "green"}
    assert device.categories("lot", 4) == {"green"}
    decisions = [one["decision"] for one in device.kept.events("boxes")]
    assert len(set(decisions)) == len(decisions)
    assert {one["decision"] for one in device.log.events()} == set(decisions)
    (frames,) = device.ended("lot")
    told = [one["frame"] for one in device.kept.events("boxes") if one["stream"] == "lot"]
    assert told == sorted(set(told)), "one stream from the beginning to the end"
    ends = [*device.ended("gate"), frames]
    assert len(ends) == 4
    for one in ends:
        assert one["in"] == one["dropped"] + one["refused"] + one["failed"] + one["decided"]
        assert one["failed"] == 0
    assert sum(one["decided"] for one in ends) == len(decisions)
    counted = device.counted()
    for name in ("in", "decided", "dropped"):
        assert counted[f"frames.gate.{name}"] == sum(one[name] for one in ends[:3])
        assert counted[f"frames.lot.{name}"] == frames[name]
    assert device.telemetry.cameras() == {}


def test_whatever_is_configured_in_whatever_order_each_event_is_by_all_of_one_configuration(
    device: Device, camera: LoopbackCamera
) -> None:
    """Masks, areas and thresholds drawn by chance: an event says what its own configuration makes of the scene."""
    draw = random.Random(20261129)
    expected: dict[tuple[int, str], set[str]] = {}
    camera.interval = 0.005
    for number in range(1, 41):
        streams: dict[str, Any] = {}
        green = draw.choice([0.5, 0.99])
        for name in draw.sample(["gate", "lot", "exit"], draw.randint(0, 3)):
            masked, west = draw.random() < 0.4, draw.random() < 0.4
            streams[name] = {
                "source": camera.url,
                "masks": [LEFT_HALF] if masked else [],
                "areas": {"west": [[0, 0], [0.5, 1]]} if west else {},
            }
            seen = {"green"} if green < 0.9 and not west else set()
            expected[number, name] = seen if masked else seen | {"red"}
        device.follow(number, streams, green=green)
        looks = draw.randint(1, 15)
        for _ in range(looks):
            device.streams.look()
            threading.Event().wait(0.01)
    device.streams.close()
    events = device.kept.events("boxes")
    assert len(events) > 20
    assert len({(one["stream"], one["site"]["configuration"]) for one in events}) > 5
    for one in events:
        found = {box["category"] for box in one["boxes"]}
        assert found == expected[one["site"]["configuration"], one["stream"]]
    ids = [one["decision"] for one in events]
    assert len(set(ids)) == len(ids)
    ends = Counter[str]()
    for one in device.kept.events("end"):
        ends.update({f"frames.{one['stream']}.{name}": count for name, count in one["frames"].items() if count})
    assert sum(count for name, count in ends.items() if name.endswith(".decided")) == len(ids)
    assert {name: count for name, count in device.counted().items() if name.startswith("frames.")} == ends


def test_what_cannot_be_begun_is_told_and_begun_when_it_can_be(
    device: Device, camera: LoopbackCamera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slipway.serving.edge.fleet.site_streams.AGAIN_S", 0.05)
    device.follow(
        1,
        {
            "gate": {"source": camera.url},
            "gone": {"source": str(tmp_path / "pictures")},
            "pipe": {"source": "gst:filesrc location=/etc/passwd ! appsink"},
            "who": {"source": camera.url, "model": "vehicle-who"},
        },
    )
    device.until(lambda: device.boxes("gate", 1) and "gate" in device.telemetry.cameras())
    told = device.telemetry.troubles()
    assert set(told) == {"stream gone", "stream pipe", "stream who"}
    assert "is no file that is there" in told["stream gone"]
    assert "does not list" in told["stream pipe"]
    assert "There is no model `vehicle-who` here. There is: small-detect." in told["stream who"]
    cameras = device.telemetry.cameras()
    assert (cameras["gone"], cameras["gate"]) == ("failed", "well")
    assert len([one for one in device.kept.events("failure") if one["stream"] == "gone"]) == 1
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures/1.jpg").write_bytes(encode(detecting.scene(RED_BOX), 95))
    device.until(lambda: device.telemetry.cameras().get("gone") == "ended")
    assert len(device.boxes("gone", 1)) == 1
    assert "stream gone" not in device.telemetry.troubles()
    device.until(lambda: device.page().get("gone") == "ended")
    device.follow(2, {"gate": {"source": camera.url}})
    device.streams.look()
    assert device.telemetry.troubles() == {}
    assert set(device.telemetry.cameras()) == {"gate"}
    assert len(device.ended("gone")) == 1, "a file is read once"


def test_a_stream_waits_for_models_whose_kind_says_who_looks_at_frames(
    tmp_path: Path, live: Callable[..., LiveModel], kept: Kept, bundles: Mapping[str, Bundle], folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("slipway.serving.edge.fleet.site_streams.AGAIN_S", 0.05)
    detect = live()
    device = Device(tmp_path / "device", {"small-embed": live("embed"), "small-detect": detect}, kept)
    device.follow(1, {"lot": {"source": str(folder)}})
    device.until(lambda: device.telemetry.cameras() == {"lot": "waits"})
    assert "Not all models are here yet" in device.telemetry.troubles()["stream lot"]
    assert device.kept.lines == []
    detect.swap(detecting.loaded(bundles["detect"], 1))
    device.until(lambda: device.telemetry.cameras() == {"lot": "ended"})
    assert [len(one["boxes"]) for one in device.boxes("lot", 1)] == [1, 2, 0]
    assert device.telemetry.troubles() == {}
    device.end()


def video(folder: Path) -> str:
    """Three frames, white all over."""
    import cv2

    path = folder / "lot.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for _ in range(3):
        writer.write(np.full((48, 64, 3), 255, np.uint8))
    writer.release()
    return str(path)


def pictures(folder: Path) -> str:
    """Three of another size each, white all over."""
    (folder / "pictures").mkdir()
    for number in range(3):
        (folder / f"pictures/{number}.jpg").write_bytes(encode(np.full((32 + 8 * number, 64, 3), 255, np.uint8), 95))
    return str(folder / "pictures")


def scenario(_: Path) -> str:
    return "world:tiny/harbour?fps=0&frames=3"


@pytest.mark.parametrize("source", [video, pictures, scenario], ids=["video", "pictures", "world"])
def test_of_any_source_nothing_is_seen_through_a_mask(
    device: Device, tmp_path: Path, source: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(device.telemetry, "decided", lambda one: seen.append(decode(one.picture())))
    device.follow(1, {"lot": {"source": source(tmp_path), "masks": [LEFT_HALF]}})
    device.until(lambda: device.ended("lot"))
    assert device.ended("lot")[0]["decided"] == 3
    for picture in seen:
        width = picture.shape[1]
        assert picture[:, : int(width * 0.4)].max() < 30
        assert picture[:, int(width * 0.55) :].max() > 60


def test_a_login_comes_from_the_device_and_stands_nowhere_else(device: Device, camera: LoopbackCamera) -> None:
    host = camera.url.split("/")[2]
    path = device.home.folder / logins.FILE

    def write(password: str, mode: int = 0o600) -> None:
        path.write_text(json.dumps({"logins": {host: {"user": "viewer", "password": password}}}))
        path.chmod(mode)

    write("rose-bud", 0o644)
    device.follow(1, {"gate": {"source": camera.url}})
    device.streams.look()
    assert "by others than this agent" in device.telemetry.troubles()["stream gate"]
    assert camera.connections == 0
    write("rose-bud")
    device.until(lambda: device.boxes("gate", 1))
    first = camera.authorization
    assert first is not None
    write("tulip-tree")
    device.until(lambda: camera.authorization != first)
    device.until(device.page)
    device.streams.close()
    written = [path for path in device.home.folder.rglob("*") if path.is_file() and path.name != logins.FILE]
    said = b"".join(one.read_bytes() for one in written) + "\n".join(device.kept.lines).encode()
    for secret in (b"rose-bud", b"tulip-tree"):
        assert secret not in said


def test_a_sample_and_a_decision_are_of_the_masked_picture(
    device: Device, camera: LoopbackCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(
        device.telemetry, "decided", lambda one: seen.append((one.picture(), one.inputs["images"], one.said))
    )
    device.follow(1, {"gate": {"source": camera.url, "masks": [LEFT_HALF]}})
    device.until(lambda: len(seen) > 2)
    for picture, inputs, said in seen:
        assert decode(picture)[:, :14].max() < 30
        assert not np.asarray(inputs)[..., :14].any()
        assert [len(box) for box in said["boxes"]] == [6] * len(said["boxes"])


def test_the_thread_follows_and_ends_with_what_was_admitted_told(device: Device, camera: LoopbackCamera) -> None:
    device.streams.begin()
    device.follow(1, {"gate": {"source": camera.url}})
    until(lambda: device.boxes("gate", 1))
    device.streams.end()
    (frames,) = device.ended("gate")
    assert frames["decided"] == len(device.boxes("gate", 1))
    assert not device.clock.wait(0)


def test_when_nobody_reads_the_events_the_process_is_asked_to_end(device: Device, camera: LoopbackCamera) -> None:
    device.kept.gone_after = 3
    device.follow(1, {"gate": {"source": camera.url}})
    device.streams.begin()
    until(lambda: device.clock.wait(0))
    device.streams.end()


def test_a_look_that_fails_is_tried_again(
    device: Device, camera: LoopbackCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slipway.serving.edge.fleet.site_streams.AGAIN_S", 0.05)
    look, failed = device.streams.look, threading.Event()

    def failing() -> None:
        if not failed.is_set():
            failed.set()
            raise RuntimeError("nobody foresaw it")
        look()

    monkeypatch.setattr(device.streams, "look", failing)
    device.follow(1, {"gate": {"source": camera.url}})
    device.streams.begin()
    until(lambda: device.boxes("gate", 1))
    device.streams.end()
