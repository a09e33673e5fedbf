"""The agent as devices have it: `slipway-edge` processes, a real channel, static web servers on loopback.

Whatever a mirror, a thief or a broken line does, the release that was proven here stays active and answers, nothing
else becomes active, and `slipway-edge why` tells the reason.
"""

import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3

import small_onnx
from edge_field import CLASS, LONG_AGO, MODEL, MODEL_FILE, Device, Field, edge, make_field, running
from signed_channel import Misbehaviour, Office, serve
from slipway.serving.bundle.manifest import DeviceClass
from slipway.serving.channel.client import ChannelClient
from slipway.serving.channel.folder_transport import FolderTransport
from slipway.serving.channel.pointer import Named
from slipway.serving.channel.release import Release
from slipway.serving.edge.agent.clock import boot_id
from slipway.serving.edge.configuration import Home
from slipway.serving.edge.reporting import states_of

pytestmark = pytest.mark.xdist_group("edge agent")


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Field:
    """Made once."""
    return make_field(tmp_path_factory.mktemp("field"))


Place = Iterator[tuple[str, object]]
"""The state that the device starts from, and the channel that it meets."""


@contextmanager
def endless_file(field: Field, _: Path) -> Place:
    with serve(field.two.folder, Misbehaviour(MODEL_FILE, endless=True)) as served:
        yield "on first", served.url


@contextmanager
def slow_file(field: Field, _: Path) -> Place:
    with serve(field.two.folder, Misbehaviour(MODEL_FILE, seconds_a_byte=0.05)) as served:
        yield "on first", served.url


@contextmanager
def for_another_class(field: Field, folder: Path) -> Place:
    office = field.office(field.one, folder / "office")
    gpu = DeviceClass(runtime="cuda", variants=("fp32",), batch=2, latency_ms=20, memory_mb=900, size_mb=4)
    office.lead(small_onnx.bundle(folder / "bundle", seed=1, devices={"edge-gpu": gpu}), 2)
    yield "on first", office.folder


@contextmanager
def away(_: Field, folder: Path) -> Place:
    yield "on first", folder / "nowhere"


ATTACKS: tuple[tuple[Callable[[Field, Path], Any], str], ...] = (
    (endless_file, "endless or too large"),
    (slow_file, "came too slowly"),
    (for_another_class, "is not made for the device class edge-cpu; it is for edge-gpu"),
    (away, "There is no folder"),
)


@pytest.mark.parametrize(("attack", "reason"), ATTACKS, ids=[attack.__name__ for attack, _ in ATTACKS])
def test_what_must_not_be_believed_is_refused_with_its_reason_and_the_old_release_stays(
    field: Field, tmp_path: Path, attack: Callable[[Field, Path], Any], reason: str
) -> None:
    with attack(field, tmp_path) as (state, channel):
        device = field.device(state, tmp_path / "device").follow(channel)
        before = device.active()
        told = device.once(code=1)
    assert told["active"]["release"] == device.active() == before
    assert re.search(reason, told["problem"]), told["problem"]
    assert re.search(reason, device.why())


def test_undoing_brings_the_base_release_back_without_fetching_a_file_of_it(field: Field, tmp_path: Path) -> None:
    office = field.office(field.two, tmp_path / "office")
    office.point(MODEL, base=field.first)
    office.repository().commit()
    with serve(office.folder) as served:
        device = field.device("on second", tmp_path / "device").follow(served.url)
        assert device.once()["active"]["release"] == device.active() == 1
    assert [path for path in served.asked if path.endswith((MODEL_FILE, ".npz"))] == []
    assert "is still here, proven" in device.why()


def test_an_operator_goes_back_at_the_device_and_the_release_is_not_tried_again(field: Field, tmp_path: Path) -> None:
    device = field.device("on second", tmp_path / "device")
    said = edge("revert", MODEL, "--reason", "the gate stays shut", home=device.home).stdout
    assert "release 1" in said
    assert device.active() == 1
    told = device.once()
    assert told["active"]["release"] == 1
    assert told["problem"] is None
    assert "the gate stays shut" in told["reason"]
    again = edge("revert", MODEL, "--reason", "once more", home=device.home, code=2)
    assert "nothing to go back to" in again.stderr


def test_a_device_that_was_never_online_is_installed_from_a_folder(field: Field, tmp_path: Path) -> None:
    device = Device(tmp_path / "device")
    options = ("--channel", "https://127.0.0.1:9", "--root", field.root, "--class", CLASS, "--model", MODEL)
    edge("enrol", *options, "--offline", home=device.home)
    stick = tmp_path / "stick"
    shutil.copytree(field.two.folder, stick)
    said = edge("install", stick, home=device.home).stdout
    assert device.active() == 2
    assert re.search(r"good until \d{4}-\d\d-\d\d \d\d:\d\d UTC", said)
    (file,) = stick.glob(f"targets/models/{MODEL}/{field.second.bundle}/*.{MODEL_FILE}")
    file.write_bytes(file.read_bytes()[:-1])
    other = field.device("on first", tmp_path / "other").follow("https://127.0.0.1:9")
    refused = edge("install", stick, home=other.home, code=1)
    assert MODEL_FILE in refused.stderr
    assert other.active() == 1
    assert "holds no channel" in edge("install", tmp_path, home=other.home, code=2).stderr


KILLED = """
import os, signal, sys
from slipway.serving.edge.agent.journal import Journal
from slipway.serving.edge.cli import main

phase, write = sys.argv.pop(1), Journal.write

def written(self, state):
    write(self, state)
    if state.phase.value == phase:
        os.kill(os.getpid(), signal.SIGKILL)

Journal.write = written
main(sys.argv[1:])
"""
"""`slipway-edge` that is killed as soon as its journal says that a phase begins."""


def killed(device: Device, phase: str) -> None:
    """One look that does not come further than this."""
    command = [sys.executable, "-c", KILLED, phase, "once", "--home", str(device.home)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == -signal.SIGKILL, result.stderr
    assert device.phase() == phase
    assert device.active() == 1


def test_killed_in_any_phase_it_goes_on_and_ends_with_the_release_proven(field: Field, tmp_path: Path) -> None:
    device = field.device("on first", tmp_path / "device")
    with serve(field.two.folder, Misbehaviour(MODEL_FILE, stalled_at=300)) as served:
        device.follow(served.url).set(network={"patience_s": 60})
        with running("once", home=device.home) as process:
            until(lambda: any(path.endswith(MODEL_FILE) for path in served.asked))
            process.kill()
        assert (device.phase(), device.active()) == ("fetch", 1)
        served.plan.clear()
        killed(device, "build")
        shutil.copytree(device.home, tmp_path / "other")
        killed(device, "prove")
        other = Device(tmp_path / "other")
        killed(other, "activate")
        for one in (device, other):
            assert one.once()["active"]["release"] == one.active() == 2
            one.check_private()


def test_one_agent_works_at_a_time_and_ends_cleanly_when_asked(field: Field, tmp_path: Path) -> None:
    device = field.device("on second", tmp_path / "device")
    with running("run", home=device.home) as agent:
        assert agent.stderr is not None
        assert "follows small-bays" in agent.stderr.readline()
        told = edge("once", home=device.home, code=1).stderr
        assert f"`slipway-edge run`, process {agent.pid}" in told
        said = edge("revert", MODEL, "--reason", "asked while it runs", home=device.home).stdout
        assert "release 1" in said
        assert f"process {agent.pid}" in edge("status", home=device.home).stdout
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(30) == 0
    home = Home(device.home)
    state = states_of(home, home.enrolment())[MODEL]
    assert (state.started, state.crashes, state.boot) == (False, 0, boot_id())
    device.check_private()


class Caller(threading.Thread):
    """Asks a model again and again, and keeps who answered."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._pool = urllib3.PoolManager(maxsize=1, retries=False)
        self._url, self._ended = f"{url}/v1/models/{MODEL}/infer", threading.Event()
        self.statuses: list[int] = []
        self.releases: list[str] = []

    def run(self) -> None:
        body, headers = small_onnx.images(1).tobytes(), {"Content-Type": "application/octet-stream"}
        while not self._ended.wait(0.02):
            response = self._pool.request("POST", self._url, body=body, headers=headers)
            self.statuses.append(response.status)
            self.releases.append(response.headers.get("X-Slipway-Release", "none"))

    def end(self) -> None:
        self._ended.set()
        self.join(30)


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for what must come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


@contextmanager
def serving(device: Device) -> Iterator[tuple[subprocess.Popen[str], Caller]]:
    """The device answers over HTTP, and somebody asks without a pause; all of his questions are answered."""
    with running("serve", "--port", 0, home=device.home) as server:
        assert server.stderr is not None
        url = re.findall(r"http://\S+", server.stderr.readline())[0]
        threading.Thread(target=server.stderr.read, daemon=True).start()
        until(lambda: urllib3.request("GET", f"{url}/health/ready", retries=False).status == 200)
        caller = Caller(url)
        caller.start()
        yield server, caller
        caller.end()
        server.terminate()
        assert server.wait(30) == 0
    assert set(caller.statuses) == {200}


def mixed(like: Office, folder: Path) -> Path:
    """The newest timestamp with an older snapshot under the newest one's name."""
    shutil.copytree(like.folder, folder)
    metadata = folder / "metadata"
    newest, older = sorted(metadata.glob("*.snapshot.json"), key=lambda path: int(path.name.split(".")[0]))[:-3:-1]
    newest.write_bytes(older.read_bytes())
    return folder


def steal(office: Office, first: Release) -> None:
    """Whoever has the rollout key can name any release that was ever signed."""
    thief = office.alone("rollouts")
    before = thief.pointer(MODEL)
    assert before is not None
    named = Named(number=1, bundle=first.bundle)
    thief.set_pointer(before.model_copy(update={"sequence": before.sequence + 1, "base": named}))
    thief.commit()


def test_a_device_answers_over_http_whatever_mirrors_and_thieves_do_and_takes_what_is_honest(
    field: Field, tmp_path: Path
) -> None:
    long_ago = field.folder / "long ago"
    device = field.device("on first", tmp_path / "device")
    shutil.rmtree(device.home / "trust")
    known = ChannelClient(device.home / "trust", FolderTransport(long_ago), field.root.read_bytes())
    known.look(MODEL, now=LONG_AGO)
    office = field.office(field.one, tmp_path / "office")
    office.lead(small_onnx.bundle(tmp_path / "second", seed=1), 2, floor=2)
    with serve(long_ago) as served, serving(device.follow(served.url)) as (server, caller):

        def attacked(reason: str, folder: Path, *plan: Misbehaviour, answers: str) -> None:
            """The device looks, refuses with its reason, and answers as before."""
            served.folder, served.plan[:] = folder, plan
            server.send_signal(signal.SIGHUP)
            until(lambda: any(re.search(reason, told.why) for told in device.state().told))
            so_far = len(caller.releases)
            until(lambda: len(caller.releases) > so_far + 5)
            assert set(caller.releases[so_far:]) == {answers}

        frozen = r"timestamp expired at .* and by this device's time it is"
        attacked(frozen, long_ago, answers="1")
        attacked("endless or too large", office.folder, Misbehaviour("timestamp.json", endless=True), answers="1")
        attacked("of another state", mixed(office, tmp_path / "mixed"), answers="1")
        attacked("older state than this device has seen", field.one.folder, answers="1")
        served.folder, served.plan[:] = office.folder, []
        server.send_signal(signal.SIGHUP)
        until(lambda: "2" in caller.releases[-1:])
        office.lead(small_onnx.bundle(tmp_path / "third", seed=2), 3, floor=2)
        attacked("sha256", office.folder, Misbehaviour(MODEL_FILE, wrong_bit=200), answers="2")
        steal(office, field.first)
        attacked("Release 1: It is below the floor", office.folder, answers="2")
        why = device.why()
    assert caller.releases == sorted(caller.releases)
    assert device.active() == 2
    for reason in (frozen, "endless or too large", "of another state", "older state", "sha256", "below the floor"):
        assert re.search(reason, why), why
    device.check_private()
