"""Streams as people and devices have them: `slipway-edge run` processes, cameras on loopback, real models.

Without an agent over bundles from folders, beside an agent that exchanges the model below the stream, and as a site's
configuration says.
"""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import small_onnx
from commanding import commanding
from loopback_camera import Image, LoopbackCamera, loopback_camera
from rolling_out import Site as Project
from signed_channel import Office, Time
from slipway.serving.edge.configuration import DEVICE
from slipway.serving.edge.decisions import parse_id
from slipway.serving.runtime.pictures import encode
from small_onnx import detecting

pytestmark = pytest.mark.xdist_group("edge streams")

PATIENCE = 120.0


@pytest.fixture
def camera() -> Iterator[LoopbackCamera]:
    """One that shows a box, red, green and blue in turn."""
    with loopback_camera() as one:
        one.picture = lambda number: detecting.scene((8, 8, 16, 16, number % 3))
        yield one


@contextmanager
def running(*arguments: object) -> Iterator["subprocess.Popen[str]"]:
    """`slipway-edge run`, ended with the block."""
    command = ["slipway-edge", "run", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def events(path: Path) -> list[dict[str, Any]]:
    """What stands in a file of events that is being written."""
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def waited(process: "subprocess.Popen[str]", condition: Callable[[], object]) -> None:
    """Until something is so, while the process lives."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < end
        time.sleep(0.05)


def ended(process: "subprocess.Popen[str]", number: int = signal.SIGTERM) -> str:
    """Ask it to end; what it said on standard error."""
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    return said


def test_bundles_from_folders_are_tried_on_a_file_and_a_camera(tmp_path: Path, camera: LoopbackCamera) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(3):
        (pictures / f"{number}.jpg").write_bytes(encode(detecting.scene((16, 16, 24, 24, number)), 95))
    detect, embed = detecting.detector(tmp_path / "detect"), detecting.embedder(tmp_path / "embed")
    path, log = tmp_path / "events.jsonl", tmp_path / "decisions"
    bundles = ["--bundle", detect.folder, "--bundle", embed.folder]
    cameras = ["--camera", f"lot={pictures}", "--camera", f"gate={camera.url}"]

    def seen(stream: str, kind: str) -> list[dict[str, Any]]:
        return [one for one in events(path) if (one["stream"], one["event"]) == (stream, kind)]

    with running(*bundles, *cameras, "--events", path, "--decisions", log) as process:
        waited(process, lambda: len(seen("lot", "boxes")) == 3 and seen("gate", "boxes"))
        before = len(seen("gate", "boxes"))
        camera.cut()
        waited(process, lambda: len(seen("gate", "boxes")) > before + 5)
        ended(process, signal.SIGINT)
    boxes = [one["boxes"][0] for one in seen("lot", "boxes")]
    assert [one["category"] for one in boxes] == ["red", "green", "blue"]
    assert {tuple(one["box"]) for one in boxes} == {(16, 16, 24, 24)}
    (told,) = seen("gate", "end")
    frames = told["frames"]
    assert frames["in"] == frames["decided"] + frames["dropped"]
    decision = boxes[2]["embedding"]["decision"]
    assert parse_id(decision).bundle == embed.digest[:8]
    found = subprocess.run(
        ["slipway-edge", "decision", decision, "--decisions", str(log), "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(found.stdout) == seen("lot", "boxes")[2]


def test_files_alone_end_by_themselves_and_go_to_standard_output(tmp_path: Path) -> None:
    detect = detecting.detector(tmp_path / "detect")
    picture = tmp_path / "pictures/1.jpg"
    picture.parent.mkdir()
    picture.write_bytes(encode(detecting.scene((0, 0, 8, 8, 0)), 95))
    command = ["slipway-edge", "run", "--bundle", str(detect.folder), "--camera", f"lot={picture.parent}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    kinds = [json.loads(line)["event"] for line in done.stdout.splitlines()]
    assert kinds == ["boxes", "end"]
    assert done.stderr == ""


def test_the_agent_exchanges_the_model_below_a_stream(tmp_path: Path, camera: LoopbackCamera) -> None:
    office = Office(tmp_path / "office", time=Time(datetime.now(UTC) - timedelta(minutes=5)))
    office.root.mkdir()
    office.open()
    first = small_onnx.bundle(tmp_path / "first")
    office.lead(first)
    (tmp_path / "root.json").write_bytes(office.repository().root_bytes())
    home, path = tmp_path / "home", tmp_path / "events.jsonl"
    enrol = ["enrol", "--channel", office.folder, "--root", tmp_path / "root.json", "--class", "edge-cpu"]
    rest = ["--model", "small-bays", "--home", home]
    subprocess.run(["slipway-edge", *map(str, [*enrol, *rest])], capture_output=True, check=True)
    device = json.loads((home / DEVICE).read_text())
    device |= {"polling": {"every_s": 5, "spread": 0}, "probation": {"seconds": 0, "longest": 0, "every": 0}}
    (home / DEVICE).write_text(json.dumps(device))

    def answering(release: int) -> list[dict[str, Any]]:
        return [one for one in events(path) if one["event"] == "answer" and one["release"] == release]

    with running("--home", home, "--camera", f"gate={camera.url}", "--events", path) as process:
        waited(process, lambda: answering(1))
        office.time.forward(minutes=1)
        second = small_onnx.bundle(tmp_path / "second", seed=1)
        office.lead(second, 2, floor=1)
        waited(process, lambda: len(answering(2)) > 5)
        ended(process)
    answers = [one for one in events(path) if one["event"] == "answer"]
    releases = [one["release"] for one in answers]
    assert releases == sorted(releases)
    assert not [one for one in events(path) if one["event"] == "failure"]
    (told,) = [one for one in events(path) if one["event"] == "end"]
    assert told["frames"]["decided"] == len(answers)
    assert told["frames"]["failed"] == 0
    for one, bundle in ((answers[0], first), (answers[-1], second)):
        said = parse_id(one["decision"])
        assert (said.device, said.bundle) == (device["id"], bundle.digest[:8])
    command = ["slipway-edge", "decision", answers[-1]["decision"], "--home", str(home)]
    assert "small-bays" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
    shutil.rmtree(home / "decisions")
    gone = subprocess.run(command, capture_output=True, text=True, check=False)
    assert gone.returncode == 1
    assert second.digest[:8] in gone.stderr


SITE = """\
streams:
  gate:
    source: {camera}
"""
CHANGED = """\
thresholds:
  small-detect: {{blue: 0.9}}
streams:
  gate:
    source: {camera}
    masks: [[[0, 0], [0.45, 0], [0.45, 1], [0, 1]]]
    areas: {{north: [[0, 0], [1, 0.7]]}}
"""
LEFT, RIGHT, BELOW, FAINT = (0, 0, 8, 8, 0), (24, 0, 32, 8, 1), (24, 24, 32, 32, 1), (24, 16, 32, 24, 2)


def four_boxes(_: int) -> Image:
    """A red one on the left, a green one and a blue one on the right, the blue one fainter, and a green one below."""
    picture = detecting.scene(LEFT, RIGHT, BELOW, FAINT)
    picture[16:24, 24:32, 2] = 190
    return picture


class Harbour:
    """A site with a channel, one device with a detector, and one camera."""

    def __init__(self, folder: Path, camera: LoopbackCamera, patch: pytest.MonkeyPatch) -> None:
        self.camera, self.home, self.events = camera, folder / "home", folder / "events.jsonl"
        self._config = folder / "harbour.yaml"
        project = Project(folder / "project", time=Time(datetime.now(UTC) - timedelta(minutes=5)))
        project.root.mkdir()
        project.open().lead(detecting.detector(folder / "detect"))
        (folder / "root.json").write_bytes(project.repository().root_bytes())
        self._slipway = commanding(project, patch, "edda")
        enrol = ["enrol", "--channel", project.folder, "--root", folder / "root.json", "--class", "edge-cpu"]
        self.edge(*enrol, "--model", "small-detect", "--site", "harbour")
        device = json.loads((self.home / DEVICE).read_text())
        device |= {"polling": {"every_s": 5, "spread": 0}, "probation": {"seconds": 0, "longest": 0, "every": 0}}
        (self.home / DEVICE).write_text(json.dumps(device))

    def edge(self, *arguments: object) -> "subprocess.CompletedProcess[str]":
        command = ["slipway-edge", *map(str, arguments), "--home", str(self.home)]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)

    def slipway(self, *arguments: str) -> None:
        code, _, said = self._slipway("site", *arguments)
        assert code == 0, said

    def configure(self, text: str) -> None:
        self._config.write_text(text.format(camera=self.camera.url))
        self.slipway("set", "harbour", str(self._config), "--reason", "the new camera")

    def told(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in events(self.events) if one["event"] == kind]

    def boxes(self, configuration: int, after: int = 0) -> list[dict[str, Any]]:
        """Events by a configuration, of those after so many."""
        return [one for one in self.told("boxes")[after:] if one["site"]["configuration"] == configuration]

    def found(self, configuration: int) -> set[frozenset[tuple[float, ...]]]:
        """Which boxes were found together."""
        return {frozenset(tuple(box["box"]) for box in one["boxes"]) for one in self.boxes(configuration)}


@pytest.fixture
def harbour(tmp_path: Path, camera: LoopbackCamera, monkeypatch: pytest.MonkeyPatch) -> Harbour:
    camera.picture = four_boxes
    return Harbour(tmp_path, camera, monkeypatch)


def test_a_device_follows_what_its_site_configures_and_comes_back_when_that_is_undone(harbour: Harbour) -> None:
    harbour.configure(SITE)
    with running("--home", harbour.home, "--events", harbour.events, "--empty") as process:
        waited(process, lambda: len(harbour.boxes(1)) > 3)
        harbour.configure(CHANGED)
        waited(process, lambda: len(harbour.boxes(2)) > 3)
        waited(process, lambda: "gate well" in harbour.edge("status").stdout)
        harbour.slipway("undo", "harbour", "--reason", "too dark")
        before = len(harbour.told("boxes"))
        waited(process, lambda: len(harbour.boxes(1, before)) > 3)
        ended(process)
    numbers = [one["site"]["configuration"] for one in harbour.told("boxes")]
    assert [one for at, one in enumerate(numbers) if at == 0 or numbers[at - 1] != one] == [1, 2, 1]
    assert harbour.found(1) == {frozenset(tuple(map(float, one[:4])) for one in (LEFT, RIGHT, BELOW, FAINT))}
    assert harbour.found(2) == {frozenset({tuple(map(float, RIGHT[:4]))})}
    second = harbour.boxes(2)[0]
    assert second["boxes"][0]["areas"] == ["north"]
    ids = [one["decision"] for one in harbour.told("boxes")]
    assert len(set(ids)) == len(ids)
    ends = [one["frames"] for one in harbour.told("end")]
    assert len(ends) == 3
    assert sum(one["decided"] for one in ends) == len(ids), "each frame that was decided is told once"
    assert harbour.told("failure") == []
    kept = json.loads(harbour.edge("decision", second["decision"], "--json").stdout)
    assert kept["site"] == {"name": "harbour", "configuration": 2, "digest": second["site"]["digest"]}
    pictures = harbour.home.parent / "pictures"
    pictures.mkdir()
    (pictures / "1.jpg").write_bytes(encode(four_boxes(1), 95))
    done = harbour.edge("run", "--camera", f"lot={pictures}", "--events", harbour.events)
    assert "streams that the site harbour configures do not run" in done.stderr
    *_, last, end = events(harbour.events)
    assert (last["stream"], end["event"], end["stream"]) == ("lot", "end", "lot")
    assert last["site"]["configuration"] == 1, "its thresholds count all the same"
