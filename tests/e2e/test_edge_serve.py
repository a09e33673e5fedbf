"""`slipway-edge serve` over its life: models exchanged under load, bundles that are refused, endings of all kinds."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import pytest

import edge_server
import small_onnx
from edge_server import LONG, OCTETS, WAIT_S, Serving, ask, read_all, serving, turns
from slipway.serving.bundle.folder import Bundle

SWAPS = 50
CALLERS = 4
INFER = "/v1/models/small-bays/infer"
IMAGES = small_onnx.images(1).tobytes()
ENDLESS = (
    f"POST /v1/models/small-turns/infer HTTP/1.1\r\nHost: here\r\nContent-Type: {OCTETS}\r\nContent-Length: 8\r\n\r\n"
).encode() + turns(1000 * LONG)


@pytest.fixture
def link(tmp_path: Path) -> Path:
    """What is served: a link that points to a first bundle."""
    edge_server.bays(tmp_path / "first", 0)
    link = tmp_path / "current"
    link.symlink_to(tmp_path / "first")
    return link


def point(link: Path, folder: Path) -> None:
    """Have it name another bundle, at once."""
    fresh = link.with_name("fresh")
    fresh.symlink_to(folder)
    fresh.replace(link)


def waited(condition: Callable[[], bool]) -> None:
    """Until it is true."""
    until = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def answering(server: Serving) -> str:
    """The bundle that answers `small-bays`."""
    return str(server.ask("GET", "/v1/models/small-bays").json()["bundle"])


def call_on(port: int, caller: int, stop: threading.Event, expected: dict[str, int]) -> Counter[str]:
    """Ask until told to stop, each time with other pictures; how often each bundle answered."""
    chance, found = np.random.default_rng(caller), Counter[str]()
    connection = HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    while not stop.is_set():
        given = chance.integers(0, 256, (1 + caller % 2, 3, 4, 4), np.uint8)
        answer = ask(connection, "POST", INFER, given.tobytes(), Content_Type=OCTETS)
        assert answer.status == 200, answer.body
        bundle = answer.headers["x-slipway-bundle"]
        said = np.frombuffer(answer.body, np.float32).reshape(len(given), 2)
        assert np.allclose(said, small_onnx.answers(given, expected[bundle]), rtol=1e-3, atol=0.1)
        found[bundle] += 1
    connection.close()
    return found


def test_fifty_exchanges_under_load_fail_no_request_and_mix_up_no_answer(link: Path) -> None:
    bundles = [edge_server.bays(link.with_name("other"), 1), Bundle.open(link.with_name("first"))]
    expected = {bundles[0].digest: 1, bundles[1].digest: 0}
    stop = threading.Event()
    with serving("--model", link) as server, ThreadPoolExecutor(CALLERS) as pool:
        calls = [pool.submit(call_on, server.port, caller, stop, expected) for caller in range(CALLERS)]
        try:
            for number in range(SWAPS):
                wanted = bundles[number % 2]
                point(link, wanted.folder)
                server.signal(signal.SIGHUP)
                waited(lambda digest=wanted.digest: answering(server) == digest)  # type: ignore[misc]
        finally:
            stop.set()
        counts: Counter[str] = sum((one.result() for one in calls), Counter[str]())
        assert server.measured('slipway_swaps_total{model="small-bays"}') == SWAPS
        assert server.measured('slipway_requests_total{model="small-bays",code="200"}') == counts.total()
        assert server.measured('slipway_model_answered_total{model="small-bays"}') == counts.total()
        assert server.measured('slipway_model_failed_total{model="small-bays"}') == 0
    assert all(counts[digest] for digest in expected), counts


def test_a_folder_that_changes_is_loaded_where_it_is_watched(link: Path) -> None:
    other = edge_server.bays(link.with_name("other"), 1)
    with serving("--model", f"bays={link}", "--watch", 0.05) as server:
        assert server.ask("GET", "/v1/models/bays").json()["bundle"] != other.digest
        point(link, other.folder)
        waited(lambda: server.ask("GET", "/v1/models/bays").json()["bundle"] == other.digest)


def broken(folder: Path) -> Path:
    """A bundle with one other bit."""
    model = edge_server.bays(folder, 2).folder / "model.fp32.onnx"
    data = bytearray(model.read_bytes())
    data[-1] ^= 1
    model.write_bytes(data)
    return folder


def unproven(folder: Path) -> Path:
    """A bundle whose golden answers are another model's."""
    given = small_onnx.images()
    small_onnx.bundle(folder, 3, golden={"in.images": given, "fp32.logits": small_onnx.answers(given, 4)})
    return folder


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (broken, "sha256"),
        (unproven, "is not proven here"),
        (lambda folder: edge_server.turning(folder).folder, "It is a bundle of small-turns"),
        (lambda folder: folder, "is no bundle"),
    ],
    ids=["broken", "unproven", "another model", "nothing"],
)
def test_what_must_not_be_served_leaves_the_model_that_answers(
    link: Path, make: Callable[[Path], Path], said: str
) -> None:
    with serving("--model", link) as server:
        before = answering(server)
        point(link, make(link.with_name("bad")))
        server.signal(signal.SIGHUP)
        waited(lambda: server.ask("GET", "/v1/models/small-bays").json()["problem"] is not None)
        assert said in server.ask("GET", "/v1/models/small-bays").json()["problem"]
        assert (server.infer("small-bays", IMAGES).headers["x-slipway-bundle"], answering(server)) == (before, before)
        assert server.measured('slipway_model_problem{model="small-bays"}') == 1
        assert server.ask("GET", "/health/ready").status == 200
        point(link, link.with_name("first"))
        server.signal(signal.SIGHUP)
        waited(lambda: server.ask("GET", "/v1/models/small-bays").json()["problem"] is None)


def test_the_end_answers_what_was_begun_and_takes_nothing_new(tmp_path: Path) -> None:
    edge_server.turning(tmp_path / "turns")
    with serving("--model", tmp_path / "turns") as server, server.connect() as idle, ThreadPoolExecutor(2) as pool:
        works = [pool.submit(server.infer, "small-turns", turns(LONG + number)) for number in range(2)]
        waited(lambda: server.measured('slipway_model_admitted_total{model="small-turns"}') == 2)
        server.signal(signal.SIGTERM)
        assert idle.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            server.connect()
        for number, work in enumerate(works):
            answer = work.result()
            assert answer.body == turns(LONG + number)
            assert answer.headers["connection"] == "close"
        assert server.process.wait(WAIT_S) == 0


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    edge_server.turning(tmp_path / "turns")
    with serving("--model", tmp_path / "turns") as server, server.connect() as caller:
        caller.sendall(ENDLESS)
        waited(lambda: server.measured('slipway_model_admitted_total{model="small-turns"}') == 1)
        server.signal(signal.SIGINT)
        waited(lambda: bool(server.told("ending")))
        server.signal(signal.SIGINT)
        assert server.process.wait(WAIT_S) == 128 + signal.SIGINT


def test_what_takes_longer_than_the_end_may_is_cut_off(tmp_path: Path) -> None:
    edge_server.turning(tmp_path / "turns")
    with serving("--model", tmp_path / "turns", "--drain", 0.1) as server, server.connect() as caller:
        caller.sendall(ENDLESS)
        waited(lambda: server.measured('slipway_model_admitted_total{model="small-turns"}') == 1)
        server.signal(signal.SIGTERM)
        assert read_all(caller).startswith(b"HTTP/1.1 503")
        assert server.process.wait(WAIT_S) == 1


def test_after_a_kill_it_starts_again_on_the_same_port(link: Path) -> None:
    with serving("--model", link) as server:
        connection = server.connect()
        assert server.infer("small-bays", IMAGES).status == 200
        server.process.kill()
        server.process.wait()
        with serving("--model", link, "--port", server.port) as again:
            assert again.port == server.port
            assert again.infer("small-bays", IMAGES).status == 200
        connection.close()


@pytest.mark.parametrize("listened", [True, False])
def test_nobody_who_reads_its_lines_badly_holds_it_up(link: Path, *, listened: bool) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    reading, writing = os.pipe()
    if not listened:
        os.close(reading)
    command = ["slipway-edge", "serve", "--model", str(link), "--port", str(port), "--access-log"]
    with subprocess.Popen(command, stderr=writing, start_new_session=True) as process:
        os.close(writing)
        server = Serving(process, port=port)  # type: ignore[arg-type]
        waited(lambda: _reached(server))
        connection = HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
        long = "/" + "x" * 190
        for _ in range(600):  # more lines than a pipe holds
            assert ask(connection, "GET", long).status == 404
        connection.close()
        assert server.infer("small-bays", IMAGES).status == 200
        server.signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
    if listened:
        os.close(reading)


def _reached(server: Serving) -> bool:
    try:
        return server.ask("GET", "/health/ready").status == 200
    except ConnectionRefusedError:
        return False


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--model", "nowhere"], 1, "nowhere is no bundle"),
        (["--model", "first:int8-cpu"], 2, "has no variant int8-cpu; it has fp32"),
        (["--model", "first", "--model", "first"], 2, "--model NAME=FOLDER"),
        (["--model", "first", "--port", "70000"], 2, "from 0 to 65,535"),
        (["--model", "first", "--drain", "nan"], 2, "expected seconds"),
        (["--model", "first", "--host", "192.0.2.1"], 1, "cannot be listened on"),
    ],
)
def test_what_cannot_be_served_is_told_in_one_message(link: Path, options: list[str], code: int, said: str) -> None:
    result = subprocess.run(
        ["slipway-edge", "serve", *options], cwd=link.parent, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (code, "")
    assert said in result.stderr
    assert "Traceback" not in result.stderr
