"""Places to keep a store in: a directory, a bucket on a real S3 server, and the same bucket behind a faulty network."""

import dataclasses
import functools
import json
import os
import selectors
import subprocess
import sys
import threading
import types
import uuid
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from pydantic import SecretStr

from slipway.platform.settings import schema
from slipway.platform.store import Store, open_store
from slipway.platform.store.opening import split_address
from slipway.platform.store.s3 import S3Store, Transfers
from slipway.platform.store.s3_client import connect

HERE = Path(__file__).parent
BUCKET = "slipway"
START_SECONDS = 60
SMALL_PART = 64 * 1024
PAGE = 100


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a store is, so that this process and others can open it."""

    store: schema.Store
    s3: schema.S3

    def open(self, **changes: Any) -> Store:
        return open_store(self.store.model_copy(update=changes), self.s3)

    def settings(self) -> dict[str, Any]:
        secret = self.s3.secret_access_key
        plain = {"secret_access_key": secret.get_secret_value() if secret else None}
        return {"store": self.store.model_dump(), "s3": {**self.s3.model_dump(), **plain}}

    def below(self, url: str) -> "Place":
        return dataclasses.replace(self, store=self.store.model_copy(update={"url": url}))

    def through(self, endpoint: str) -> "Place":
        """The same place, reached by another way."""
        return dataclasses.replace(self, s3=self.s3.model_copy(update={"endpoint": endpoint}))

    def open_in_parts(self, parallel: int = 1, part_size: int = SMALL_PART) -> Store:
        """A store whose large files travel in small parts; those of one bucket share a client."""
        if not self.store.url.startswith("s3://"):
            return self.open()
        client = shared_client(self.s3.endpoint, self.store.attempts, self.store.timeout_seconds)
        transfers = Transfers(part_size=part_size, piece=part_size, parallel=parallel)
        return S3Store(client, *split_address(self.store.url), attempts=self.store.attempts, transfers=transfers)


@functools.cache
def shared_client(endpoint: str, attempts: int, timeout_seconds: float) -> Any:
    return connect(s3_settings(endpoint, "").s3, attempts=attempts, timeout_seconds=timeout_seconds)


@pytest.fixture(params=["directory", pytest.param("s3", marks=pytest.mark.xdist_group("s3"))])
def place(request: pytest.FixtureRequest) -> Place:
    """An empty place of each kind."""
    found: Place = request.getfixturevalue(f"{request.param}_place")
    return found


@pytest.fixture
def store(place: Place) -> Store:
    return place.open()


@pytest.fixture
def directory_place(tmp_path: Path) -> Place:
    return Place(schema.Store(url=str(tmp_path / "store")), schema.S3())


@pytest.fixture
def s3_place(s3_endpoint: str) -> Place:
    """A prefix of its own in the bucket."""
    return s3_settings(s3_endpoint, f"s3://{BUCKET}/{uuid.uuid4().hex}")


def s3_settings(endpoint: str, url: str) -> Place:
    secret = SecretStr("not-a-secret")
    s3 = schema.S3(endpoint=endpoint, region="us-east-1", access_key_id="tester", secret_access_key=secret)
    return Place(schema.Store(url=url), s3)


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """A real server process, one for each test process; it ends when this one closes its standard input, or dies."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.setenv(name, os.devnull)
        session = boto3.session.Session()  # each session reads the service's description anew: share one
        patch.setattr("boto3.session.Session", lambda: session)
        command = [sys.executable, str(HERE / "s3_server.py")]
        environ = {**os.environ, "S3_UPLOAD_PART_MIN_SIZE": str(SMALL_PART), "MOTO_S3_DEFAULT_MAX_KEYS": str(PAGE)}
        with subprocess.Popen(
            command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as server:
            try:
                endpoint = f"http://127.0.0.1:{first_line(server)}"
                raw_client(endpoint).create_bucket(Bucket=BUCKET)
                yield endpoint
            finally:
                server.terminate()


def first_line(server: "subprocess.Popen[str]") -> int:
    assert server.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(server.stdout, selectors.EVENT_READ)
        assert selector.select(START_SECONDS), "the S3 server does not start"
    return int(server.stdout.readline())


def raw_client(endpoint: str) -> Any:
    return boto3.session.Session().client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="raw", aws_secret_access_key="raw"
    )


@pytest.fixture
def raw_s3(s3_endpoint: str) -> Iterator[Any]:
    """The bucket as somebody else's program sees it."""
    client = raw_client(s3_endpoint)
    yield client
    client.close()


@pytest.fixture
def script() -> Callable[[str, dict[str, Any]], Any]:
    """Run a script of this folder in a process of its own, with a JSON argument and a JSON result."""

    def run(name: str, task: dict[str, Any]) -> Any:
        command = [sys.executable, str(HERE / name), json.dumps(task)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


Effect = Callable[["Exchange"], None]


@dataclasses.dataclass
class Exchange:
    """One request on its way through the network, and what becomes of it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    upstream: str
    client: Any
    status: int = 0

    def forward(self) -> tuple[int, dict[str, str], bytes]:
        address = urlsplit(self.upstream)
        connection = HTTPConnection(address.hostname or "", address.port, timeout=START_SECONDS)
        try:
            connection.request(self.method, self.path, self.body, self.headers)
            answer: HTTPResponse = connection.getresponse()
            self.status = answer.status
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def reply(self, status: int, headers: dict[str, str], body: bytes, cut: int | None = None) -> None:
        """Send an answer; with `cut`, only that many bytes of its body."""
        self.client.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in {"connection", "transfer-encoding"}:
                self.client.send_header(name, value)
        if self.method != "HEAD" and "content-length" not in map(str.lower, headers):
            self.client.send_header("Content-Length", str(len(body)))
        self.client.send_header("Connection", "close")
        self.client.end_headers()
        self.client.wfile.write(body[:cut])


def answered(exchange: Exchange) -> None:
    exchange.reply(*exchange.forward())


class Network:
    """A loopback address before the S3 server at which requests meet planned effects, each a number of times."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.seen: list[Exchange] = []
        self._plans: list[tuple[str, str, Effect]] = []
        self._lock = threading.Lock()
        network = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if self.raw_requestline and self.parse_request():
                    network.carry(self)
                self.close_connection = True

            def log_message(self, *arguments: object) -> None:
                """Nothing: the tests look at `seen`."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, *arguments: object) -> None:
                """Nothing: clients that go away are what is tested."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"

    def carry(self, client: BaseHTTPRequestHandler) -> None:
        body = client.rfile.read(int(client.headers.get("Content-Length", 0)))
        headers = {
            name: value for name, value in client.headers.items() if name.lower() not in {"expect", "connection"}
        }
        exchange = Exchange(client.command, client.path, headers, body, self.upstream, client)
        with self._lock:
            self.seen.append(exchange)
            effect = self._next_effect(exchange)
        effect(exchange)

    def _next_effect(self, exchange: Exchange) -> Effect:
        for plan in self._plans:
            method, part_of_path, effect = plan
            if exchange.method == method and part_of_path in exchange.path:
                self._plans.remove(plan)
                return effect
        return answered

    def plan(self, method: str, effect: Effect, *, path: str = "", times: int = 1) -> None:
        """Let the next `times` requests of this method, with `path` in their address, meet the effect."""
        self._plans += [(method, path, effect)] * times

    def forget_plans(self) -> None:
        with self._lock:
            self._plans.clear()

    def count(self, method: str, path: str = "") -> int:
        return sum(exchange.method == method and path in exchange.path for exchange in self.seen)


@pytest.fixture
def network(s3_endpoint: str) -> Iterator[Network]:
    network = Network(s3_endpoint)
    thread = threading.Thread(target=network.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield network
    network.server.shutdown()
    network.server.server_close()
    thread.join()


@pytest.fixture
def faulty_place(s3_place: Place, network: Network) -> Place:
    """The same place as `s3_place`, reached through the network, with three attempts for each request."""
    place = s3_place.through(network.endpoint)
    return dataclasses.replace(place, store=place.store.model_copy(update={"attempts": 3}))


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The S3 client's pauses between attempts, in seconds: counted, not sat out."""
    pauses: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time", types.SimpleNamespace(sleep=pauses.append))
    return pauses


class Effects:
    """What a network or a server may do to a request."""

    answered = staticmethod(answered)

    @staticmethod
    def lose_answer(exchange: Exchange) -> None:
        """The server does its work, and nobody hears of it."""
        exchange.forward()

    @staticmethod
    def lose_request(exchange: Exchange) -> None:
        """The connection closes before the server hears of anything."""

    @staticmethod
    def hang(exchange: Exchange) -> None:
        """The server does its work and then says nothing until the client has given up."""
        exchange.forward()
        with selectors.DefaultSelector() as selector:
            selector.register(exchange.client.connection, selectors.EVENT_READ)
            selector.select(START_SECONDS)

    @staticmethod
    def cut_body(exchange: Exchange) -> None:
        """The answer breaks off in the middle of its body."""
        status, headers, body = exchange.forward()
        exchange.reply(status, headers, body, cut=len(body) // 2)

    @staticmethod
    def error(status: int, code: str) -> Effect:
        """The server answers with an error and does nothing."""

        def effect(exchange: Exchange) -> None:
            text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>"
            exchange.reply(status, {"Content-Type": "application/xml"}, text.encode())

        return effect

    @staticmethod
    def page(status: int) -> Effect:
        """Something that is no S3 server answers."""
        text = b"<html><p>Welcome<br></html>"
        return lambda exchange: exchange.reply(status, {"Content-Type": "text/html"}, text)

    @staticmethod
    def without_header(name: str) -> Effect:
        """A server that does not know a header of the request."""

        def effect(exchange: Exchange) -> None:
            exchange.headers = {key: value for key, value in exchange.headers.items() if key.lower() != name.lower()}
            answered(exchange)

        return effect

    @staticmethod
    def rewritten(change: Callable[[dict[str, str]], dict[str, str]]) -> Effect:
        """A server whose answers have other headers."""

        def effect(exchange: Exchange) -> None:
            status, headers, body = exchange.forward()
            exchange.reply(status, change(headers), body)

        return effect

    @staticmethod
    def after(happens: Callable[[], object]) -> Effect:
        """Something else happens just before the request arrives."""

        def effect(exchange: Exchange) -> None:
            happens()
            answered(exchange)

        return effect


@pytest.fixture
def effects() -> type[Effects]:
    return Effects
