"""Places to keep a ledger in: a directory, and a bucket on a real S3 server."""

import json
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from overseen.s3 import s3_server

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    with s3_server() as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(params=["directory", pytest.param("s3", marks=pytest.mark.xdist_group("s3"))])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """Settings of an empty place, as scripts take them."""
    if request.param == "directory":
        return {"store": {"url": str(tmp_path / "store")}, "s3": {}}
    s3 = {
        "endpoint": request.getfixturevalue("s3_endpoint"),
        "region": "us-east-1",
        "access_key_id": "a",
        "secret_access_key": "b",
    }
    return {"store": {"url": f"s3://slipway/{uuid.uuid4().hex}"}, "s3": s3}


@pytest.fixture
def script() -> Callable[[str, dict[str, Any]], Any]:
    """Run a script of this folder in a process of its own, with a JSON argument and a JSON result."""

    def run(name: str, task: dict[str, Any]) -> Any:
        command = [sys.executable, str(HERE / name), json.dumps(task)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
