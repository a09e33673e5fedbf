"""Reconciling: what nobody looks after any more comes to its end, once, however many do it at the same time."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import overseen.office
from overseen.office import Office, eventually, opened_office
from slipway.platform.jobs.launchers.contract import Launcher, LauncherUnreachable
from slipway.platform.runs import index
from slipway.platform.runs.records import Cause, State
from slipway.platform.store.directory import DirectoryStore

pytestmark = [pytest.mark.xdist_group("overseen"), pytest.mark.timeout(180)]
PARTNERS = Path(overseen.office.__file__).parent


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with opened_office(tmp_path, None) as office:
        yield office


def unreachable(target: str) -> Launcher:
    raise LauncherUnreachable(f"`{target}` does not answer.")


def told(office: Office, **more: object) -> list[str]:
    return [deed.what for deed in office.reconcile(**more).deeds]


@pytest.fixture
def tracked(tmp_path: Path, empty_database: Path) -> Iterator[Office]:
    """An office whose runs MLflow itself is told of."""
    with opened_office(tmp_path, empty_database) as office:
        yield office


def test_four_at_once_launch_take_up_and_close_each_work_once(tracked: Office) -> None:
    office = tracked
    killed, waiting = office.project.work("killed", hold=[1]), office.project.work("waiting")
    office.submit(killed)
    office.submit(waiting, launchers=unreachable)
    eventually(killed.has_checkpoint)
    office.runner(killed).kill()
    eventually(lambda: office.standing(killed).state is State.LOST)
    assert sorted(told(office, dry_run=True)) == ["launched", "recorded", "taken up"]
    assert office.attempts(killed) == 1
    four = [start(office) for _ in range(4)]
    assert [one.wait(timeout=100) for one in four] == [0] * 4
    for work, attempts in ((killed, 2), (waiting, 1)):
        assert office.see_through(work).state is State.DONE
        assert office.attempts(work) == attempts
    lost = killed.outcome(1)
    assert lost is not None
    assert lost.cause is Cause.LOST
    assert [status for _, status in office.runs()] == ["FINISHED"] * 2
    eventually(lambda: not office.processes())
    office.reconcile()
    assert (office.locks(), office.jobs(), office.workplaces(), index.active(office.project.store)) == ([], [], [], [])
    assert told(office) == []


def start(office: Office) -> "subprocess.Popen[bytes]":
    """One who reconciles, in a process of its own."""
    words = [sys.executable, str(PARTNERS / "reconciling_process.py"), str(office.root), office.project.snapshot]
    return subprocess.Popen(words, env={**os.environ, "PYTHONPATH": str(PARTNERS.parent)})


def test_what_nobody_waits_for_ends_in_mlflow_with_its_reason(tmp_path: Path) -> None:
    with opened_office(tmp_path, None, "retries = 0") as office:
        work = office.project.work("alone", hold=[1])
        office.submit(work)
        eventually(work.has_checkpoint)
        office.runner(work).kill()
        eventually(lambda: office.standing(work).state is State.LOST)
        assert "recorded" in told(office)
        ended = office.standing(work)
        assert ended.spec is not None
        assert (ended.state, office.runs()) == (State.LOST, [(ended.spec.name, "FAILED")])
        assert not index.active(office.project.store)


def test_a_job_of_another_store_is_not_touched_and_a_launcher_that_is_away_is_told(
    office: Office, tmp_path: Path
) -> None:
    work = office.project.work("theirs", hold=[1])
    office.submit(work)
    eventually(work.has_checkpoint)
    other = Office(replace(office.project, store=DirectoryStore(tmp_path / "other")))
    found = other.reconcile()
    assert (found.strangers, found.deeds) == (1, [])
    assert office.runner(work).is_running()
    away = office.reconcile(launchers=unreachable)
    assert away.troubles == ["`local` does not answer."]
    office.runner(work).send_signal(signal.SIGKILL)


def test_a_finished_job_stays_for_a_while_and_then_goes(tmp_path: Path) -> None:
    with opened_office(tmp_path, None) as office:
        work = office.project.work("kept")
        office.submit(work)
        assert office.see_through(work).state is State.DONE
        eventually(lambda: not office.processes())
        jobs = office.project.loaded.settings.jobs.model_copy(update={"leftovers_hours": 1.0})
        settings = office.project.loaded.settings.model_copy(update={"jobs": jobs})
        patient = Office(replace(office.project, loaded=replace(office.project.loaded, settings=settings)))
        assert told(patient) == []
        assert len(office.jobs()) == 1
        assert told(office) == ["deleted"]
        assert not office.jobs()
