"""What telling MLflow costs, against MLflow's own client, on a server process of this machine.

Two questions: how fast 100,000 points of a journal arrive (5,000 a second are 200 µs for each), and what a training's
own thread pays for a logged step (100 µs at most). The reference of the first is the client's batches of 1,000, made
ready before; of the second its asynchronous logging. Both servers' tables grow with each round, for both sides alike.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from harness import Pair
from slipway.platform.runs.journal import Journal
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.records import AttemptSpec, Place
from slipway.platform.runs.tracking.described import Described
from slipway.platform.runs.tracking.shipment import Shipment
from slipway.platform.runs.tracking.tracker import open_tracker
from slipway.platform.runs.workplace import Workplace
from slipway.platform.settings import schema
from slipway.platform.store import open_store

ROOT = Path(__file__).resolve().parents[2]
POINTS = 100_000
METRICS = 10
BATCH = 1000
STEPS = 200
"""Logged steps of one sample on the training's thread."""
START_SECONDS = 120


@contextmanager
def pairs() -> Iterator[list[Pair]]:
    """Points that arrive, and the training's thread."""
    state = ROOT / ".slipway" / "bench"
    state.mkdir(parents=True, exist_ok=True)
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    with tempfile.TemporaryDirectory(dir=state) as scratch, mlflow_server(Path(scratch)) as address:
        yield [arriving(address, Path(scratch)), logging_a_step(address, Path(scratch))]


def arriving(address: str, folder: Path) -> Pair:
    """Ours reads the journal, binds a run and sends; the reference only sends."""
    from mlflow import MlflowClient
    from mlflow.entities import Metric

    place = Workplace(folder / "workplace")
    place.folder.mkdir()
    journal = Journal(place.journal)
    for step in range(POINTS // METRICS):
        journal.metrics(step, {f"train/metric-{number}": step / 7 for number in range(METRICS)})
    store = open_store(schema.Store(url=str(folder / "store")), schema.S3())
    tracker = open_tracker(schema.MLflow(tracking_uri=address), folder)
    client = MlflowClient(address)
    experiment = client.create_experiment("reference")
    metrics = [
        Metric(f"train/metric-{number}", step / 7, 1_700_000_000_000 + step, step)
        for step in range(POINTS // METRICS)
        for number in range(METRICS)
    ]
    works = iter(range(1_000_000))

    def ours() -> None:
        shipment = Shipment(store, tracker, described(next(works)), place)
        shipment.begin()
        while shipment.advance():
            pass

    def reference() -> None:
        run_id = client.create_run(experiment).info.run_id
        for start in range(0, POINTS, BATCH):
            client.log_batch(run_id, metrics[start : start + BATCH])

    return Pair(
        name="a point of 100,000 on its way to MLflow, against its client's log_batch",
        ours=ours,
        reference=reference,
        unit="µs",
        goal=1.0,
        times=POINTS,
    )


def logging_a_step(address: str, folder: Path) -> Pair:
    """A step's loss, as the training's own thread pays for it."""
    from mlflow import MlflowClient

    journal = Journal(folder / "journal.jsonl")
    client = MlflowClient(address)
    run_id = client.create_run(client.create_experiment("asynchronous")).info.run_id
    steps = iter(range(100_000_000))

    def ours() -> None:
        for _ in range(STEPS):
            journal.metrics(next(steps), {"train/loss": 0.5})

    def reference() -> None:
        for _ in range(STEPS):
            client.log_metric(run_id, "train/loss", 0.5, step=next(steps), synchronous=False)

    return Pair(
        name="logging a step on the training's thread, against log_metric(synchronous=False)",
        ours=ours,
        reference=reference,
        unit="µs",
        goal=1.0,
        times=STEPS,
    )


def described(number: int) -> Described:
    """A new piece of work."""
    parts = Parts(model="ours", snapshot="a" * 64, view={}, code=(), config={"seed": number}, lock=())
    spec = AttemptSpec(
        nonce="bench",
        number=1,
        submitted_by="bench",
        created=datetime.now(UTC),
        place=Place(host="bench", boot="bench", pid=1, workplace=""),
        why="first",
        name=f"bench-{number}",
    )
    return Described(parts, spec)


@contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """A server with one worker on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = shutil.which("mlflow", path=str(Path(sys.executable).parent)) or "mlflow"
    command = [
        program, "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "artifacts"),
    ]  # fmt: skip
    environ = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    address = f"http://127.0.0.1:{port}"
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=environ, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_for(address)
        yield address
    finally:
        os.killpg(server.pid, 9)
        server.wait()


def wait_for(address: str) -> None:
    """Until it answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{address}/health").is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise RuntimeError(f"the MLflow server at {address} did not start")
