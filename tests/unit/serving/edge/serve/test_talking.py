"""The server as callers meet it, good ones and bad ones: a real process, real sockets, real models."""

import json
import re
import socket
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import numpy as np
import pytest

import edge_server
import small_onnx
from edge_server import LONG, OCTETS, WAIT_S, Serving, ask, read_all, serving, turns
from slipway.serving.bundle.arrays import encoded

BAYS = "/v1/models/small-bays/infer"
SLOW_S = 0.5
IMAGES = small_onnx.images(1).tobytes()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Two models, one place in each queue, few connections, and no patience."""
    folder = tmp_path_factory.mktemp("bundles")
    edge_server.bays(folder / "bays")
    edge_server.turning(folder / "turns")
    limits = ("--queue", 1, "--slow", SLOW_S, "--idle", 30, "--connections", 8)
    with serving("--model", folder / "bays", "--model", f"{folder / 'turns'}:fp32", *limits) as found:
        yield found
        assert found.process.poll() is None, found.events


def request(body: bytes = IMAGES, *lines: str, path: str = BAYS) -> bytes:
    """A request, as bytes."""
    head = [f"POST {path} HTTP/1.1", "Host: here", f"Content-Type: {OCTETS}", f"Content-Length: {len(body)}", *lines]
    return "\r\n".join([*head, "", ""]).encode() + body


def status(answer: bytes) -> int:
    """Of the first answer in these bytes."""
    return int(answer.split(b" ", 2)[1])


def logits(body: bytes) -> list[float]:
    """The numbers in an answer."""
    return list(np.frombuffer(body, np.float32))


def test_raw_bytes_are_answered_with_raw_bytes(server: Serving) -> None:
    answer = server.infer("small-bays", small_onnx.images(3).tobytes())
    assert answer.status == 200
    assert np.allclose(np.frombuffer(answer.body, np.float32).reshape(3, 2), small_onnx.answers(small_onnx.images(3)))
    assert answer.headers["x-tensor-shape"] == "3,2"
    assert answer.headers["x-slipway-model"] == "small-bays"
    assert re.fullmatch("[0-9a-f]{64}", answer.headers["x-slipway-bundle"])


def test_arrays_and_json_are_answered_as_the_caller_asks(server: Serving) -> None:
    given = encoded({"images": small_onnx.images(1)})
    answer = server.infer("small-bays", given, Content_Type="application/x-npz", Accept="application/json")
    values = answer.json()["outputs"]["logits"]["values"]
    assert np.allclose(values, small_onnx.answers(small_onnx.images(1)))


def test_models_tell_their_contract(server: Serving) -> None:
    models = server.ask("GET", "/v1/models").json()["models"]
    assert [one["name"] for one in models] == ["small-bays", "small-turns"]
    assert models[0]["contract"]["inputs"][0]["dims"] == ["batch", 3, 4, 4]
    assert server.ask("GET", "/v1/models/small-bays").json() == models[0]


def test_health_and_metrics_tell_how_it_is(server: Serving) -> None:
    assert server.ask("GET", "/health/live").status == 200
    assert server.ask("GET", "/health/ready").json() == {"ready": True}
    head = server.ask("HEAD", "/health/ready")
    assert (head.status, head.body) == (200, b"")
    server.infer("small-bays", IMAGES)
    text = server.ask("GET", "/metrics").body.decode()
    assert re.search(r'^slipway_requests_total\{model="small-bays",code="200"\} [1-9]', text, re.MULTILINE)
    assert re.search(
        r'^slipway_release_info\{model="small-turns",release="",bundle="\w{64}",variant="fp32"\} 1$', text, re.MULTILINE
    )
    buckets = [int(one) for one in re.findall(r'slipway_request_seconds_bucket\{model="small-bays".*\} (\d+)', text)]
    assert buckets == sorted(buckets)
    assert f'slipway_request_seconds_count{{model="small-bays"}} {buckets[-1]}\n' in text
    for line in text.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) \w+ .+|\w+(\{(\w+=\"[^\"]*\",?)+\})? [0-9.e+-]+", line), line


def test_a_connection_serves_many_requests(server: Serving) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=WAIT_S)
    for count in (1, 2, 3):
        body = small_onnx.images(count).tobytes()
        assert ask(connection, "POST", BAYS, body, Content_Type=OCTETS).headers["x-tensor-shape"] == f"{count},2"
    assert ask(connection, "POST", BAYS, b"too short", Content_Type=OCTETS).status == 400
    assert ask(connection, "GET", "/health/live").status == 200
    connection.close()


def test_requests_that_do_not_wait_are_answered_in_their_order(server: Serving) -> None:
    asked = [np.full((1, 3, 4, 4), number, np.uint8) for number in range(60)]
    with server.connect() as connection:
        connection.sendall(b"".join(request(one.tobytes()) for one in asked[:-1]))
        connection.sendall(request(asked[-1].tobytes(), "Connection: close"))
        answers = read_all(connection).split(b"HTTP/1.1 ")[1:]
    assert len(answers) == 60
    for one, answer in zip(asked, answers, strict=True):
        assert np.allclose(logits(answer.partition(b"\r\n\r\n")[2]), small_onnx.answers(one)[0])


def test_a_request_may_come_byte_by_byte(server: Serving) -> None:
    with server.connect() as connection:
        for byte in request(IMAGES, "Connection: close"):
            connection.sendall(bytes([byte]))
        assert status(read_all(connection)) == 200


def test_a_caller_that_closes_its_side_still_hears_the_answers(server: Serving) -> None:
    with server.connect() as connection:
        connection.sendall(request() * 3)
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection).count(b"HTTP/1.1 200 OK") == 3


def test_a_body_that_is_waited_for_with_is_asked_for(server: Serving) -> None:
    head, body = request(IMAGES, "Expect: 100-continue", "Connection: close"), IMAGES
    with server.connect() as connection:
        connection.sendall(head[: -len(body)])
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert status(read_all(connection)) == 200


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET / HTTP/1.1\r\nHost: here\r\nX: " + b"x" * 100_000, 431),
        (b"POST " + BAYS.encode() + b" HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n", 411),
        (request(bytes(1000)), 413),
        (request(bytes(1000), "Expect: 100-continue")[:-1000], 413),
        (b"GET /health/live HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\nhello", 413),
        (request(path="/v1/models/small-bay/infer"), 404),
        (request().replace(b"POST", b"PUT"), 405),
        (request().replace(OCTETS.encode(), b"text/csv"), 415),
    ],
)
def test_what_is_refused_is_told_before_the_connection_ends(server: Serving, data: bytes, expected: int) -> None:
    answer = server.say(data)
    assert status(answer) == expected
    assert b"\r\nConnection: close\r\n" in answer
    told = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert told["error"]
    assert told["mend"]


def test_a_body_that_is_too_large_is_refused_while_it_is_sent(server: Serving) -> None:
    answer = server.ask("POST", BAYS, bytes(8 * 1024 * 1024), Content_Type=OCTETS)
    assert answer.status == 413
    assert "at most 192 are read" in answer.json()["error"]


def test_an_unknown_model_is_answered_with_the_nearest_name(server: Serving) -> None:
    answer = server.infer("small-bay", IMAGES)
    assert "Did you mean small-bays?" in answer.json()["mend"]


@pytest.mark.parametrize(
    ("body", "headers", "said"),
    [
        (bytes(47), {}, "47 bytes"),
        (IMAGES, {"X_Tensor_Shape": "3,1,4,4"}, "contract says [batch, 3, 4, 4]"),
        (IMAGES, {"X_Tensor_Dtype": "int8"}, "contract says uint8"),
        (b"", {}, "0 in `batch`, the contract says 1 to 4"),
        (encoded({"pictures": small_onnx.images(1)}), {"Content_Type": "application/x-npz"}, "inputs are pictures"),
        (b"\xff\xd8\xff\xe0, or so", {"Content_Type": "image/jpeg"}, "damaged JPEG"),
        (IMAGES, {"X_Deadline_Ms": "0"}, "milliseconds from 1 to 60,000"),
        (IMAGES, {"X_Deadline_Ms": "1e3"}, "milliseconds from 1 to 60,000"),
    ],
)
def test_what_does_not_fit_the_contract_is_refused_with_it(
    server: Serving, body: bytes, headers: dict[str, str], said: str
) -> None:
    answer = server.infer("small-bays", body, **headers)
    assert answer.status == 400
    assert said in answer.json()["error"]
    assert answer.json()["mend"]
    if "X_Deadline_Ms" not in headers:
        assert answer.json()["contract"]["inputs"][0]["name"] == "images"


def test_a_request_that_ends_too_early_is_told_so(server: Serving) -> None:
    for data in (request()[:-1], request()[:20]):
        with server.connect() as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            answer = read_all(connection)
        assert status(answer) == 400
        assert b"ended before it was complete" in answer
        assert b"Send it whole" in answer


@pytest.mark.parametrize("sent", [b"POST /v1", request()[:-1]])
def test_a_caller_that_stops_in_the_middle_is_not_waited_for(server: Serving, sent: bytes) -> None:
    with server.connect() as connection:
        connection.sendall(sent)
        assert status(read_all(connection)) == 408


def test_a_caller_that_breaks_off_costs_nobody_an_answer(server: Serving) -> None:
    for data in (request()[:-1], request(), request(turns(10_000), path="/v1/models/small-turns/infer")):
        with server.connect() as connection:
            connection.sendall(data)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closing resets it
    until = time.monotonic() + WAIT_S
    while (answer := server.infer("small-bays", IMAGES)).status == 429:  # the first one may still wait for its turn
        assert time.monotonic() < until
    assert answer.status == 200


def test_too_many_callers_are_told_so(server: Serving) -> None:
    callers = [server.connect() for _ in range(8)]
    try:
        for caller in callers:
            caller.sendall(b"GET /health/live HTTP/1.1\r\nHost: here\r\n\r\n")
            assert caller.recv(1000).startswith(b"HTTP/1.1 200")
        answer = server.say(b"")
        assert status(answer) == 503
        assert b"Retry-After: 1" in answer
    finally:
        for caller in callers:
            caller.close()


def test_a_full_queue_and_a_deadline_are_told_while_the_model_works(server: Serving) -> None:
    with ThreadPoolExecutor(1) as pool:
        admitted = server.measured('slipway_model_admitted_total{model="small-turns"}')
        works = pool.submit(server.infer, "small-turns", turns(LONG))
        while server.measured('slipway_model_admitted_total{model="small-turns"}') == admitted:
            assert not works.done()
        while server.measured('slipway_queue{model="small-turns"}'):
            assert not works.done()
        late = server.infer("small-turns", turns(1), X_Deadline_Ms="20")
        with server.connect() as waiting:
            waiting.sendall(request(turns(2), "Connection: close", path="/v1/models/small-turns/infer"))
            full = late
            while full.status != 429:  # until the other one waits
                assert not works.done()
                full = server.infer("small-turns", turns(1), X_Deadline_Ms="20")
            assert status(read_all(waiting)) == 200
        assert works.result().body == turns(LONG)
    assert late.status == 504
    assert full.headers["retry-after"] == "1"
    assert "1 requests wait already" in full.json()["error"]
