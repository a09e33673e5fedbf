"""`slipway model guard` as a person or a service runs it, beside a real MLflow."""

import io
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import httpx
import pytest

from slipway.platform.cli.main import main
from slipway.platform.identity import PersonSigner
from slipway.platform.ledger.entry import Action
from slipway.platform.registry.guard import Guard
from slipway.platform.registry.guard_watch import Watch
from slipway.platform.runs.tracking.tracker import TrackingUnreachable

pytestmark = [pytest.mark.xdist_group("mlflow"), pytest.mark.timeout(180)]

SLIPWAY = str(Path(sys.executable).with_name("slipway"))


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 90
        while not condition():
            assert time.monotonic() < deadline, "it never came true"
            time.sleep(0.02)

    return wait


@pytest.fixture
def guarding(project: Any) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start the guard; it ends with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environ: str) -> "subprocess.Popen[str]":
        command = [SLIPWAY, "model", "guard", *arguments]
        started.append(
            subprocess.Popen(
                command, cwd=project.folder, env={**project.environ, **environ}, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
        )  # fmt: skip
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def run(project: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """The command that ends by itself, in this process."""
    monkeypatch.chdir(project.folder)

    def ended(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        for name, value in {**project.environ, **environ}.items():
            monkeypatch.setenv(name, value)
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(["model", "guard", *arguments])
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())

    return ended


def contested(project: Any) -> None:
    """A champion, and a challenger without approvals."""
    project.champion("a"), project.register("b")
    project.settle()


def test_a_webhook_wakes_it(project: Any, guarding: Any, until: Any, server: Any) -> None:
    contested(project)
    guard = guarding("--listen", "127.0.0.1:0", "--every", "3600")
    assert "webhooks come in on 127.0.0.1:" in guard.stderr.readline()
    until(lambda: hooks(server.address))  # by then everything was looked at, or will be after this
    project.set_by_hand("2")
    until(lambda: project.aliases()["champion"] == "1")
    project.delete_by_hand()
    until(lambda: project.aliases().get("champion") == "1")
    until(lambda: len(project.entries(Action.RESTORE)) == 2)
    guard.send_signal(signal.SIGTERM)
    out, _ = guard.communicate()
    assert guard.returncode == 0
    assert [line.split(":")[0] for line in out.splitlines()] == [project.model] * 2
    for hook in hooks(server.address):
        httpx.delete(f"{server.address}/api/2.0/mlflow/webhooks/{hook['webhook_id']}").raise_for_status()


def hooks(address: str) -> list[Any]:
    found: list[Any] = httpx.get(f"{address}/api/2.0/mlflow/webhooks").json().get("webhooks", [])
    return found


def test_without_webhooks_it_looks_every_so_often(project: Any, guarding: Any) -> None:
    contested(project)
    del project.environ["SLIPWAY_MLFLOW__WEBHOOK_SECRET"]
    guard = guarding("--every", "0.2", "--json")
    assert "no webhooks" in guard.stderr.readline()
    for fights in (1, 2):
        project.set_by_hand("2")
        assert json.loads(guard.stdout.readline())["deeds"][0]["found"] == "2"
        assert project.aliases()["champion"] == "1"
        assert len(project.entries(Action.RESTORE)) == fights
    guard.send_signal(signal.SIGINT)
    _, err = guard.communicate()
    assert guard.returncode == 130
    assert "Traceback" not in err


def test_once_and_dry_run_say_what_they_do(project: Any, run: Any) -> None:
    contested(project)
    project.set_by_hand("2")
    would = run("--dry-run", "--json")
    (told,) = json.loads(would.stdout)
    assert (told["model"], told["settled"], told["deeds"][0]["kind"]) == (project.model, False, "restore")
    assert project.aliases()["champion"] == "2"
    done = run("--once")
    assert done.returncode == 0, done.stderr
    assert f"{project.model}: `champion` was set to version 2 by hand and goes back to version 1" in done.stdout
    assert "nothing was to be done" in run("--once").stdout


@pytest.mark.parametrize(
    ("arguments", "environ", "told"),
    [
        (("--once", "--listen", "127.0.0.1:0"), {}, "nobody listens"),
        (("--listen", "8093"), {}, "is no HOST:PORT"),
        (("--listen", "127.0.0.1:99999"), {}, "is no HOST:PORT"),
        (("--listen", "127.0.0.1:0"), {"SLIPWAY_MLFLOW__WEBHOOK_SECRET": ""}, "there is no secret"),
        ((), {"SLIPWAY_IDENTITY__KEYS": "elsewhere"}, "whose holder is guard-service"),
        (("--once",), {"SLIPWAY_MLFLOW__TRACKING_URI": "http://127.0.0.1:9"}, "cannot be used"),
    ],
)
def test_wrong_use_is_told_before_anything_is_done(
    project: Any, run: Any, arguments: tuple[str, ...], environ: dict[str, str], told: str
) -> None:
    project.champion("a")
    if "SLIPWAY_MLFLOW__WEBHOOK_SECRET" in environ:
        del project.environ["SLIPWAY_MLFLOW__WEBHOOK_SECRET"]
        environ = {}
    ended = run(*arguments, **environ)
    assert ended.returncode in (1, 2)
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_that_is_taken_is_told(run: Any) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        ended = run("--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert ended.returncode == 2
    assert "Nobody can listen" in ended.stderr


def test_trouble_is_told_once_and_passes(project: Any, caplog: pytest.LogCaptureFixture) -> None:
    contested(project)
    project.set_by_hand("2")
    troubles = [TrackingUnreachable("MLflow is away.")] * 3
    guard = project.guard()
    connected: list[bool] = []

    def open_guard() -> Guard:
        if troubles:
            raise troubles.pop()
        return guard  # type: ignore[no-any-return]

    def connect() -> None:
        connected.append(not troubles)
        if troubles:
            raise TrackingUnreachable("MLflow takes no webhooks.")

    beats: list[int] = []
    watch = Watch(open_guard, 0.01, lambda _: watch.stop(), connect, beat=lambda: beats.append(len(troubles)))
    watch.run()
    assert beats == [2, 1, 0, 0]
    assert project.aliases()["champion"] == "1"
    assert connected == [False, False, False, True]
    for told in ("MLflow is away.", "MLflow takes no webhooks.", "The guard looks again."):
        assert sum(told in record.message for record in caplog.records) == 1


def test_nobody_signs_where_nothing_is_to_be_signed(project: Any) -> None:
    project.champion("a")

    def nobody() -> PersonSigner:
        raise AssertionError

    desk = project.desk
    guard = Guard(desk.store, desk.ledger, desk.registry, nobody, lambda *_: [])
    assert guard.once(project.model).deeds == ()
