"""What only holds on this machine: submitters killed between any two effects, locks, process ids of others."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from fake_work.mlflow import FakeMlflow
from slipway.platform.errors import SlipwayError, WrongUse
from slipway.platform.jobs.launchers.contract import LauncherUnreachable, Phase
from slipway.platform.jobs.launchers.holding import open_holder, open_holders
from slipway.platform.jobs.launchers.local import LocalLauncher
from slipway.platform.jobs.launchers.local_job import Files
from slipway.platform.runs.presence import Presence
from slipway.platform.runs.records import Cause, State

Eventually = Callable[[Callable[[], bool], str], None]

LAUNCHERS = ["local"]


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[bytes]"]:
    """Another program."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def files_of(site: Any, assignment: Any) -> Files:
    return Files(site.project.here.state, assignment.attempt.nonce)


def test_a_submitter_killed_between_any_two_effects_leaves_what_the_next_completes(
    site: Any, eventually: Eventually
) -> None:
    launcher, cases = site.open(), []
    step, done = 0, False
    while not done:
        step += 1
        work = site.work(steps=1, every=1)
        assignment = site.assign(work)
        process = site.start("submitting.py", work.key, str(step))
        told, wrong = process.communicate("now\n")
        assert process.returncode in (0, -9), wrong
        done = process.returncode == 0
        assert launcher.submit(assignment).phase is not Phase.ABSENT, (step, told)
        cases.append((step, work, assignment))
    assert step > 8
    for number, work, assignment in cases:
        assert site.ended(assignment).state is State.DONE, number
        assert work.log().count("begins at step 0") == 1, number
        assert b"begun" not in launcher.logs(assignment), number
        (found,) = site.found(assignment)
        launcher.remove(found)
    eventually(lambda: not any(site.left(assignment) for _, _, assignment in cases), "nothing is left")


def test_a_job_that_somebody_else_removes_meanwhile_is_not_listed(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (site.assign(site.work(steps=1, every=1)) for _ in range(2))
    launcher = site.open()
    for assignment in (first, second):
        launcher.submit(assignment)
        assert site.ended(assignment).state is State.DONE
    gone, load = files_of(site, first), Files.load

    def removed_behind(files: Files) -> Any:
        found = load(files)
        if files.nonce == gone.nonce:
            gone.delete(1)
        return found

    monkeypatch.setattr(Files, "load", removed_behind)
    nonces = [one.nonce for one in launcher.list()]
    assert gone.nonce not in nonces
    assert second.attempt.nonce in nonces


def test_each_node_has_a_runner_of_its_own_which_its_lock_names(site: Any) -> None:
    work = site.work(nodes=2, processes=2, steps=1, every=1)
    assignment = site.assign(work)
    launcher = site.open()
    files = files_of(site, assignment)
    launcher.submit(assignment)
    first = site.runner(assignment)
    assert files.pid(0) == first.pid
    assert files.pid(1) not in (0, first.pid)


def test_the_process_id_of_another_program_is_never_signalled(
    site: Any, eventually: Eventually, sleeper: "subprocess.Popen[bytes]"
) -> None:
    work = site.work(steps=4, every=2, hold=[1])
    assignment = site.assign(work)
    launcher = site.open()
    launcher.submit(assignment)
    eventually(work.has_checkpoint, "it works")
    site.runner(assignment).kill()
    eventually(lambda: launcher.status(assignment).phase is Phase.ENDED, "it is gone")
    lock = files_of(site, assignment).lock(0)
    lock.write_text(f"{sleeper.pid}\n")  # as if the number had been given to another program
    site.cancel(assignment)
    assert open_holder(sleeper.pid, lock) is None
    with lock.open():  # who only looks does not hold it
        assert list(open_holders(lock)) == []
    assert sleeper.poll() is None
    status = launcher.status(assignment)
    assert (status.phase, status.cause) == (Phase.ENDED, Cause.LOST), status
    assert psutil.Process(sleeper.pid).is_running()


def test_who_holds_a_lock_is_found_with_and_without_its_process_id(tmp_path: Path) -> None:
    presence = Presence(tmp_path, "0123456789")
    lock = tmp_path / "0123456789.alive"
    holders = dict(open_holders(lock))
    assert list(holders) == [os.getpid()]
    mine = open_holder(os.getpid(), lock)
    assert mine is not None
    for opened in (*holders.values(), mine):
        os.close(opened)
    presence.close()
    assert open_holder(0, tmp_path) is None


def test_a_runner_that_hangs_is_killed_behind_the_grace(site: Any, eventually: Eventually) -> None:
    limits = site.work().job.limits.model_copy(update={"grace_seconds": 0.5})
    work = site.work(limits=limits, steps=4, every=2, hold=[1])
    assignment = site.assign(work)
    launcher = LocalLauncher(site.project.loaded, site.project.store, after_grace=0.5)
    launcher.submit(assignment)
    eventually(work.has_checkpoint, "it works")
    runner = site.runner(assignment)
    runner.suspend()
    launcher.cancel(assignment)
    launcher.cancel(assignment)
    eventually(lambda: launcher.status(assignment).phase is Phase.ENDED, "it is killed")
    assert not site.left(assignment) or processes(site, assignment) == []


def processes(site: Any, assignment: Any) -> list[str]:
    return [one for one in site.left(assignment) if one.isdecimal()]


def test_a_runner_that_never_began_tells_why_with_its_last_words(site: Any, eventually: Eventually) -> None:
    work = site.work()
    assignment = site.assign(work)
    job_file = site.project.loaded.root / ".slipway" / "store" / "jobs" / f"{work.job.digest}.json"
    job_file.unlink()
    launcher = site.open()
    launcher.submit(assignment)
    eventually(lambda: launcher.status(assignment).phase is Phase.ENDED, "it ends")
    status = launcher.status(assignment)
    assert status.cause is Cause.EXIT_CODE, status
    assert "is missing" in status.words
    assert launcher.submit(assignment).phase is Phase.ENDED


def test_what_runs_on_another_machine_cannot_be_asked_here(site: Any) -> None:
    assignment = site.assign(site.work())
    elsewhere = assignment.attempt.place.model_copy(update={"host": "harbour"})
    attempt = assignment.attempt.model_copy(update={"place": elsewhere})
    moved = type(assignment)(assignment.job, attempt)
    for ask in (site.open().submit, site.open().status, site.open().cancel):
        with pytest.raises(LauncherUnreachable, match="harbour"):
            ask(moved)


def test_after_a_restart_of_the_machine_a_begun_job_is_lost(site: Any, eventually: Eventually) -> None:
    work = site.work(steps=4, every=2, hold=[1])
    assignment = site.assign(work)
    site.open().submit(assignment)
    eventually(work.has_checkpoint, "it works")
    site.runner(assignment).kill()
    files = files_of(site, assignment)
    job = files.load()
    assert job is not None
    files.record.write_bytes(job.model_copy(update={"boot": "another"}).to_bytes())
    launcher = site.open()
    eventually(lambda: launcher.status(assignment).phase is Phase.ENDED, "it is gone")
    status = launcher.status(assignment)
    assert status.cause is Cause.LOST
    assert "started anew" in status.words


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        pytest.param(lambda path: path.chmod(0o640), "can be read or changed by others", id="open-file"),
        pytest.param(lambda path: path.parent.chmod(0o755), "can be read or changed by others", id="open-folder"),
        pytest.param(lambda path: path.unlink(), "is missing", id="missing"),
        pytest.param(lambda path: path.write_text(""), "is no text", id="empty"),
    ],
)
def test_a_secret_that_is_not_kept_well_is_refused_before_anything_is_started(
    site: Any, spoil: Callable[[Path], object], words: str
) -> None:
    path = Path(site.environ["HOME"]) / "secrets" / "greeting"
    before = path.read_text()
    assignment = site.assign(site.work(secrets=("GREETING",)))
    spoil(path)
    try:
        with pytest.raises(SlipwayError, match=words):
            site.open().submit(assignment)
        assert site.left(assignment) == []
    finally:
        path.parent.chmod(0o700)
        path.write_text(before)
        path.chmod(0o600)


def test_a_secret_that_the_target_does_not_know_is_refused(site: Any) -> None:
    assignment = site.assign(site.work(secrets=("GREETINGS",)))
    with pytest.raises(WrongUse, match="knows no secret `GREETINGS`") as refused:
        site.open().submit(assignment)
    assert "GREETING" in (refused.value.mend or "")


def test_the_submitters_environment_is_not_passed_on(site: Any, mlflow: FakeMlflow) -> None:  # noqa: ARG001
    environ = {**site.environ, "AIRFLOW__CORE__FERNET_KEY": "x", "TOKEN": "y"}
    work = site.work(steps=4, every=2, hold=[1])
    assignment = site.assign(work)
    LocalLauncher(site.project.loaded, site.project.store, environ=lambda: environ).submit(assignment)
    seen = site.runner(assignment).environ()
    assert not {"AIRFLOW__CORE__FERNET_KEY", "TOKEN"} & set(seen)
    assert seen["SLIPWAY_CONTEXT"] == "local"
    assert os.getsid(site.runner(assignment).pid) != os.getsid(0)
