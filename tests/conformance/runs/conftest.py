"""Work to claim, machines to claim it from, and a store in a directory and in a bucket on a real S3 server."""

import json
import os
import selectors
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from pydantic import SecretStr

from slipway.platform.runs.attempts import Claimant
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.presence import boot_id
from slipway.platform.runs.records import Place
from slipway.platform.runs.standing import Here
from slipway.platform.settings import schema
from slipway.platform.store import Store, open_store
from slipway.platform.store.directory import DirectoryStore

HERE = Path(__file__).parent
SERVER = HERE.parent / "store" / "s3_server.py"
BUCKET = "slipway"
HOST = "here"
START_SECONDS = 60


class LaterStore(DirectoryStore):
    """A store whose clock can be put forward."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.later = timedelta(0)
        self._written: dict[str, timedelta] = {}

    def put(self, key: str, data: bytes) -> None:
        super().put(key, data)
        self._written[key] = self.later

    def put_if_absent(self, key: str, data: bytes) -> bytes:
        held = super().put_if_absent(key, data)
        if held == data:
            self._written.setdefault(key, self.later)
        return held

    def age(self, key: str) -> timedelta:
        return super().age(key) + self.later - self._written.get(key, timedelta(0))


@pytest.fixture
def parts() -> Parts:
    return Parts(model="bird", snapshot="5" * 64, view={}, code=(), config={"seed": 1}, lock=())


@pytest.fixture
def store(tmp_path: Path) -> LaterStore:
    return LaterStore(tmp_path / "store")


@pytest.fixture
def here(tmp_path: Path) -> Here:
    """This machine."""
    return Here(HOST, boot_id(), tmp_path / "state")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Here:
    """Another machine."""
    return Here("elsewhere", "another-boot", tmp_path / "state-elsewhere")


@pytest.fixture
def claimant() -> Callable[[Here], Claimant]:
    def make(machine: Here) -> Claimant:
        place = Place(host=machine.host, boot=machine.boot, pid=os.getpid(), workplace="nowhere")
        return Claimant(
            submitted_by="ada", name="quiet-heron-1", place=place, created=datetime(2026, 11, 20, tzinfo=UTC)
        )

    return make


@pytest.fixture(params=["directory", pytest.param("s3", marks=pytest.mark.xdist_group("s3-runs"))])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[schema.Store, schema.S3]:
    """An empty store of each kind, as settings that other processes open too."""
    if request.param == "directory":
        return schema.Store(url=str(tmp_path / "store")), schema.S3()
    endpoint = request.getfixturevalue("s3_endpoint")
    secret = SecretStr("not-a-secret")
    s3 = schema.S3(endpoint=endpoint, region="us-east-1", access_key_id="tester", secret_access_key=secret)
    return schema.Store(url=f"s3://{BUCKET}/{uuid.uuid4().hex}"), s3


@pytest.fixture
def any_store(settings: tuple[schema.Store, schema.S3]) -> Store:
    return open_store(*settings)


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """A real server process; it ends when this one closes its standard input, or dies."""
    command = [sys.executable, str(SERVER)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            assert server.stdout is not None
            with selectors.DefaultSelector() as selector:
                selector.register(server.stdout, selectors.EVENT_READ)
                assert selector.select(START_SECONDS), "the S3 server does not start"
            endpoint = f"http://127.0.0.1:{int(server.stdout.readline())}"
            client = boto3.client(
                "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
            )
            client.create_bucket(Bucket=BUCKET)
            client.close()
            yield endpoint
        finally:
            server.terminate()


@pytest.fixture
def start() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start a script of this folder with a JSON argument; whatever is left of it is killed at the end."""
    started: list[subprocess.Popen[str]] = []

    def run(name: str, task: dict[str, Any]) -> "subprocess.Popen[str]":
        command = [sys.executable, str(HERE / name), json.dumps(task)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()
