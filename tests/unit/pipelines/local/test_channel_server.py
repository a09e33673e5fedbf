"""The channel as the local stack gives it out: every byte that devices ask for, in ranges, and nothing else."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import urllib3

import small_onnx
from signed_channel import Follower, Office
from slipway.pipelines.local.channel_server import CHANGING, ChannelServer
from slipway.platform.store.directory import DirectoryStore


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """A channel with a release."""
    root = tmp_path_factory.mktemp("office")
    made = Office(root).open()
    made.lead(small_onnx.bundle(root / "bundle"))
    return made


@pytest.fixture(scope="module")
def url(office: Office) -> Iterator[str]:
    with ChannelServer(DirectoryStore(office.folder), 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def pool() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(retries=False) as made:
        yield made


def test_a_device_follows_it_over_http(office: Office, url: str, tmp_path: Path) -> None:
    from slipway.serving.channel.http_transport import HttpTransport

    follower = Follower(tmp_path / "trust", office.repository().root_bytes(), office)
    assert follower.fetch(HttpTransport(url)) == follower.fetch()


def test_all_files_are_given_whole_and_from_any_place_on(office: Office, url: str, pool: urllib3.PoolManager) -> None:
    for path in (one for one in office.folder.rglob("*") if one.is_file()):
        key = path.relative_to(office.folder).as_posix()
        if not key.startswith(("metadata/", "targets/")):
            continue
        data = path.read_bytes()
        whole = pool.request("GET", f"{url}/{key}")
        assert (whole.status, whole.data) == (200, data)
        rest = pool.request("GET", f"{url}/{key}", headers={"Range": "bytes=3-"})
        assert (rest.status, rest.data) == (206, data[3:])
        assert rest.headers["Content-Range"] == f"bytes 3-{len(data) - 1}/{len(data)}"
        head = pool.request("HEAD", f"{url}/{key}")
        assert (head.status, head.data, head.headers["Content-Length"]) == (200, b"", str(len(data)))


def test_only_the_timestamp_may_not_be_kept(url: str, pool: urllib3.PoolManager) -> None:
    assert pool.request("GET", f"{url}/{CHANGING}").headers["Cache-Control"] == "no-cache"
    assert "immutable" in pool.request("GET", f"{url}/metadata/1.root.json").headers["Cache-Control"]


@pytest.mark.parametrize(
    "path",
    ["", "metadata", "metadata/", "metadata/9.root.json", "metadata/../../people.toml", "drafts/root.json", "%2e%2e/x"],
)
def test_what_devices_never_ask_for_is_not_there(
    office: Office, url: str, pool: urllib3.PoolManager, path: str
) -> None:
    (office.folder / "drafts").mkdir(exist_ok=True)
    (office.folder / "drafts" / "root.json").write_text("{}")
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as plain:
        plain.sendall(f"GET /{path} HTTP/1.0\r\n\r\n".encode())
        assert plain.recv(64).split()[1] == b"404"
    assert pool.request("POST", f"{url}/{CHANGING}").status == 501


def test_a_place_behind_the_end_is_refused(url: str, pool: urllib3.PoolManager) -> None:
    answer = pool.request("GET", f"{url}/{CHANGING}", headers={"Range": "bytes=999999-"})
    assert answer.status == 416


def test_as_a_process_it_says_where_it_is_and_ends_when_asked(tmp_path: Path) -> None:
    (tmp_path / "slipway.toml").touch()
    (tmp_path / ".slipway/channel/metadata").mkdir(parents=True)
    (tmp_path / ".slipway/channel/metadata/timestamp.json").write_text(datetime.now(UTC).isoformat())
    command = [sys.executable, "-P", "-m", "slipway.pipelines.local.channel_server", "0"]
    environ = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    with subprocess.Popen(command, cwd=tmp_path, env=environ, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        told = process.stderr.readline()
        with urllib3.PoolManager(retries=False) as pool:
            assert pool.request("GET", f"{told.split()[-1]}/{CHANGING}").status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_a_port_that_is_taken_is_told_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "slipway.toml").touch()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [sys.executable, "-P", "-m", "slipway.pipelines.local.channel_server", str(taken.getsockname()[1])]
        environ = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
        done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, "cannot be given out" in done.stderr, "Traceback" in done.stderr) == (1, True, False)
