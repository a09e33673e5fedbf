"""`slipway-edge serve` in a process of its own, and callers that speak HTTP as well or as badly as a test wants."""

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import small_onnx
from slipway.serving.bundle.contract import Contract
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import VariantPart

WAIT_S = 60
"""For what must come; nothing is measured by it."""
TURNS = Contract.model_validate(
    {
        "inputs": [{"name": "turns", "dtype": "int64", "dims": ["batch"]}],
        "outputs": [{"name": "counted", "dtype": "int64", "dims": ["batch"], "meaning": "As many as were asked for."}],
        "dims": {"batch": {"least": 1, "usual": 2, "most": 2}},
    }
)
LONG = 400_000
"""Turns that take a good part of a second on any machine."""


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, where it is JSON."""
        return json.loads(self.body)


@dataclass
class Serving:
    """A running server."""

    process: "subprocess.Popen[str]"
    events: list[dict[str, Any]] = field(default_factory=list)
    """What it has told on standard error."""
    port: int = 0

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """One request on a connection of its own; `_` in the name of a header stands for `-`."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        try:
            return ask(connection, method, path, body, **headers)
        finally:
            connection.close()

    def infer(self, model: str, body: bytes, **headers: str) -> Answer:
        """Ask a model with raw bytes, unless the headers say otherwise."""
        return self.ask("POST", f"/v1/models/{model}/infer", body, **{"Content_Type": OCTETS, **headers})

    def measured(self, name: str) -> float:
        """One of its metrics, by its name and labels."""
        lines = self.ask("GET", "/metrics").body.decode().splitlines()
        return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} "))

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_S)

    def say(self, data: bytes) -> bytes:
        """Send these bytes and no more; all that comes back until the server closes."""
        with self.connect() as connection:
            connection.sendall(data)
            return read_all(connection)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def told(self, event: str) -> list[dict[str, Any]]:
        """The events of one kind so far."""
        return [one for one in self.events if one["event"] == event]


OCTETS = "application/octet-stream"


@contextmanager
def serving(*options: object) -> Iterator[Serving]:
    """A server that answers; it is killed at the end if it has not ended by then."""
    command = ["slipway-edge", "serve", "--json", "--port", "0", *map(str, options)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        server, ready = Serving(process), threading.Event()
        reader = threading.Thread(target=_read, args=(server, ready))
        reader.start()
        try:
            assert ready.wait(WAIT_S)
            assert server.port, server.events
            yield server
        finally:
            process.kill()
            reader.join()


def ask(connection: HTTPConnection, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
    """One request on a connection that may be used again."""
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


def read_all(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    pieces = []
    while piece := connection.recv(65_536):
        pieces.append(piece)
    return b"".join(pieces)


def _read(server: Serving, ready: threading.Event) -> None:
    assert server.process.stderr is not None
    for line in server.process.stderr:
        event = json.loads(line) if line.startswith("{") else {"event": "text", "text": line}
        server.events.append(event)
        if event["event"] == "ready":
            server.port = int(event["urls"][0].rpartition(":")[2])
            ready.set()
    ready.set()


def bays(folder: Path, seed: int = 0) -> Bundle:
    """A bundle of `small-bays`."""
    return small_onnx.bundle(folder, seed)


def turning(folder: Path) -> Bundle:
    """A bundle whose model takes as long as it is asked to, on a real runtime: it counts."""
    given = np.array([3, 5], np.int64)
    return small_onnx.bundle(
        folder,
        model="small-turns",
        contract=TURNS,
        variants={"fp32": VariantPart(file="model.fp32.onnx", opset=small_onnx.OPSET)},
        files={"model.fp32.onnx": _turns().SerializeToString()},
        golden={"in.turns": given, "fp32.counted": given},
    )


def turns(count: int) -> bytes:
    """The body of a request for so many."""
    return np.array([count], np.int64).tobytes()


def _turns() -> onnx.ModelProto:
    """Says how many turns each row asked for, after as many turns as the greatest row asks for."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Add", ["before", "one"], ["after"]),
        ],
        "turn",
        [
            helper.make_tensor_value_info("number", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.INT64, []),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.INT64, []),
        ],
    )
    nodes = [
        helper.make_node("ReduceMax", ["turns"], ["greatest"], keepdims=0),
        helper.make_node("Loop", ["greatest", "yes", "none"], ["taken"], body=body),
        helper.make_node("Sub", ["taken", "greatest"], ["nothing"]),
        helper.make_node("Add", ["turns", "nothing"], ["counted"]),
    ]
    constants = {"yes": np.array(True), "none": np.array(0, np.int64), "one": np.array(1, np.int64)}  # noqa: FBT003
    graph = helper.make_graph(
        nodes,
        "turns",
        [helper.make_tensor_value_info("turns", TensorProto.INT64, ["batch"])],
        [helper.make_tensor_value_info("counted", TensorProto.INT64, ["batch"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", small_onnx.OPSET)], ir_version=10)
