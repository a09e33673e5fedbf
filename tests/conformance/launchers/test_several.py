"""Several processes, and several nodes: each has a runner of its own, and the end of one is the end of all."""

from collections.abc import Callable
from typing import Any

import pytest

from fake_work.project import LIMITS
from slipway.platform.jobs.launchers.contract import Launcher, Phase
from slipway.platform.runs.records import Cause, State

Eventually = Callable[[Callable[[], bool], str], None]


@pytest.mark.parametrize(
    ("nodes", "processes"), [pytest.param(1, 2, id="two-processes"), pytest.param(2, 2, id="two-nodes")]
)
def test_processes_that_train_together_bring_one_result(
    site: Any, launcher: Launcher, eventually: Eventually, nodes: int, processes: int
) -> None:
    work = site.work(nodes=nodes, processes=processes)
    assignment = site.assign(work)
    launcher.submit(assignment)
    outcome = site.ended(assignment)
    logs = [work.log(node=node) for node in range(nodes)]
    assert outcome.state is State.DONE, (outcome, logs, [launcher.logs(assignment, node) for node in range(nodes)])
    for rank in range(processes):
        assert f"rank {rank} of {processes} begins at step 0" in logs[rank * nodes // processes]
    assert len(launcher.status(assignment).nodes) == nodes
    (found,) = site.found(assignment)
    launcher.remove(found)
    eventually(lambda: not site.left(assignment), "nothing is left")


def test_a_lost_node_ends_the_attempt_and_the_next_one_goes_on(site: Any, eventually: Eventually) -> None:
    limits = LIMITS.model_copy(update={"silence_seconds": 10.0})
    work = site.work(limits=limits, nodes=2, processes=2, steps=4, every=2, hold=[1])
    assignment = site.assign(work)
    with site.seen_through(work) as ends:
        eventually(work.has_checkpoint, "it works")
        site.runner(assignment, 1).kill()
    (end,) = ends
    assert (end.state, end.number) == (State.DONE, 2), end.told()
    first = work.outcome(1)
    assert first is not None
    assert first.cause in (Cause.LOST, Cause.EVICTED), first
    assert site.open().status(assignment).phase in (Phase.ENDED, Phase.ABSENT)
    assert "begins at step 2" in work.log(2)
