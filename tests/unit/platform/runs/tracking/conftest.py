"""MLflow for real: a network before the server that can fail, and a database file."""

import http.client
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.runs.journal import Journal
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.parts import CodeFile, Parts
from slipway.platform.runs.records import AttemptSpec, Outcome, Place, State
from slipway.platform.runs.tracking.binding import Wanted
from slipway.platform.runs.tracking.described import Described, describe
from slipway.platform.runs.tracking.shipping import Shipper
from slipway.platform.runs.tracking.tracker import Tracker, open_tracker
from slipway.platform.runs.workplace import Workplace
from slipway.platform.settings import schema
from slipway.platform.store import Store, open_store
from tracked.server import Server

HERE = Path(__file__).parent
CREATED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


Effect = Callable[[Callable[[], tuple[int, bytes]]], tuple[int, bytes] | None]


REFUSAL = (400, b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "no"}')


class Network:
    """A loopback address before the server, where requests meet planned effects; None is an answer that is lost."""

    def __init__(self, port: int) -> None:
        self._plans: list[tuple[str, Effect]] = []
        self.refused = b"nothing of this kind"
        """A batch with this in it is refused for good."""
        network = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if self.raw_requestline and self.parse_request():
                    self.carry()
                self.close_connection = True

            def carry(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))

                def forward() -> tuple[int, bytes]:
                    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                    headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                    connection.request(self.command, self.path, body, headers)
                    answer = connection.getresponse()
                    content = answer.read()
                    connection.close()
                    return answer.status, content

                answer = REFUSAL if network.refused in body else network.effect(self.path)(forward)
                if answer is not None:
                    self.send_response_only(answer[0])
                    self.send_header("Content-Length", str(len(answer[1])))
                    self.send_header("Connection", "close")
                    self.end_headers()
                    self.wfile.write(answer[1])

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"

    def effect(self, path: str) -> Effect:
        for plan in self._plans:
            if plan[0] in path:
                self._plans.remove(plan)
                return plan[1]
        return lambda forward: forward()

    def plan(self, path: str, *effects: Effect) -> None:
        """Let the next requests with this in their path meet the effects, one each."""
        self._plans += [(path, effect) for effect in effects]


@pytest.fixture
def network(server: Server) -> Iterator[Network]:
    network = Network(server.port)
    thread = threading.Thread(target=network.http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield network
    network.http.shutdown()
    network.http.server_close()
    thread.join()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's tables, made once."""
    folder = tmp_path_factory.mktemp("tables")
    uri = f"sqlite:///{folder}/mlflow.db"
    open_tracker(schema.MLflow(tracking_uri=uri), folder).experiment("none")
    return folder / "mlflow.db"


@dataclass
class Work:
    """One piece of work with its store, its workplace, and the MLflow that hears of it."""

    folder: Path
    settings: schema.MLflow
    store: Store
    parts: Parts
    number: int = 1
    shippers: list[Shipper] = field(default_factory=list)
    trackers: list[Tracker] = field(default_factory=list)

    @property
    def key(self) -> str:
        return self.parts.key

    @property
    def place(self) -> Workplace:
        return Workplace(self.folder / "attempts" / str(self.number))

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.key, self.parts.model, "calm-heron", 1_700_000_000_000)

    def tracker(self) -> Tracker:
        self.trackers.append(open_tracker(self.settings, self.folder))
        return self.trackers[-1]

    def attempt(self, number: int = 1, **changes: Any) -> Journal:
        """Claim an attempt and open its journal."""
        self.number = number
        place = Place(host="nest", boot="b", pid=1, workplace=str(self.place.folder))
        told = {"nonce": str(number), "submitted_by": "ada", "created": CREATED, "why": "first", "name": "calm-heron"}
        spec = AttemptSpec.model_validate({**told, "number": number, "place": place, **changes})
        self.store.put_if_absent(WorkKeys(self.key).parts, self.parts.to_bytes())
        self.store.put_if_absent(WorkKeys(self.key).attempt(number).spec, spec.to_bytes())
        self.place.results.mkdir(parents=True)
        return Journal(self.place.journal)

    def described(self) -> Described:
        return describe(self.store, self.key, self.number)

    def shipper(self, timeout: float = 30.0, **options: Any) -> Shipper:
        shipper = Shipper(
            self.store,
            lambda: open_tracker(self.settings, self.folder, timeout),
            options.pop("described", None) or self.described(),
            self.place,
            **{"pause": 0.02, "head_start": 0.0, "shortest_pause": 0.05, **options},
        )
        self.shippers.append(shipper)
        return shipper

    def outcome(self, state: State = State.DONE) -> Outcome:
        ended = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
        outcome = Outcome(state=state, reason="Done.", ended=ended, seconds=300.0)
        return Outcome.read(
            self.store.put_if_absent(WorkKeys(self.key).attempt(self.number).outcome, outcome.to_bytes())
        )

    def keep_journal(self) -> None:
        """What the runner does: the journal lies in the store, in pieces."""
        content = self.place.journal.read_bytes()
        half = content.index(b"\n", len(content) // 2) + 1
        prefix = WorkKeys(self.key).attempt(self.number).journal
        self.store.put(f"{prefix}{0:012d}", content[:half])
        if content[half:]:
            self.store.put(f"{prefix}{half:012d}", content[half:])

    def run_ids(self) -> list[str]:
        """The active runs that MLflow has for the work."""
        tracker = self.tracker()
        experiment = tracker.experiment(self.parts.model)
        return [run.run_id for run in tracker.find(experiment, "slipway.key", self.key)]

    def steps(self, metric: str) -> list[int]:
        """The steps of a metric in MLflow, each as often as it is there."""
        (run_id,) = self.run_ids()
        return [point.step for point in self.tracker().history(run_id, metric)]


def make_work(folder: Path, uri: str) -> Work:
    digest = uuid.uuid4().hex * 2
    config = {"model": "vehicle-reid", "optimizer": {"lr": 0.001, "betas": [0.9, 0.999]}, "seed": 7}
    code = (CodeFile(path="slipway/training/task.py", sha256="c" * 64),)
    parts = Parts(model="vehicle-reid", snapshot=digest, view={}, code=code, config=config, lock=("torch==2.13.0",))
    store = open_store(schema.Store(url=str(folder / "store")), schema.S3())
    return Work(folder, schema.MLflow(tracking_uri=uri), store, parts)


@pytest.fixture
def works(tmp_path: Path) -> Iterator[Callable[[str], Work]]:
    """Makes works; their shippers end with the test."""
    made: list[Work] = []

    def make(uri: str) -> Work:
        folder = tmp_path / str(len(made))
        made.append(make_work(folder, uri))
        return made[-1]

    yield make
    for work in made:
        for shipper in work.shippers:
            shipper.abandon()
            if shipper._thread.ident is not None:
                shipper._thread.join()
        for tracker in work.trackers:
            tracker.close()


@pytest.fixture
def served(works: Callable[[str], Work], server: Server) -> Work:
    """Work that a server hears of."""
    return works(server.address)


@pytest.fixture
def filed(works: Callable[[str], Work], empty_database: Path, tmp_path: Path) -> Work:
    """Work that a database file hears of."""
    shutil.copyfile(empty_database, tmp_path / "mlflow.db")
    return works(f"sqlite:///{tmp_path}/mlflow.db")


@pytest.fixture(params=["served", "filed"])
def work(request: pytest.FixtureRequest) -> Work:
    """Work that each kind hears of."""
    found: Work = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Wait for something to become true."""

    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, "it never came true"
            time.sleep(0.01)

    return wait


@pytest.fixture
def script() -> Callable[..., "subprocess.Popen[str]"]:
    """Start a script of this folder in a process of its own."""

    def start(name: str, *arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, str(HERE / name), *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start
