"""A job on a cluster, seen through by looks that may each be the last of its process."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from fake_work.mlflow import fake_mlflow
from fake_work.project import FakeWork
from launching.site import Site, eventually, kubernetes_site
from slipway.pipelines.airflow.project import Project
from slipway.pipelines.airflow.watching import JobWatch
from slipway.platform.jobs.asking import submitted_by

pytestmark = [pytest.mark.xdist_group("watching-kubernetes"), pytest.mark.timeout(120)]

JOBS = """
grace_seconds = 2.0
leftovers_hours = 0.0
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("watching")
    with fake_mlflow() as mlflow, kubernetes_site(folder, mlflow, jobs=JOBS) as site:
        yield site


def watched(site: Site, work: FakeWork) -> JobWatch:
    """As a triggerer makes it that has just begun."""
    return JobWatch(Project(str(site.project.loaded.root)), work.key)


def seen_to_its_end(site: Site, work: FakeWork) -> tuple[list[str], Mapping[str, Any]]:
    """Each look by a watch of its own, which goes on reading where the one before was."""
    lines: list[str] = []
    events: list[Mapping[str, Any]] = []
    watch = watched(site, work)

    def over() -> bool:
        nonlocal watch
        look = watch.look()
        lines.extend(look.lines)
        events.extend([look.event] if look.event else [])
        watch = JobWatch(watch.project, watch.key, watch.position)
        return bool(events)

    eventually(over, "it ends")
    return lines, events[0]


def left(site: Site) -> list[str]:
    assert site.cluster is not None
    assert not site.office.reconcile().troubles
    return [one["metadata"]["name"] for kind in ("jobs", "pods", "services") for one in site.cluster.things(kind)]


def test_a_job_is_launched_evicted_taken_up_and_ended_by_looks_alone(site: Site) -> None:
    work = site.project.work("watched", target="kubernetes", hold=[1])
    assignment = site.assign(work)  # its submitter was killed before the launcher heard of it
    watch = watched(site, work)
    eventually(lambda: bool(watch.look()) and work.has_checkpoint(), "it works")
    site.evict(assignment)
    lines, event = seen_to_its_end(site, work)
    assert (event["state"], event["attempt"], event["key"]) == ("done", 2, work.key)
    assert [line for line in lines if "begins at step 2" in line] == ["rank 0 of 1 begins at step 2"]
    assert site.mlflow_runs(work) == ["FINISHED"]
    eventually(lambda: not left(site), "nothing is left")


def test_a_task_that_is_ended_ends_its_job(site: Site) -> None:
    work = site.project.work("ended", hold=[1])
    site.office.submit(work, submitted_by(site.project.loaded.settings.identity), target="kubernetes")
    eventually(work.has_checkpoint, "it works")
    assert watched(site, work).cancel().how == "cancelled"
    _, event = seen_to_its_end(site, work)
    assert (event["state"], event["cause"]) == ("cancelled", "cancelled")
    assert "its Airflow task was ended" in event["reason"]
    assert site.mlflow_runs(work) == ["KILLED"]
    eventually(lambda: not left(site), "nothing is left")
    again = watched(site, work).cancel()
    assert again.how == "nothing to cancel"


def test_a_server_that_does_not_answer_is_told_and_is_no_end(site: Site) -> None:
    assert site.cluster is not None
    work = site.project.work("away", target="kubernetes")
    site.assign(work)
    looks = []
    site.cluster.restart(lambda: looks.append(watched(site, work).look()))
    (look,) = looks
    assert look.event is None
    assert any("does not answer" in line for line in look.lines)
    _, event = seen_to_its_end(site, work)
    assert event["state"] == "done"
