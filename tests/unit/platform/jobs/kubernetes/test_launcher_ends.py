"""How jobs end, told by an API server whose pods are processes that really end so."""

from collections.abc import Callable

import pytest

from launching.desk import MACHINES, SHORT, Desk
from slipway.platform.jobs.launchers.contract import (
    Assignment,
    Phase,
)
from slipway.platform.jobs.launchers.kubernetes.names import name_of
from slipway.platform.runs.records import Cause

Assign = Callable[..., Assignment]


def test_an_end_without_a_word_has_its_exit_code_and_last_words(desk: Desk, assign: Assign) -> None:
    desk.plan.write_text("import sys\nprint('no such snapshot', flush=True)\nsys.exit(3)\n")
    launcher = desk.launcher()
    launcher.submit(assign())

    told = desk.wait(launcher, assign(), Phase.ENDED)

    assert (told.cause, told.exit_code) == (Cause.EXIT_CODE, 3)
    assert "no such snapshot" in told.words
    assert b"no such snapshot" in launcher.logs(assign())


def test_a_good_end_has_no_cause(desk: Desk, assign: Assign) -> None:
    desk.plan.write_text("print('done')\n")
    launcher = desk.launcher()
    launcher.submit(assign())

    told = desk.wait(launcher, assign(), Phase.ENDED)

    assert (told.cause, told.exit_code) == (None, 0)


@pytest.mark.parametrize(
    ("happens", "cause", "words"),
    [
        (lambda desk: desk.cluster.kill_for_memory(desk.pod()), Cause.OUT_OF_MEMORY, "memory_gib"),
        (lambda desk: desk.cluster.evict(desk.pod()), Cause.EVICTED, "Evicted"),
        (lambda desk: desk.cluster.preempt(desk.pod()), Cause.EVICTED, "Evicted"),
        (lambda desk: desk.cluster.put_under_pressure(desk.pod()), Cause.EVICTED, "low on resource"),
        (lambda desk: [desk.cluster.shut_down(one) for one in MACHINES], Cause.EVICTED, "node shutdown"),
    ],
    ids=["out of memory", "evicted", "preempted", "pressure", "shutdown"],
)
def test_what_ends_a_pod_from_outside_is_told(
    desk: Desk, assign: Assign, happens: Callable[[Desk], object], cause: Cause, words: str
) -> None:
    launcher, assignment = desk.launcher(), assign(limits=SHORT)
    desk.runs(launcher, assignment)

    happens(desk)

    told = desk.wait(launcher, assignment, Phase.ENDED)
    assert told.cause is cause
    assert words in told.words


def test_the_end_of_one_node_ends_all_and_its_reason_wins(desk: Desk, assign: Assign) -> None:
    launcher, assignment = desk.launcher(), assign(nodes=2, limits=SHORT)
    desk.runs(launcher, assignment, nodes=2)

    desk.cluster.kill_for_memory(desk.pod(1))

    told = desk.wait(launcher, assignment, Phase.ENDED)
    assert (told.node, told.cause) == (1, Cause.OUT_OF_MEMORY)
    assert all(not desk.cluster.pids(one) for one in desk.cluster.things("pods"))


def test_a_silent_machine_is_told_and_its_job_given_up_by_the_cluster(desk: Desk, assign: Assign) -> None:
    launcher, assignment = desk.launcher(), assign()
    desk.runs(launcher, assignment)
    node = launcher.status(assignment).nodes[0].where

    desk.cluster.silence(node)
    desk.until(lambda: launcher.status(assignment).words, "words")
    desk.cluster.remove_node(node)

    told = desk.wait(launcher, assignment, Phase.ENDED)
    assert told.cause is Cause.EVICTED


def test_what_a_queue_takes_away_is_an_eviction(desk: Desk, assign: Assign) -> None:
    desk.cluster.queue("vision")
    launcher, assignment = desk.launcher(), assign("gpu-l4")
    launcher.submit(assignment)
    desk.cluster.admit(name_of(assignment))
    desk.until(lambda: b"begun" in launcher.logs(assignment), "begun")

    desk.cluster.take_quota_from(name_of(assignment))

    told = desk.wait(launcher, assignment, Phase.ENDED)
    assert told.cause is Cause.EVICTED
    assert "queue" in told.words
