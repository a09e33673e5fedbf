"""A sweep whose trials are jobs of the local launcher: adopted after a kill, cancelled, taken up again, budgeted."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import overseen.office
from fake_work.mlflow import fake_mlflow
from fake_work.project import FakeWork, make_project
from overseen.office import SETTINGS, Office, eventually
from slipway.platform.jobs.wishes import wish, wishes
from slipway.platform.runs.records import Cause, State
from slipway.platform.runs.standing import Standing

pytestmark = [pytest.mark.xdist_group("sweep-jobs"), pytest.mark.timeout(240)]

SWEEPER = Path(__file__).with_name("job_sweeper.py")
PARTNERS = Path(overseen.office.__file__).parents[1]
PATIENCE = 40.0
PRICED = """
[contexts.local.targets.priced]
price_per_hour = 3600
[contexts.local.mlflow]
tracking_uri = "{mlflow}"
"""
HOLD = {"all": {"hold": [1]}}


@dataclass(frozen=True)
class Running:
    """A sweep in a process of its own."""

    process: "subprocess.Popen[str]"

    def ended(self) -> tuple[int, dict[str, Any], str]:
        """Its exit code, what it says of itself, and its remarks."""
        try:
            told, remarks = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            pytest.fail(f"it does not end: {self.process.communicate()[1]}")
        return self.process.returncode, json.loads(told or "{}"), remarks


Start = Callable[..., Running]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with fake_mlflow() as mlflow:
        settings = SETTINGS.format(jobs="") + PRICED.format(mlflow=mlflow.address)
        office = Office(make_project(tmp_path / "project", {"HOME": str(tmp_path)}, settings))
        try:
            yield office
        finally:
            office.end_all()


@pytest.fixture
def start(office: Office) -> Iterator[Start]:
    """Starts the sweep of that office, or goes on with it."""
    begun: list[Running] = []

    def started(**said: Any) -> Running:
        words = [sys.executable, str(SWEEPER), str(office.root), office.project.snapshot, json.dumps(said)]
        environ = {**os.environ, "PYTHONPATH": str(PARTNERS)}
        process = subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        begun.append(Running(process))
        return begun[-1]

    yield started
    for one in begun:
        one.process.kill()
        one.process.communicate()


def attempts(office: Office) -> list[str]:
    """Every attempt at any work."""
    return sorted(str(one) for one in office.root.glob(".slipway/store/work/*/attempts/*/spec.json"))


def tried(office: Office, **arguments: Any) -> list[FakeWork]:
    """The work of every trial that was recorded, by its number."""
    folder = office.root / ".slipway/store/sweeps"
    paths = sorted(folder.glob("*/trials/*.json"), key=lambda path: int(path.stem))
    salts = [json.loads(path.read_text())["values"]["salt"] for path in paths]
    return [office.project.work(f"trial-{salt}", **arguments) for salt in salts]


def holding(office: Office, count: int) -> list[FakeWork]:
    """The trials, once so many stand still behind a checkpoint."""
    eventually(lambda: sum(work.has_checkpoint() for work in tried(office)) == count)
    return tried(office)


def state_of(office: Office, work: FakeWork) -> Standing:
    return office.standing(work)


def test_a_killed_sweep_adopts_its_running_trials_and_takes_up_those_that_were_lost(
    office: Office, start: Start
) -> None:
    killed = start(trials=3, parallel=2, arguments=HOLD)
    kept, lost = holding(office, 2)
    killed.process.kill()
    killed.ended()
    assert [state_of(office, one).state for one in (kept, lost)] == [State.RUNNING] * 2
    for one in (*office.runner(lost).children(), office.runner(lost)):
        one.kill()
    again = start(trials=3, parallel=2)
    eventually(lambda: office.attempts(lost) == 2)
    assert office.attempts(kept) == 1
    office.runner(kept).terminate()  # an eviction
    code, told, remarks = again.ended()
    assert code == 0, remarks
    assert [one["state"] for one in told["trials"]] == ["done"] * 3
    assert len({one["run"] for one in told["trials"]}) == 3
    assert len(tried(office)) == 3
    assert office.attempts(tried(office)[2]) == 1
    before = attempts(office)
    assert start(trials=3, parallel=2).ended()[1]["trials"] == told["trials"]
    assert attempts(office) == before


def test_ctrl_c_cancels_the_jobs_leaves_those_that_others_want_and_the_same_goes_on_later(
    office: Office, start: Start
) -> None:
    sweep = start(trials=2, parallel=2, arguments=HOLD)
    mine, wanted = holding(office, 2)
    spec = state_of(office, wanted).spec
    assert spec is not None
    wish(office.project.store, wanted.key, "bob", spec.created)
    sweep.process.send_signal(signal.SIGINT)
    code, told, remarks = sweep.ended()
    assert (code, told["trials"]) == (130, [None, None])
    assert "the trials' jobs are cancelled" in remarks
    assert "Cancelled by ada: its sweep was stopped, at step 2; it goes on from its last checkpoint" in remarks
    assert "goes on without the sweep: bob wanted it as well" in remarks
    assert state_of(office, mine).state is State.CANCELLED
    assert state_of(office, wanted).state is State.RUNNING
    office.runner(wanted).kill()
    code, told, remarks = start(trials=2, parallel=2).ended()
    assert [one["state"] for one in told["trials"]] == ["done"] * 2, remarks
    assert "begins at step 2" in mine.log(2)


def test_twice_ctrl_c_waits_for_no_job_and_a_sweep_started_at_once_goes_on(office: Office, start: Start) -> None:
    sweep = start(trials=1, parallel=1, arguments={"all": {"hold": [1], "deaf": True}})
    (work,) = holding(office, 1)
    sweep.process.send_signal(signal.SIGINT)
    eventually(lambda: any(office.root.glob(".slipway/store/work/*/attempts/1/cancel.json")))
    sweep.process.send_signal(signal.SIGINT)
    code, _, remarks = sweep.ended()
    assert code == 130
    assert "nobody waits for that" in remarks
    assert state_of(office, work).state is State.RUNNING
    code, told, remarks = start(trials=1, parallel=1).ended()
    assert (code, [one["state"] for one in told["trials"]]) == (0, ["done"]), remarks
    assert office.attempts(work) == 2


def test_work_that_others_submitted_is_attached_to_and_costs_the_sweep_nothing(office: Office, start: Start) -> None:
    sweep = start(trials=1, parallel=1, target="priced", budget="100", arguments=HOLD)
    (work,) = holding(office, 1)
    sweep.process.send_signal(signal.SIGINT)
    cost = float(sweep.ended()[1]["cost"])
    assert cost > 0
    submitted = office.submit(office.project.work(work.name, hold=[2]), "bob", target="local")
    eventually(lambda: work.has_checkpoint(2))
    attached = start(trials=1, parallel=1, target="priced", budget="100")
    eventually(lambda: any(one.person == "ada" for one in wishes(office.project.store, work.key)))
    office.runner(work).terminate()
    code, told, remarks = attached.ended()
    assert code == 0, remarks
    assert "running by bob" in remarks
    assert "The sweep waits for it." in remarks
    assert float(told["cost"]) == pytest.approx(cost)
    assert told["trials"][0]["run"] == submitted.key


def test_no_trial_starts_beyond_the_budget_and_a_greater_one_goes_on(office: Office, start: Start) -> None:
    code, told, remarks = start(trials=3, parallel=1, target="priced", budget="0.9", arguments=HOLD).ended()
    assert code == 0, remarks
    assert told["trials"][0] is None
    assert "it used up what it may cost" in remarks
    assert "of the budget of USD 0.90 are spent or promised" in told["short"]
    (work, *_) = tried(office)
    outcome = work.outcome()
    assert outcome is not None
    assert outcome.cause is Cause.BUDGET
    assert len(attempts(office)) == 1
    code, told, remarks = start(trials=3, parallel=1, target="priced", budget="1000").ended()
    assert [one["state"] for one in told["trials"]] == ["done"] * 3, remarks
    assert office.attempts(work) == 2
    assert float(told["cost"]) == pytest.approx(sum(float(one["cost"]) for one in told["trials"]))
    assert {one["where"] for one in told["trials"]} == {"priced"}
    assert {one["currency"] for one in told["trials"]} == {"USD"}
    before = attempts(office)
    code, told, remarks = start(trials=5, parallel=2, target="priced", budget=told["cost"]).ended()
    assert attempts(office) == before
    assert "a trial is expected to cost up to" in told["short"]


def test_a_trial_that_failed_while_nobody_looked_stays_failed_unless_it_is_to_be_tried_again(
    office: Office, start: Start
) -> None:
    killed = start(trials=1, parallel=1, arguments={"all": {"hold": [1], "end_with": 3}})
    (work,) = holding(office, 1)
    killed.process.kill()
    killed.ended()
    for child in office.runner(work).children():
        child.kill()
    eventually(lambda: state_of(office, work).state is State.FAILED)
    code, told, remarks = start(trials=1, parallel=1).ended()
    assert told["trials"][0]["state"] == "failed", remarks
    assert "SIGKILL" in told["trials"][0]["reason"]
    assert office.attempts(work) == 1
    code, told, remarks = start(trials=1, parallel=1, retry=True).ended()
    assert (code, told["trials"][0]["state"]) == (0, "done"), remarks
    assert office.attempts(work) == 2
