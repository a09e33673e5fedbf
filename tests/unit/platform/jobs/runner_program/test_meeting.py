"""Where nodes meet, and what the end of one means for the others."""

import importlib.util
import socket
from datetime import UTC, datetime
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from slipway.platform.jobs.runner.child import BOOT
from slipway.platform.jobs.runner.meeting import PORTS, free_port
from slipway.platform.jobs.runner.nodes import SETTLE, NodeLost, Other, Own, is_echo, verdict
from slipway.platform.jobs.runner.stopping import Halt
from slipway.platform.runs.records import Cause, Outcome, State
from slipway.platform.runs.workplace import RESUME, Failure

Yard = Any
ECHO = "RuntimeError: [gloo/transport/tcp/pair.cc:534] Connection closed by peer [10.0.0.7]:4711"


@pytest.fixture
def boot() -> ModuleType:
    """The first lines of a child, which nothing but a test imports."""
    spec = importlib.util.spec_from_file_location("boot", BOOT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def outcome(state: State, reason: str = "it ended", cause: Cause | None = Cause.EXIT_CODE) -> Outcome:
    return Outcome(state=state, reason=reason, cause=cause, ended=datetime(2026, 1, 1, tzinfo=UTC), seconds=1.0)


def judged(*others: Other, for_seconds: float = 0.0) -> Halt | NodeLost | None:
    return verdict(others, {one.node: 0.0 for one in others}, for_seconds)


def test_a_port_that_somebody_listens_at_is_passed_over() -> None:
    first = free_port("seed")
    assert first in PORTS
    with socket.socket() as taken:
        taken.bind(("", first))
        taken.listen()
        assert free_port("seed") != first
    assert free_port("another seed") != first


def test_a_name_that_becomes_known_later_is_waited_for(boot: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Any] = [socket.gaierror("not yet"), socket.gaierror("not yet")]
    real = socket.getaddrinfo

    def asked(*arguments: Any, **more: Any) -> Any:
        if answers:
            raise answers.pop()
        return real("127.0.0.1", *arguments[1:], **more)

    monkeypatch.setattr(boot.socket, "getaddrinfo", asked)
    monkeypatch.setattr(boot, "PAUSE", 0.0)
    assert boot.resolved("first.of.job", 60.0) == ["127.0.0.1"]


def test_a_name_that_stays_unknown_is_the_attempts_failure_in_words(yard: Yard) -> None:
    yard.assign(nodes=2, processes=2)
    variables = {"SLIPWAY_RENDEZVOUS": "nobody.invalid:29500", "SLIPWAY_JOBS__PENDING_SECONDS": "1"}
    nodes = [yard.start(node, **variables) for node in (0, 1)]
    printed = [node.communicate()[0] for node in nodes]
    assert [node.returncode for node in nodes] == [1, 1], printed
    assert "`nobody.invalid`, where the nodes meet, is not known by that name" in yard.standing().reason


def test_the_interface_is_the_loopback_only_where_all_nodes_are_there(
    boot: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = SimpleNamespace(nodes=2, node=1, patience=5.0)
    monkeypatch.setattr(boot.os, "environ", {})
    given.address = "10.0.0.7:29500"
    assert "--master-addr=10.0.0.7" in boot.meeting(given)
    assert boot.os.environ == {}
    given.address = "127.0.0.1:29500"
    assert "--local-addr=127.0.0.1" in boot.meeting(given)
    assert boot.os.environ == {"GLOO_SOCKET_IFNAME": "lo"}


def test_another_nodes_failure_ends_all_at_once_and_an_echo_only_after_a_while() -> None:
    found = judged(Other(1, outcome(State.FAILED, "ValueError: no such row")))
    assert isinstance(found, Halt)
    assert (found.state, found.reason) == (State.FAILED, "Node 1: ValueError: no such row")
    assert judged(Other(1, outcome(State.FAILED, ECHO))) is None
    assert isinstance(judged(Other(1, outcome(State.FAILED, ECHO)), for_seconds=SETTLE), Halt)


def test_the_failure_that_came_first_counts_among_echoes_of_it() -> None:
    echo, real = Other(1, outcome(State.FAILED, ECHO)), Other(2, outcome(State.FAILED, "ValueError: no such row"))
    found = judged(echo, real, for_seconds=SETTLE)
    assert isinstance(found, Halt)
    assert "no such row" in found.reason


def test_a_node_that_vanished_leaves_the_attempt_to_the_launcher_unless_another_says_why() -> None:
    assert isinstance(judged(Other(1, gone="Node 1: its process is gone.")), NodeLost)
    assert isinstance(judged(Other(1, outcome(State.LOST))), NodeLost)
    real = Other(2, outcome(State.FAILED, "ValueError: no such row"))
    assert isinstance(judged(Other(1, gone="gone"), real), Halt)


def test_a_further_node_that_is_done_ends_nobody_but_the_first_nodes_end_ends_all() -> None:
    assert judged(Other(1, outcome(State.DONE, cause=None)), for_seconds=SETTLE) is None
    assert isinstance(judged(Other(0, outcome(State.DONE, cause=None)), for_seconds=SETTLE), Halt)


@pytest.mark.parametrize(
    ("own", "speaks"),
    [
        (Own(0), True),
        (Own(1, Failure(error="ValueError: no such row", traceback="")), True),
        (Own(1, Failure(error=ECHO, traceback="")), False),
        (Own(137), True),
        (Own(RESUME), False),
        (Own(RESUME, asked=True), False),
    ],
)
def test_a_node_knows_its_own_end_unless_it_may_be_another_ones(own: Own, speaks: bool) -> None:
    assert own.speaks is speaks


@pytest.mark.parametrize(
    "error",
    ["DistNetworkError: The client socket has timed out after 3000ms", "DistBackendError: NCCL error", ECHO],
)
def test_what_says_no_more_than_that_others_are_gone_is_an_echo(error: str) -> None:
    assert is_echo(error)
    assert not is_echo("KeyError: 'site'")
