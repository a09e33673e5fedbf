"""The service as a process of its own: killed under load it has what it said to have, once; told to stop it stops."""

import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import urllib3

from fleet_service import FieldDevice
from fleet_service.device import counts
from slipway.serving.bundle.canonical import sha256
from slipway.serving.fleet.store.enrolling import By, Token
from slipway.serving.fleet.store.store import FleetStore

SLIPWAY = Path(sys.executable).with_name("slipway")
DEVICES = 6
KILLS = 4
SUBJECT = f"parcel/3/{3:064x}"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder of its own."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What the process sees: that folder's settings alone."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLIPWAY_", "XDG_"))}
    return kept | {"HOME": str(tmp_path), "COLUMNS": "200"}


@pytest.fixture
def serve(project: Path, environment: dict[str, str]) -> Iterator[Callable[..., tuple[subprocess.Popen[str], str]]]:
    """Start `slipway fleet serve`; the process, and where it listens."""
    started: list[subprocess.Popen[str]] = []

    def start(port: int = 0) -> tuple[subprocess.Popen[str], str]:
        command = [str(SLIPWAY), "fleet", "serve", "--port", str(port)]
        child = subprocess.Popen(
            command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(child)
        assert child.stdout is not None
        line = child.stdout.readline()
        assert line.startswith("Listening at http://127.0.0.1:"), (line, child.stderr and child.stderr.read())
        return child, line.split()[2].rstrip(",")

    yield start
    for child in started:
        if child.poll() is None:
            child.kill()
        child.communicate()


def _enrolled(project: Path, url: str) -> list[FieldDevice]:
    """Devices of a store that nobody serves yet."""
    found = [FieldDevice(url, f"gate-{number}") for number in range(DEVICES)]
    tokens = {one.id: f"sw1-{'0' * 64}-{number:032d}" for number, one in enumerate(found)}
    end = datetime.now(UTC) + timedelta(days=1)
    with FleetStore("sqlite:///.slipway/fleet.db", project) as store:
        made = [Token(sha256(token.encode()), end, ("parcel",)) for token in tokens.values()]
        store.make_tokens(b"root", made, By("ada", b""))
    for one in found:
        code, answer = one.enrol(tokens[one.id])
        assert code == 200, answer
    return found


class Load:
    """Devices that report without end; `told` is how many records of each were answered as stored."""

    def __init__(self, devices: list[FieldDevice]) -> None:
        self.devices = devices
        self.told = dict.fromkeys((one.id for one in devices), 0)
        self._stop, self._step, self._refused = threading.Event(), threading.Semaphore(0), threading.Semaphore(0)
        self.others: set[int] = set()
        """Codes of all other answers."""

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._report, args=(one,)) for one in self.devices]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()
            for one in self.devices:
                one.pool.clear()

    def await_stored(self, times: int) -> None:
        for _ in range(times):
            assert self._step.acquire(timeout=30)

    def await_refused(self, times: int) -> None:
        for _ in range(times):
            assert self._refused.acquire(timeout=30)

    def stored_in(self, project: Path) -> bool:
        """Whether the store has what was answered, once; the last answer of a device may have been lost."""
        now = datetime.now(UTC)
        with FleetStore("sqlite:///.slipway/fleet.db", project) as store:
            found = store.work("parcel", since=now - timedelta(days=1), until=now + timedelta(days=1))
            stored = {one.device: one.counts["answered"] for one in found}
        return all(count <= stored[name] <= count + 1 for name, count in self.told.items())

    def _report(self, device: FieldDevice) -> None:
        number = 1
        while not self._stop.is_set():
            record = counts(f"{1:016x}-{number}", SUBJECT, datetime.now(UTC), answered=1)
            try:
                code, _ = device.report(records=[record])
            except urllib3.exceptions.HTTPError:
                continue  # it may be stored or not: the same record again
            if code == 200:
                self.told[device.id], number = number, number + 1
                self._step.release()
            else:
                self.others.add(code)
                self._refused.release()


def test_killed_under_load_it_has_what_it_said_to_have_and_once(
    project: Path, serve: Callable[..., tuple[subprocess.Popen[str], str]]
) -> None:
    child, url = serve()
    port = int(url.rpartition(":")[2])
    devices = _enrolled(project, url)
    load = Load(devices)
    with load.running():
        for _ in range(KILLS):
            load.await_stored(40)
            child.send_signal(signal.SIGKILL)
            child.wait()
            child, _ = serve(port)
        load.await_stored(40)
    child.send_signal(signal.SIGTERM)
    assert child.wait(30) == 0
    assert load.stored_in(project)


def test_a_full_disk_refuses_until_there_is_room_and_a_stop_under_load_loses_nothing(
    project: Path, serve: Callable[..., tuple[subprocess.Popen[str], str]]
) -> None:
    child, url = serve()
    most = resource.prlimit(child.pid, resource.RLIMIT_FSIZE)
    load = Load(_enrolled(project, url))
    with load.running(), urllib3.PoolManager() as pool:
        load.await_stored(20)
        resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (4096, most[1]))
        load.await_refused(20)
        assert pool.request("GET", f"{url}/readyz").status == 200, "what is there can still be read"
        resource.prlimit(child.pid, resource.RLIMIT_FSIZE, most)
        load.await_stored(20)
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == 0
    assert load.others == {503}
    assert load.stored_in(project)


def test_a_taken_port_and_a_service_that_is_not_there_are_told(
    project: Path, environment: dict[str, str], serve: Callable[..., tuple[subprocess.Popen[str], str]]
) -> None:
    child, url = serve()

    def slipway(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SLIPWAY, *arguments],
            cwd=project,
            env=environment | {"SLIPWAY_FLEET__URL": url} | more,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    second = slipway("fleet", "serve", "--port", url.rpartition(":")[2])
    assert (second.returncode, "Nothing can listen" in second.stderr) == (1, True)
    assert slipway("identity", "init", "ada", "--role", "operator").returncode == 0
    listed = slipway("fleet", "list")
    assert (listed.returncode, "There is no such device." in listed.stderr) == (0, True), listed.stderr
    assert slipway("fleet", "show", "gate-9").returncode == 2
    opened = slipway("fleet", "console", "--print")
    assert opened.stdout.startswith(f"{url}/session/")
    child.send_signal(signal.SIGTERM)
    assert child.wait(30) == 0
    gone = slipway("fleet", "list")
    assert (gone.returncode, "does not answer" in gone.stderr) == (1, True)
    assert "Traceback" not in gone.stderr + second.stderr
