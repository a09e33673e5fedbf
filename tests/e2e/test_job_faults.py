"""Jobs on this machine whose submitter, runner or training is killed at any moment, or whose store goes away.

Each ends with one result, one MLflow run, the right state and reason, and no process, lock or job that is left.
"""

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import pytest

import overseen.office
from fake_work.project import FakeWork
from overseen.door import Door
from overseen.office import Heard, Office, empty_database, eventually, opened_office
from overseen.s3 import s3_server
from slipway.platform.runs.records import Cause, State

pytestmark = [pytest.mark.xdist_group("job-faults"), pytest.mark.timeout(240)]

PARTNERS = Path(overseen.office.__file__).parent
AT_S3 = """
[contexts.local.store]
url = "s3://slipway/jobs"
attempts = 2
timeout_seconds = 5.0
[contexts.local.s3]
endpoint = "http://127.0.0.1:{port}"
region = "us-east-1"
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_database(tmp_path_factory.mktemp("mlflow"))


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with opened_office(tmp_path, None) as office:
        yield office


@pytest.fixture
def tracked(tmp_path: Path, database: Path) -> Iterator[Office]:
    """An office whose runs MLflow itself is told of."""
    with opened_office(tmp_path, database) as office:
        yield office


def test_a_submitter_killed_between_any_two_effects_leaves_one_attempt_and_one_job(office: Office) -> None:
    killed = [one for one in killed_submitters(office) if one["killed"]]
    works = [office.project.work(f"killed-{one['number']}") for one in killed]
    for work in works:
        office.submit(work, "bob")
    for work in works:
        ended = office.see_through(work)
        assert (ended.state, office.attempts(work)) == (State.DONE, 1)
    unfinished = [office.project.work(f"killed-{len(killed)}")]
    assert office.see_through(unfinished[0]).state is State.DONE
    runs = office.runs()
    assert len(runs) == len(works) + 1
    assert {status for _, status in runs} == {"FINISHED"}
    check_nothing_is_left(office)


def killed_submitters(office: Office) -> list[dict[str, object]]:
    """One for each effect, and the first that survives."""
    words = [sys.executable, str(PARTNERS / "submitting_killed.py"), str(office.root), office.project.snapshot, "0"]
    environ = {**os.environ, "PYTHONPATH": str(PARTNERS.parent)}
    done = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_killed_runner_is_followed_by_another_that_goes_on_from_its_checkpoint(tracked: Office) -> None:
    office = tracked
    work = office.project.work("runner", hold=[1])
    begin_and_wait_for_a_checkpoint(office, work)
    office.runner(work).kill()
    heard = Heard()
    ended = office.see_through(work, heard)
    assert (ended.state, ended.number) == (State.DONE, 2)
    assert any("Going on in another" in note for note in heard.notes)
    lost = work.outcome(1)
    assert lost is not None
    assert (lost.state, lost.cause) == (State.LOST, Cause.LOST)
    assert "begins at step 2" in work.log(2)
    assert ended.spec is not None
    assert ended.spec.why.startswith("taken up after attempt 1, lost: ")
    assert ended.spec is not None
    assert office.runs() == [(ended.spec.name, "FINISHED")]
    check_nothing_is_left(office)


def test_a_killed_training_is_a_failure_with_its_reason(office: Office) -> None:
    work = office.project.work("training", hold=[1])
    begin_and_wait_for_a_checkpoint(office, work)
    for child in office.runner(work).children():
        child.kill()
    ended = office.see_through(work)
    assert (ended.state, ended.number) == (State.FAILED, 1)
    assert ended.outcome is not None
    assert "SIGKILL" in ended.outcome.reason
    assert ended.spec is not None
    assert office.runs() == [(ended.spec.name, "FAILED")]
    check_nothing_is_left(office)


def test_runner_and_training_killed_at_once_are_taken_up_until_no_retry_is_left(tmp_path: Path) -> None:
    with opened_office(tmp_path, None, "retries = 1") as office:
        work = office.project.work("both", hold=[1, 2])
        office.submit(work)
        for attempt in (1, 2):
            eventually(partial(work.has_checkpoint, attempt))
            runner = office.runner(work)
            for one in (*runner.children(recursive=True), runner):
                one.kill()
            if attempt == 1:
                eventually(lambda: bool(office.overseer().advance(work.key)) and office.attempts(work) == 2)
        ended = office.see_through(work)
        assert (ended.state, ended.number) == (State.LOST, 2)
        assert ended.spec is not None
        assert office.runs() == [(ended.spec.name, "FAILED")]
        check_nothing_is_left(office)


def test_two_who_submit_at_once_and_two_who_reconcile_share_one_attempt(office: Office) -> None:
    words = [sys.executable, str(PARTNERS / "submitting_killed.py"), str(office.root), office.project.snapshot, "1000"]
    environ = {**os.environ, "PYTHONPATH": str(PARTNERS.parent)}
    both = [subprocess.Popen(words, env=environ, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [one.wait(timeout=100) for one in both] == [0, 0]
    work = office.project.work("killed-1000")
    ended = office.see_through(work)
    assert (ended.state, office.attempts(work)) == (State.DONE, 1)
    assert ended.spec is not None
    assert office.runs() == [(ended.spec.name, "FINISHED")]
    check_nothing_is_left(office)


def begin_and_wait_for_a_checkpoint(office: Office, work: FakeWork) -> None:
    office.submit(work)
    eventually(work.has_checkpoint)


def check_nothing_is_left(office: Office) -> None:
    """Behind a reconciling that waits for nothing: no process, lock, job or workplace."""
    eventually(lambda: not office.processes())
    again = office.reconcile()
    assert not again.troubles
    assert (office.locks(), office.jobs(), office.workplaces()) == ([], [], [])


def test_a_store_that_goes_away_for_a_while_holds_the_job_up_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
    with s3_server() as port:
        door = Door(port)
        with opened_office(tmp_path, None, more=AT_S3.format(port=door.port)) as office:
            work = office.project.work("away", hold=[1])
            begin_and_wait_for_a_checkpoint(office, work)
            runner, heard = office.runner(work), Heard()
            door.shut()
            watching = threading.Thread(target=office.see_through, args=(work, heard))
            watching.start()
            eventually(lambda: any("Asking again" in note for note in heard.notes))
            runner.kill()
            door.open()
            watching.join(timeout=90)
            assert not watching.is_alive()
            ended = office.standing(work)
            assert (ended.state, ended.number) == (State.DONE, 2)
            assert [status for _, status in office.runs()] == ["FINISHED"]
            check_nothing_is_left(office)
        door.shut()


@pytest.mark.soak
def test_works_whose_processes_are_killed_at_random_come_to_one_result_each(
    tmp_path: Path, database: Path, seed: int
) -> None:
    chance = random.Random(seed)
    with opened_office(tmp_path, database, "retries = 100") as office:
        works = [office.project.work(f"random-{number}", steps=40, every=5) for number in range(6)]
        for work in works:
            office.submit(work)
        for _ in range(12):
            if running := office.processes():
                with suppress(psutil.NoSuchProcess):
                    chance.choice(running).kill()
            threading.Event().wait(chance.random())
            assert not office.reconcile().troubles
        for work in works:
            ended = office.see_through(work)
            if ended.state is State.FAILED:  # its training was hit, and not its runner
                assert ended.outcome is not None
                assert "SIGKILL" in ended.outcome.reason
                office.submit(work)
                ended = office.see_through(work)
            assert ended.state is State.DONE
        assert sorted(status for _, status in office.runs()) == ["FINISHED"] * len(works)
        check_nothing_is_left(office)
