"""Jobs on a cluster whose submitter is killed at any moment, whose server fails, whose pods are taken away or crash.

Each ends with one result, one MLflow run, the right state and reason, and no process, Job, pod or Service that is left.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from cluster import Cluster, Image
from fake_work.mlflow import fake_mlflow
from fake_work.project import FakeWork
from launching import beginning
from launching.site import PARTNERS, Site, eventually, kubernetes_site
from overseen.door import Door
from overseen.office import Heard
from overseen.s3 import s3_server
from slipway.platform.jobs.cancelling import cancel
from slipway.platform.jobs.launchers.kubernetes.client import Patience
from slipway.platform.jobs.launchers.kubernetes.connecting import connect
from slipway.platform.jobs.launchers.kubernetes.launcher import KubernetesLauncher
from slipway.platform.runs.records import Cause, State
from slipway.platform.runs.standing import Standing

pytestmark = [pytest.mark.xdist_group("job-faults-kubernetes"), pytest.mark.timeout(240)]

JOBS = """
silence_seconds = 8.0
grace_seconds = 2.0
retries = 1
leftovers_hours = 0.0
"""
AT_S3 = """
[contexts.local.store]
url = "s3://slipway/jobs"
attempts = 2
timeout_seconds = 5.0
[contexts.local.s3]
endpoint = "http://127.0.0.1:{port}"
region = "us-east-1"
"""
HASTY = Patience(read=0.3, pauses=(0.01, 0.01, 0.01, 0.01))


@pytest.fixture(scope="module")
def whole_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("faults")
    with fake_mlflow() as mlflow, kubernetes_site(folder, mlflow, jobs=JOBS) as site:
        yield site


@pytest.fixture
def site(whole_site: Site) -> Iterator[Site]:
    yield whole_site
    cluster(whole_site).faults.clear()


def cluster(site: Site) -> Cluster:
    assert site.cluster is not None
    return site.cluster


def submit(site: Site, work: FakeWork, nodes: int = 1, target: str = "kubernetes") -> None:
    site.office.submit(work, target=target, nodes=nodes)


def begin_and_wait_for_a_checkpoint(site: Site, work: FakeWork, nodes: int = 1) -> None:
    submit(site, work, nodes)
    eventually(work.has_checkpoint, "it works")


def launcher_of(site: Site, *_: object) -> KubernetesLauncher:
    """One that does not wait for long."""
    loaded = site.project.loaded
    return KubernetesLauncher(loaded, open_cluster=lambda: connect(loaded.settings.kubernetes, HASTY))


@contextmanager
def seen_through(site: Site, work: FakeWork, heard: Heard | None = None) -> Iterator[list[Standing]]:
    """Its end, which is there when the block is left."""
    ends: list[Standing] = []
    overseer = site.office.overseer(heard, open_launcher=partial(launcher_of, site), review_seconds=0.5)
    thread = Thread(target=lambda: ends.append(overseer.see_through(work.key)), daemon=True)
    thread.start()
    yield ends
    thread.join(60)
    assert ends, "it never ended"


def pods(site: Site, work: FakeWork, attempt: int = 1) -> dict[int, Any]:
    """Of an attempt, by their nodes."""
    labels = {"slipway/key": work.key[:63], "slipway/attempt": str(attempt)}
    found = [one for one in cluster(site).things("pods") if labels.items() <= one["metadata"]["labels"].items()]
    return {int(one["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"]): one for one in found}


def check_nothing_is_left(site: Site) -> None:
    """Behind a reconciling that waits for nothing."""

    def nothing() -> bool:
        again = site.office.reconcile()
        assert not again.troubles
        return not any(cluster(site).things(kind) for kind in ("jobs", "pods", "services"))

    eventually(nothing, "nothing is left in the cluster")
    assert site.office.processes() == []


def check_end(
    site: Site, work: FakeWork, end: Standing, state: State, cause: Cause | None = None, *, attempts: int = 1
) -> None:
    """One run in MLflow, and nothing that is left."""
    told = (end.told(), end.outcome, work.log())
    assert (end.state, end.number) == (state, attempts), told
    assert end.outcome is not None
    assert end.outcome.cause is cause, told
    assert site.office.attempts(work) == attempts
    expected = {State.DONE: "FINISHED", State.CANCELLED: "KILLED"}.get(state, "FAILED")
    check_nothing_is_left(site)
    assert site.mlflow_runs(work) == [expected]


def test_a_submitter_killed_between_any_two_effects_leaves_one_attempt_one_job_and_one_service(site: Site) -> None:
    told = submitters(site, 0, "nowhere")
    killed = [one for one in told if one["killed"]]
    assert {"behind create jobs", "before create services", "behind create services"} <= {one["at"] for one in killed}
    for one in told:
        work = two_nodes(site, f"killed-{one['number']}")
        submit(site, work, nodes=2, target="nowhere")
        assert site.office.attempts(work) == 1
    names = [sorted(one["metadata"]["name"] for one in cluster(site).things(kind)) for kind in ("jobs", "services")]
    assert len(names[0]) == len(told)
    assert names[0] == names[1]
    for one in told:
        work = two_nodes(site, f"killed-{one['number']}")
        end = site.office.see_through(work)
        assert end.outcome is not None
        assert (end.state, end.outcome.cause, end.number) == (State.FAILED, Cause.UNSCHEDULABLE, 1)
        assert site.mlflow_runs(work) in ([], ["FAILED"])
    check_nothing_is_left(site)


def two_nodes(site: Site, name: str, **said: Any) -> FakeWork:
    return site.project.work(name, nodes=2, processes=2, **said)


def submitters(site: Site, first: int, target: str) -> list[dict[str, Any]]:
    """One for each effect, and the first that survives."""
    words = submitting(site, first, target)
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def submitting(site: Site, first: int, target: str) -> list[str]:
    project = site.project
    script = str(PARTNERS / "launching" / "submitting_killed.py")
    return [sys.executable, script, str(project.loaded.root), project.snapshot, str(first), target]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(PARTNERS)}


def test_whoever_owns_work_makes_the_service_that_a_killed_submitter_did_not(site: Site) -> None:
    work = site.work(nodes=2, processes=2)
    site.open().submit(site.assign(work))
    (service,) = cluster(site).things("services")
    cluster(site).delete("services", service["metadata"]["name"])
    end = site.office.see_through(work)
    assert [one for one in cluster(site).requests if (one.verb, one.resource) == ("create", "services")]
    check_end(site, work, end, State.DONE)


def test_two_who_submit_at_once_share_one_job(site: Site) -> None:
    words = submitting(site, 1000, "nowhere")
    both = [subprocess.Popen(words, env=environment(), stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [one.wait(timeout=100) for one in both] == [0, 0]
    assert [len(cluster(site).things(kind)) for kind in ("jobs", "services")] == [1, 1]
    work = two_nodes(site, "killed-1000")
    assert site.office.attempts(work) == 1
    assert site.office.see_through(work).state is State.FAILED
    check_nothing_is_left(site)


def test_a_server_that_fails_in_every_way_doubles_and_loses_nothing(site: Site) -> None:
    work = site.project.work("failing", hold=[1])
    faults = cluster(site).faults
    faults.fail(500)
    faults.throttle(0)
    faults.drop()
    faults.lose_answer(verb="create", resource="jobs")
    site.office.submit(work, target="kubernetes", launchers=partial(launcher_of, site))
    eventually(work.has_checkpoint, "it works")
    heard = Heard()
    with seen_through(site, work, heard) as ends:

        def down() -> None:
            cluster(site).evict(pods(site, work)[0])
            eventually(lambda: any("Asking again" in note for note in heard.notes), "it is missed")

        cluster(site).restart(down)
        faults.hang(times=3)
        faults.fail(500, times=3)
        faults.drop(times=3)
        faults.throttle(0, times=3)
    check_end(site, work, ends[0], State.DONE, attempts=2)


def test_evicted_and_preempted_work_goes_on_from_its_checkpoint_and_uses_no_retry(site: Site) -> None:
    work = site.project.work("moved", steps=8, hold=[1, 2])
    begin_and_wait_for_a_checkpoint(site, work)
    with seen_through(site, work) as ends:
        cluster(site).evict(pods(site, work)[0])
        eventually(lambda: work.has_checkpoint(2), "it goes on")
        cluster(site).preempt(pods(site, work, 2)[0])
    causes = [outcome.cause for outcome in (work.outcome(1), work.outcome(2)) if outcome]
    assert causes == [Cause.EVICTED, Cause.EVICTED]
    assert "begins at step 2" in work.log(2)
    check_end(site, work, ends[0], State.DONE, attempts=3)


def test_work_on_a_lost_machine_is_taken_up_on_another(site: Site) -> None:
    work = site.project.work("lost", hold=[1])
    begin_and_wait_for_a_checkpoint(site, work)
    where = pods(site, work)[0]["spec"]["nodeName"]
    with seen_through(site, work) as ends:
        cluster(site).lose(where)
    first = work.outcome(1)
    assert first is not None
    assert (first.state, first.cause) == (State.LOST, Cause.LOST)
    assert "begins at step 2" in work.log(2)
    cluster(site).restore(where)
    check_end(site, work, ends[0], State.DONE, attempts=2)


def test_a_machine_that_is_silent_for_a_while_neither_doubles_nor_loses_its_work(site: Site) -> None:
    work = site.project.work("silent", hold=[1])
    begin_and_wait_for_a_checkpoint(site, work)
    where = pods(site, work)[0]["spec"]["nodeName"]
    with seen_through(site, work) as ends:
        cluster(site).silence(where)
        eventually(lambda: "deletionTimestamp" in pods(site, work)[0]["metadata"], "the cluster gives it up")
        assert site.office.standing(work).state is State.RUNNING
        assert site.office.attempts(work) == 1
        cluster(site).restore(where)
    first = work.outcome(1)
    assert first is not None
    assert (first.state, first.cause) == (State.RESUMABLE, Cause.EVICTED)
    check_end(site, work, ends[0], State.DONE, attempts=2)


def test_a_node_whose_training_always_fails_ends_the_work_with_its_reason(site: Site) -> None:
    work = two_nodes(site, "crash", rank_ends=1, hold=[1])
    submit(site, work, nodes=2)
    end = site.office.see_through(work)
    assert end.outcome is not None
    assert "Node 1" in end.outcome.reason
    check_end(site, work, end, State.FAILED, Cause.EXIT_CODE)


def test_a_node_whose_runner_always_crashes_ends_the_work_with_its_reason(site: Site, image: Any) -> None:
    work = two_nodes(site, "mute")
    image(NODE_ENDS="1")
    submit(site, work, nodes=2)
    end = site.office.see_through(work)
    assert end.outcome is not None
    assert end.outcome.exit_code == 3
    assert "Node 1" in end.outcome.reason
    check_end(site, work, end, State.FAILED, Cause.EXIT_CODE)


def test_a_node_that_is_killed_for_memory_ends_the_work_with_that_reason(site: Site) -> None:
    work = two_nodes(site, "memory", hold=[1])
    begin_and_wait_for_a_checkpoint(site, work, nodes=2)
    cluster(site).kill_for_memory(pods(site, work)[1])
    end = site.office.see_through(work)
    assert end.outcome is not None
    assert "Node 1" in end.outcome.reason
    check_end(site, work, end, State.FAILED, Cause.OUT_OF_MEMORY)


def test_pods_whose_clocks_are_wrong_both_ways_end_like_any_other(site: Site, image: Any) -> None:
    works = {}
    for minutes in (5, -5):
        image(CLOCK_OFF=str(minutes * 60))
        works[minutes] = site.project.work(f"clock-{minutes}", hold=[1])
        begin_and_wait_for_a_checkpoint(site, works[minutes])
    with seen_through(site, works[5]) as early, seen_through(site, works[-5]) as late:
        for work in works.values():
            cluster(site).evict(pods(site, work)[0])
    outcomes = [works[minutes].outcome() for minutes in (5, -5)]
    assert [one.cause for one in outcomes if one] == [Cause.EVICTED, Cause.EVICTED]
    assert [round((one.ended - datetime.now(UTC)).total_seconds() / 60) for one in outcomes if one] == [5, -5]
    check_end(site, works[5], early[0], State.DONE, attempts=2)
    check_end(site, works[-5], late[0], State.DONE, attempts=2)


@pytest.fixture
def image(site: Site) -> Iterator[Any]:
    """Makes the jobs' image one that is not well."""
    folder = cluster(site).folder / "beginning"
    folder.mkdir(exist_ok=True)
    shutil.copy(str(beginning.__file__), folder / "sitecustomize.py")
    name = str(site.project.loaded.settings.kubernetes.image)
    yield lambda **said: cluster(site).images.add(name, Image(environment={"PYTHONPATH": str(folder), **said}))
    cluster(site).images.add(name)


def test_work_is_cancelled_although_the_server_does_not_answer(site: Site) -> None:
    work = site.project.work("cancelled", hold=[1])
    begin_and_wait_for_a_checkpoint(site, work)
    cluster(site).faults.fail(500, times=1000)
    cancel(work.key, "ada", site.project.loaded, launchers=partial(launcher_of, site))
    eventually(lambda: work.outcome() is not None, "it has heard of it")
    cluster(site).faults.clear()
    check_end(site, work, site.office.see_through(work), State.CANCELLED, Cause.CANCELLED)


def test_a_store_that_goes_away_for_a_while_holds_pods_up_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "not-a-secret"}
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    with s3_server() as port, fake_mlflow() as mlflow:
        door = Door(port)
        with kubernetes_site(tmp_path, mlflow, jobs=JOBS, store=AT_S3.format(port=door.port)) as site:
            cluster(site).secret("slipway-runner", **keys)
            work, heard = site.project.work("away", hold=[1]), Heard()
            begin_and_wait_for_a_checkpoint(site, work)
            with seen_through(site, work, heard) as ends:
                door.shut()
                eventually(lambda: any("Asking again" in note for note in heard.notes), "it is missed")
                cluster(site).evict(pods(site, work)[0])
                door.open()
            check_end(site, work, ends[0], State.DONE, attempts=2)
        door.shut()
