"""A store that is gone for a while, and clocks that are wrong: nothing is lost, and nothing is decided wrongly."""

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from pydantic import SecretStr

from slipway.platform.jobs.runner import checkpoints
from slipway.platform.jobs.spec import Limits
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.records import Outcome, State
from slipway.platform.runs.standing import Here, standing
from slipway.platform.settings import schema
from slipway.platform.store import open_store

pytestmark = pytest.mark.timeout(240)

Desk = Any
Eventually = Callable[[Callable[[], bool]], None]
BUCKET = "away"
STEPS = """
import json, threading, time
def chat():
    while True:
        print('tick', time.monotonic(), flush=True)
        time.sleep(0.05)
threading.Thread(target=chat, daemon=True).start()
"""


class Server:
    """An S3 server on loopback that can be away; what it holds stays."""

    def __init__(self) -> None:
        self._running: ThreadedMotoServer | None = None
        self._port = 0
        self.start()
        self._port = self._server.get_host_and_port()[1]

    @property
    def _server(self) -> ThreadedMotoServer:
        assert self._running is not None
        return self._running

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        self._running = ThreadedMotoServer("127.0.0.1", self._port, verbose=False)
        self._running.start()

    def stop(self) -> None:
        if self._running is not None:
            self._running.stop()
            self._running = None


@pytest.fixture
def server(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The desk's store is a bucket there, for this process and for runners."""
    server = Server()
    secret = SecretStr("not-a-secret")
    s3 = schema.S3(endpoint=server.endpoint, region="us-east-1", access_key_id="me", secret_access_key=secret)
    client = boto3.client(
        "s3", endpoint_url=s3.endpoint, region_name=s3.region, aws_access_key_id="me", aws_secret_access_key="x"
    )
    client.create_bucket(Bucket=BUCKET)
    url = f"s3://{BUCKET}/{uuid.uuid4().hex}"
    monkeypatch.setenv("SLIPWAY_STORE__URL", url)
    monkeypatch.setenv("SLIPWAY_S3__ENDPOINT", server.endpoint)
    monkeypatch.setenv("SLIPWAY_S3__REGION", "us-east-1")
    monkeypatch.setenv("SLIPWAY_S3__ACCESS_KEY_ID", "me")
    monkeypatch.setenv("SLIPWAY_S3__SECRET_ACCESS_KEY", "not-a-secret")
    before, desk.store = desk.store, open_store(schema.Store(url=url), s3)
    for key in before.list():
        desk.store.put(key, before.get(key))
    yield server
    server.stop()


def steps_in_store(desk: Desk) -> list[int]:
    return [one.step for one in checkpoints.stored(desk.store, WorkKeys(desk.key))]


def ended(process: Any) -> Outcome:
    printed, errors = process.communicate()
    assert process.returncode == 0, errors
    return Outcome.model_validate(json.loads(printed)["outcome"])


def test_training_goes_on_while_the_store_is_gone_and_all_of_it_arrives_later(
    desk: Desk, server: Server, eventually: Eventually
) -> None:
    runner = desk.begin(wait_at=1, load=STEPS, steps=6, every=1, options=["--submitted"])
    desk.wait_until_it_stands_still(runner)
    eventually(lambda: "tick" in desk.log())
    before, stored = desk.heartbeat(), desk.log()
    server.stop()
    own = desk.folder / "work/1/log.txt"
    eventually(lambda: own.read_text().count("tick") > stored.count("tick") + 20)
    desk.release().touch()
    results = desk.folder / "work/1/results/summary.json"
    eventually(results.exists)
    assert runner.poll() is None
    server.start()
    outcome = ended(runner)
    assert outcome.state is State.DONE
    assert outcome == desk.outcome()
    assert desk.heartbeat().sequence >= before.sequence
    assert desk.log().count("tick") > stored.count("tick") + 20
    assert desk.log().startswith(stored)
    assert steps_in_store(desk) == [6]


def test_signs_log_and_checkpoints_catch_up_while_the_child_still_runs(
    desk: Desk, server: Server, eventually: Eventually
) -> None:
    runner = desk.begin(wait_at=5, load=STEPS, options=["--submitted"])
    child = desk.wait_until_it_stands_still(runner)
    eventually(lambda: 4 in steps_in_store(desk))
    before, stored = desk.heartbeat(), desk.log()
    server.stop()
    own = desk.folder / "work/1/log.txt"
    eventually(lambda: own.read_text().count("tick") > stored.count("tick") + 20)
    behind = own.read_text().count("tick")
    server.start()
    eventually(lambda: desk.heartbeat().sequence > before.sequence + 1)
    eventually(lambda: desk.log().count("tick") > behind)
    assert child.is_running()
    desk.release().touch()
    assert ended(runner).state is State.DONE


@pytest.mark.parametrize("minutes", [5, -5])
def test_a_runner_whose_clock_is_wrong_lives_stops_and_goes_on_like_any_other(
    desk: Desk, eventually: Eventually, minutes: int
) -> None:
    limits = Limits(deadline_seconds=200, stall_seconds=200, silence_seconds=60)
    options = ["--submitted", "--clock", str(60 * minutes)]
    runner = desk.begin(wait_at=5, options=options, job={"limits": limits})
    desk.wait_until_it_stands_still(runner)
    eventually(lambda: 4 in steps_in_store(desk))
    elsewhere = Here("another machine", "", desk.folder)
    deadline = timedelta(seconds=60)
    now = standing(desk.store, desk.key, elsewhere, deadline)
    assert now.state is State.RUNNING
    assert now.silent < deadline
    desk.release().touch()
    outcome = ended(runner)
    assert outcome.state is State.DONE
    assert outcome.seconds < 200
    off = (outcome.ended - datetime.now(UTC)).total_seconds() / 60
    assert round(off) == minutes, "the clock was not wrong"
