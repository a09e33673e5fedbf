"""One job for each attempt, whoever submits it, however often."""

from collections.abc import Callable
from typing import Any

import pytest

from slipway.platform.jobs.launchers.contract import Launcher, LauncherRefused, Phase
from slipway.platform.runs.records import Cause, State

Eventually = Callable[[Callable[[], bool], str], None]


def test_a_job_runs_to_its_result_and_leaves_nothing(site: Any, launcher: Launcher, eventually: Eventually) -> None:
    work = site.work()
    assignment = site.assign(work)
    assert launcher.status(assignment).phase is Phase.ABSENT
    assert launcher.submit(assignment).phase in (Phase.PENDING, Phase.RUNNING)
    outcome = site.ended(assignment)
    assert outcome.state is State.DONE, outcome
    assert "begins at step 0" in work.log()
    assert site.mlflow_runs(work) == ["FINISHED"]
    (found,) = site.found(assignment)
    assert (found.key, found.number, found.phase) == (work.key, 1, Phase.ENDED)
    launcher.remove(found)
    eventually(lambda: not site.left(assignment), "nothing is left")
    assert site.found(assignment) == []
    launcher.cancel(assignment)
    assert launcher.status(assignment).phase is Phase.ABSENT


def test_two_processes_that_submit_the_same_at_once_share_one_job(site: Any, eventually: Eventually) -> None:
    work = site.work(steps=4, every=2, hold=[1])
    assignment = site.assign(work)
    both = [site.start("submitting.py", work.key) for _ in range(2)]
    assert [one.stdout.readline() for one in both] == ["ready\n"] * 2
    for one in both:
        one.stdin.write("now\n")
        one.stdin.flush()
    answers = [one.communicate() for one in both]
    assert {told for told, _ in answers} <= {"pending", "running"}, answers
    eventually(work.has_checkpoint, "it works")
    site.open().submit(assignment)
    assert len(site.found(assignment)) == 1
    site.cancel(assignment)
    assert site.ended(assignment).state is State.CANCELLED
    assert work.log().count("begins at step 0") == 1


def test_its_log_is_followed_until_it_is_cancelled(site: Any, launcher: Launcher, eventually: Eventually) -> None:
    work = site.work(steps=4, every=2, hold=[1], talk=True)
    assignment = site.assign(work)
    launcher.submit(assignment)
    eventually(lambda: "line 1" in work.log(), "its log arrives")
    seen = len(work.log())
    eventually(lambda: len(work.log()) > seen, "its log grows")
    assert launcher.status(assignment).phase is Phase.RUNNING
    (found,) = site.found(assignment)
    assert found.phase is Phase.RUNNING
    with pytest.raises(LauncherRefused, match=r"still runs|has not ended"):
        launcher.remove(found)
    site.cancel(assignment)
    launcher.cancel(assignment)  # once more, which changes nothing
    outcome = site.ended(assignment)
    assert (outcome.state, outcome.cause) == (State.CANCELLED, Cause.CANCELLED), outcome
    assert "grace" in outcome.reason
    assert work.has_checkpoint()


def test_a_secret_reaches_the_training_and_is_nowhere_else(site: Any, launcher: Launcher) -> None:
    work = site.work(secrets=("GREETING",), show=["GREETING"])
    assignment = site.assign(work)
    launcher.submit(assignment)
    outcome = site.ended(assignment)
    assert outcome.state is State.DONE, (outcome, launcher.logs(assignment))
    value = b"open-sesame-7f3a"
    store = site.project.store
    kept = {key: store.get(key) for key in store.list("")}
    assert [key for key, data in kept.items() if value in data] == []
    import hashlib

    assert any(hashlib.sha256(value).hexdigest().encode() in data for data in kept.values())
    state = site.project.loaded.root / ".slipway"
    assert [path for path in state.rglob("*") if path.is_file() and value in path.read_bytes()] == []
    assert value not in launcher.logs(assignment)
