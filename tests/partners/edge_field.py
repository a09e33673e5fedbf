"""A field of devices: a channel with two releases, and `slipway-edge` processes that follow it.

field = make_field(folder)                                # once; whoever changes something takes a copy
device = field.device("on first", tmp_path / "device").follow(served.url)
device.once()                                             # a real process
device.active()                                           # the release that answers, whose files are whole
"""

import json
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import small_onnx
from signed_channel import Office, Time
from slipway.serving.bundle.verifying import verify
from slipway.serving.channel.release import Release
from slipway.serving.edge.agent.state import State
from slipway.serving.edge.configuration import DEVICE, Home
from slipway.serving.edge.reporting import states_of

MODEL = "small-bays"
CLASS = "edge-cpu"
MODEL_FILE = "model.fp32.onnx"
LONG_AGO = datetime.now(UTC) - timedelta(days=20)
"""What was signed for two weeks then has expired."""


def edge(*arguments: object, home: Path, code: int | None = 0) -> subprocess.CompletedProcess[str]:
    """One `slipway-edge` process, waited for."""
    command = ["slipway-edge", *map(str, arguments), "--home", str(home)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" not in result.stderr
    assert code is None or result.returncode == code, result.stdout + result.stderr
    return result


@contextmanager
def running(*arguments: object, home: Path) -> Iterator[subprocess.Popen[str]]:
    """A `slipway-edge` process that goes on by itself, and never longer than the test."""
    command = ["slipway-edge", *map(str, arguments), "--home", str(home)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@dataclass
class Device:
    """A device's folder."""

    home: Path

    def once(self, code: int | None = 0) -> dict[str, Any]:
        """One look; how its model stands then."""
        found: dict[str, Any] = json.loads(edge("once", "--json", home=self.home, code=code).stdout)["models"][MODEL]
        return found

    def why(self) -> str:
        """What a person at the device is told."""
        return edge("why", MODEL, home=self.home).stdout

    def follow(self, channel: object) -> "Device":
        """From now on the channel is there; a mirror, as far as the device knows."""
        return self.set(channel=str(channel))

    def set(self, **parts: object) -> "Device":
        """Change `device.json`."""
        path = self.home / DEVICE
        path.write_text(json.dumps({**json.loads(path.read_text()), **parts}))
        return self

    def state(self) -> State:
        """What its journal says."""
        home = Home(self.home)
        return states_of(home, home.enrolment())[MODEL]

    def phase(self) -> str:
        """Where its model is on its way."""
        return self.state().phase.value

    def check_private(self) -> None:
        """All that it ever wrote is for its user alone."""
        for path in (self.home, *self.home.rglob("*")):
            about = path.lstat()
            expected = 0o700 if stat.S_ISDIR(about.st_mode) else 0o600
            assert stat.S_IMODE(about.st_mode) == expected, f"{path} is {stat.filemode(about.st_mode)}"

    def active(self) -> int | None:
        """The number of the release that answers, whose files are whole."""
        active = self.state().active
        if active is None:
            return None
        assert active.proven
        verify(self.home / "models" / MODEL / active.slot, digest=active.release.bundle, device_class=CLASS)
        return active.release.number


@dataclass
class Field:
    """A channel with one release, one with two, and devices that run them."""

    folder: Path
    one: Office
    two: Office
    root: Path
    first: Release
    second: Release

    def office(self, like: Office, folder: Path) -> Office:
        """The same people with the same keys and another future."""
        shutil.copytree(like.root, folder)
        return Office(folder, time=Time(like.time.now()))

    def device(self, name: str, folder: Path) -> Device:
        """A device as it was after so much."""
        shutil.copytree(self.folder / "devices" / name, folder)
        return Device(folder)


def make_field(folder: Path) -> Field:
    """Two releases, and devices that were never online, run the first, and run the second."""
    one = Office(folder / "one", time=Time(LONG_AGO))
    one.root.mkdir()
    one.open()
    first = one.lead(small_onnx.bundle(folder / "first"))
    shutil.copytree(one.folder, folder / "long ago")
    one.time.moment = datetime.now(UTC) - timedelta(minutes=5)
    one.point(MODEL, base=first)
    one.repository().commit()
    root = folder / "root.json"
    root.write_bytes(one.repository().root_bytes())
    shutil.copytree(one.root, folder / "two")
    two = Office(folder / "two", time=Time(one.time.forward(minutes=1)))
    second = two.lead(small_onnx.bundle(folder / "second", seed=1), 2, floor=1)
    field = Field(folder, one, two, root, first, second)
    enrolled = Device(folder / "devices/enrolled")
    options = ("--channel", one.folder, "--root", root, "--class", CLASS, "--model", MODEL, "--patience", 1)
    edge("enrol", *options, home=enrolled.home)
    enrolled.set(probation={"seconds": 0, "longest": 0, "every": 0})
    with plain_server(one.folder) as url:
        on_first = field.device("enrolled", folder / "devices/on first").follow(url)
        assert on_first.once()["active"]["release"] == 1
    on_second = field.device("on first", folder / "devices/on second").follow(two.folder)
    assert on_second.once()["active"]["release"] == 2
    return field


@contextmanager
def plain_server(folder: Path) -> Iterator[str]:
    """Python's own web server in a process, which knows nothing of channels, nor of ranges."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            while server.poll() is None:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.02)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
