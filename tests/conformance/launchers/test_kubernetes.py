"""What only a cluster can say: nothing can begin there, and waiting will hardly mend it."""

from collections.abc import Callable
from typing import Any

import pytest

from slipway.platform.jobs.launchers.contract import Launcher, Phase
from slipway.platform.runs.records import Cause, State

Eventually = Callable[[Callable[[], bool], str], None]

LAUNCHERS = ["kubernetes"]


@pytest.mark.parametrize(
    ("target", "cause"), [("nowhere", Cause.UNSCHEDULABLE), ("unknown-image", Cause.IMAGE_MISSING)]
)
def test_a_job_that_cannot_begin_is_given_up_with_the_reason(
    site: Any, launcher: Launcher, eventually: Eventually, target: str, cause: Cause
) -> None:
    work = site.work(target=target)
    assignment = site.assign(work)
    launcher.submit(assignment)
    eventually(lambda: launcher.status(assignment).hopeless, "it is hopeless")
    status = launcher.status(assignment)
    assert (status.phase, status.cause) == (Phase.PENDING, cause), status
    assert status.words
    end = site.overseer().see_through(work.key)
    assert end.outcome is not None, end.told()
    assert (end.outcome.state, end.outcome.cause) == (State.FAILED, cause), end.outcome
    eventually(lambda: launcher.status(assignment).phase is not Phase.PENDING, "it is withdrawn")
