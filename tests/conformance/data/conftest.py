"""Remotes of each kind, a job's settings without any git repository, and processes that fetch."""

import dataclasses
import functools
import hashlib
import json
import os
import selectors
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import boto3
import dvc_s3  # type: ignore[import-untyped]
import pytest
from pydantic import SecretStr

from slipway.platform.data.commit import commit
from slipway.platform.data.manifest import Provenance
from slipway.platform.data.project import Project
from slipway.platform.data.push import push
from slipway.platform.data.rows import Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.watching import SILENT
from slipway.platform.data.writer import SnapshotWriter
from slipway.platform.settings import Settings, schema

HERE = Path(__file__).parent
SERVER = HERE.parent / "store" / "s3_server.py"
BUCKET = "data"
START_SECONDS = 60
SHARD_LIMIT = 40_000
Child = subprocess.Popen[str]


@dataclasses.dataclass(frozen=True)
class Place:
    """Where snapshots come from, and a cache to fetch them into."""

    folder: Path
    settings: Settings

    def job(self, cache: str = "cache") -> Settings:
        """The settings of a job: the same store and remote, a cache of its own."""
        data = self.settings.data.model_copy(update={"cache": self.folder / cache})
        return self.settings.model_copy(update={"data": data})

    def publish(self, numbers: Iterable[int], *, size: int = 6000) -> str:
        """Commit and push a snapshot; return its digest."""
        project = Project(self.folder / "people", self.settings)
        project.root.mkdir(exist_ok=True)
        base = Snapshot(project.data) if project.data.exists() else None
        with SnapshotWriter(project.data, base=base, shard_limit=max(SHARD_LIMIT, 2 * size)) as writer:
            for number in numbers:
                data = b"\xff\xd8\xff" + hashlib.shake_256(str(number).encode()).digest(size)
                camera = f"cam-{number // 10}"
                writer.add(data, Image(width=8, height=8, split="train", source=f"{number}.jpg", camera=camera))
            manifest = writer.finish([Provenance(kind="import", source="test")], "CC0-1.0")
        done = commit(project, SILENT)
        push(project, done.record, SILENT)
        return manifest.digest

    def arguments(self, digest: str, cache: str = "cache", **more: Any) -> str:
        job = self.job(cache)
        secret = job.s3.secret_access_key
        plain = {"secret_access_key": secret.get_secret_value() if secret else None}
        settings = {
            "store": job.store.model_dump(),
            "data": job.data.model_dump(mode="json"),
            "s3": job.s3.model_dump() | plain,
        }
        return json.dumps({"digest": digest, "settings": settings} | more)


@pytest.fixture(params=["directory", pytest.param("s3", marks=pytest.mark.xdist_group("data-s3"))])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty remote of each kind."""
    if request.param == "directory":
        return directory(tmp_path)
    endpoint = request.getfixturevalue("s3_endpoint")
    name = uuid.uuid4().hex
    s3 = schema.S3(
        endpoint=endpoint, region="us-east-1", access_key_id="tester", secret_access_key=SecretStr("not-a-secret")
    )
    data = schema.Data(remote=f"s3://{BUCKET}/{name}/remote", cache=tmp_path / "people-cache")
    return Place(tmp_path, Settings(store=schema.Store(url=f"s3://{BUCKET}/{name}/store"), data=data, s3=s3))


@pytest.fixture
def directory_place(tmp_path: Path) -> Place:
    return directory(tmp_path)


def directory(folder: Path) -> Place:
    data = schema.Data(remote=str(folder / "remote"), cache=folder / "people-cache")
    return Place(folder, Settings(store=schema.Store(url=str(folder / "store")), data=data))


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server process; it ends when this one closes its standard input, or dies."""
    nobodys = tmp_path_factory.mktemp("aws") / "config"
    nobodys.write_text("")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.setenv(name, str(nobodys))
        session = boto3.session.Session()  # each reads the service's description anew, which takes a second: share
        patch.setattr("boto3.session.Session", lambda: session)
        patch.setattr("dvc_s3.S3FileSystem", functools.cache(dvc_s3.S3FileSystem))
        with subprocess.Popen(
            [sys.executable, str(SERVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as server:
            try:
                endpoint = f"http://127.0.0.1:{first_line(server)}"
                client = boto3.client(
                    "s3",
                    endpoint_url=endpoint,
                    region_name="us-east-1",
                    aws_access_key_id="a",
                    aws_secret_access_key="a",
                )
                client.create_bucket(Bucket=BUCKET)
                client.close()
                yield endpoint
            finally:
                server.terminate()


def first_line(server: Child) -> int:
    assert server.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(server.stdout, selectors.EVENT_READ)
        assert selector.select(START_SECONDS), "the S3 server does not start"
    return int(server.stdout.readline())


@pytest.fixture
def fetcher(tmp_path: Path) -> Iterator[Callable[[str], Child]]:
    """Start a process that fetches, in a folder that is no git repository."""
    started: list[Child] = []

    def start(arguments: str) -> Child:
        child = subprocess.Popen(
            [sys.executable, str(HERE / "fetcher.py"), arguments],
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate()
