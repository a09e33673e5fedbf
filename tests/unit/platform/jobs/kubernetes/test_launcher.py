"""The launcher against an API server whose pods are processes, with exactly the rights that it says it needs."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster import Node
from launching.desk import MACHINES, STUBBORN, Desk
from slipway.platform.jobs.launchers.contract import (
    Assignment,
    LauncherRefused,
    LauncherUnreachable,
    Phase,
)
from slipway.platform.jobs.launchers.kubernetes.names import name_of

Assign = Callable[..., Assignment]
SUBMITTING = Path(__file__).with_name("submitting_process.py")


def test_a_job_is_created_once_however_often_it_is_submitted(desk: Desk, assign: Assign) -> None:
    launcher = desk.launcher()

    launcher.submit(assign())
    launcher.submit(assign())
    desk.wait(launcher, assign(), Phase.RUNNING)

    assert len(desk.cluster.things("jobs")) == 1
    assert desk.launcher().submit(assign()).phase is Phase.RUNNING


def test_many_submitters_at_once_leave_one_job(desk: Desk, assign: Assign) -> None:
    failed: list[Exception] = []

    def submit() -> None:
        try:
            desk.launcher().submit(assign(nodes=2))
        except Exception as error:  # noqa: BLE001 - told below
            failed.append(error)

    threads = [threading.Thread(target=submit) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert len(desk.cluster.things("jobs")) == 1
    assert len(desk.cluster.things("services")) == 1


def test_a_submitter_killed_between_job_and_service_is_completed_by_the_next(desk: Desk, assign: Assign) -> None:
    launcher = desk.launcher()
    desk.cluster.faults.fail(503, times=4, verb="create", resource="services")

    with pytest.raises(LauncherUnreachable):
        launcher.submit(assign(nodes=2))
    assert launcher.status(assign(nodes=2)).incomplete
    launcher.submit(assign(nodes=2))
    assert not launcher.status(assign(nodes=2)).incomplete

    (job,), (service,) = desk.cluster.things("jobs"), desk.cluster.things("services")
    assert service["metadata"]["ownerReferences"][0]["uid"] == job["metadata"]["uid"]


def test_a_submitter_that_is_killed_in_between_leaves_what_the_next_completes(desk: Desk, assign: Assign) -> None:
    desk.cluster.faults.hang(times=9, verb="create", resource="services")
    here, assignment = desk.root.parent, assign(nodes=2)
    (here / "settings.json").write_text(desk.settings.model_dump_json())
    (here / "job.json").write_text(assignment.job.model_dump_json())
    (here / "attempt.json").write_text(assignment.attempt.model_dump_json())
    with subprocess.Popen([sys.executable, str(SUBMITTING), str(here)]) as submitter:
        try:
            desk.until(
                lambda: any(one.resource == "services" for one in desk.cluster.requests), "the Service asked for"
            )
        finally:
            submitter.kill()
    desk.cluster.faults.clear()

    desk.launcher().submit(assign(nodes=2))

    desk.wait(desk.launcher(), assign(nodes=2), Phase.RUNNING)
    assert len(desk.cluster.things("jobs")) == len(desk.cluster.things("services")) == 1


def test_a_job_of_another_store_is_not_adopted(desk: Desk, assign: Assign) -> None:
    desk.launcher().submit(assign(nonce="theirs"))

    with pytest.raises(LauncherRefused, match="nonce theirs, expected ours") as caught:
        desk.launcher().submit(assign(nonce="ours"))

    assert "kubernetes.namespace" in str(caught.value.mend)
    with pytest.raises(LauncherRefused):
        desk.launcher().cancel(assign(nonce="ours"))
    assert len(desk.cluster.things("jobs")) == 1


def test_a_pod_finds_what_its_runner_is_told(desk: Desk, assign: Assign) -> None:
    desk.plan.write_text(
        "import os, sys\n"
        "print(*sys.argv[1:], os.environ['SLIPWAY_HOST'], os.environ['SLIPWAY_RENDEZVOUS'])\n"
        "print('begun', os.access(os.environ['HOME'], os.W_OK), flush=True)\n"
    )
    launcher, assignment = desk.launcher(), assign(nodes=2)

    desk.runs(launcher, assignment, nodes=2)

    for node in range(2):
        words = launcher.logs(assignment, node).decode().split()
        assert words[:5] == [assignment.key, "--attempt", "1", "--node", str(node)]
        machine, _, pod = words[5].partition("/")
        assert machine in MACHINES
        assert pod == desk.pod(node)
        assert words[6].startswith("127.0.0.1:")
        assert words[-1] == "True"
    assert len({launcher.logs(assignment, node).decode().split()[6] for node in range(2)}) == 1


def test_cancelling_asks_the_pods_and_frees_the_name_when_they_have_ended(desk: Desk, assign: Assign) -> None:
    launcher, assignment = desk.launcher(), assign(nodes=2)
    desk.runs(launcher, assignment, nodes=2)

    launcher.cancel(assignment)
    launcher.cancel(assignment)

    desk.wait(launcher, assignment, Phase.ABSENT)
    desk.until(lambda: not desk.cluster.things("services"), "no service")
    assert desk.cluster.things("pods") == []
    launcher.cancel(assignment)


def test_as_long_as_a_cancelled_pod_lives_the_job_is_there(desk: Desk, assign: Assign) -> None:
    desk.plan.write_text(STUBBORN)
    launcher, assignment = desk.launcher(), assign()
    desk.runs(launcher, assignment)

    launcher.cancel(assignment)

    told = launcher.status(assignment)
    assert told.phase is Phase.RUNNING
    assert "being stopped" in told.words
    desk.cluster.kill_for_memory(desk.pod())
    desk.wait(launcher, assignment, Phase.ABSENT)


def test_secrets_reach_the_pod_by_reference(desk: Desk, assign: Assign) -> None:
    desk.cluster.delete("nodes", "gpu-1")
    desk.cluster.add_node(
        Node("gpu-2", resources={"nvidia.com/gpu": "1"}, labels={"cloud.google.com/gke-accelerator": "nvidia-l4"})
    )
    desk.cluster.secret("model-hub", token="hush")
    desk.plan.write_text("import os\nprint('begun', os.environ['HF_TOKEN'], flush=True)\n")
    launcher, assignment = desk.launcher(), assign("gpu-l4", secrets=("HF_TOKEN",))
    launcher.submit(assignment)
    desk.cluster.admit(name_of(assignment))

    desk.until(lambda: b"begun hush" in launcher.logs(assignment), "the secret")

    assert "hush" not in str(desk.cluster.things("jobs"))


def test_jobs_are_listed_and_removed_only_when_they_have_ended(desk: Desk, assign: Assign) -> None:
    launcher, running, ended = desk.launcher(), assign(), assign(number=2, nodes=2)
    desk.runs(launcher, running)
    desk.plan.write_text("print('done')\n")
    launcher.submit(ended)
    desk.wait(launcher, ended, Phase.ENDED)

    found = {one.number: one for one in launcher.list()}

    assert {one.number: one.phase for one in found.values()} == {1: Phase.RUNNING, 2: Phase.ENDED}
    assert found[1].key == running.key
    assert found[1].nonce == running.attempt.nonce
    assert 0 <= found[1].age.total_seconds() < 120
    with pytest.raises(LauncherRefused, match="has not ended"):
        launcher.remove(found[1])
    launcher.remove(found[2])
    launcher.remove(found[2])
    desk.until(lambda: not desk.cluster.things("services"), "no service")
    assert [one.number for one in launcher.list()] == [1]


def test_what_is_free_comes_from_the_quotas(desk: Desk) -> None:
    launcher = desk.launcher()
    assert launcher.capacity("cpu").nodes is None

    desk.cluster.quota("cores", requests_cpu="9")
    desk.until(lambda: launcher.capacity("cpu").nodes == 2, "two")
