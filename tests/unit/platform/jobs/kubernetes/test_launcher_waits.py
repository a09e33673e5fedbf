"""What keeps jobs from beginning, told by an API server with a scheduler, quotas and a queue."""

from collections.abc import Callable

from launching.desk import Desk
from slipway.platform.jobs.launchers.contract import (
    Assignment,
    Phase,
)
from slipway.platform.jobs.launchers.kubernetes.names import name_of
from slipway.platform.runs.records import Cause

Assign = Callable[..., Assignment]


def test_an_image_that_is_missing_is_told_and_hopeless(desk: Desk, assign: Assign) -> None:
    desk.cluster.images.remove(str(desk.settings.kubernetes.image))
    launcher = desk.launcher()
    launcher.submit(assign())

    desk.until(lambda: launcher.status(assign()).hopeless, "hopeless")

    told = launcher.status(assign())
    assert told.cause is Cause.IMAGE_MISSING
    assert "@sha256:" in told.words


def test_what_no_machine_has_is_told_and_hopeless(desk: Desk, assign: Assign) -> None:
    desk.cluster.delete("nodes", "gpu-1")
    launcher, assignment = desk.launcher(), assign("gpu-l4")
    launcher.submit(assignment)
    desk.cluster.admit(name_of(assignment))

    desk.until(lambda: launcher.status(assignment).hopeless, "hopeless")

    told = launcher.status(assignment)
    assert told.cause is Cause.UNSCHEDULABLE
    assert "node_selector" in told.words


def test_a_machine_that_is_started_for_it_is_told(desk: Desk, assign: Assign) -> None:
    desk.cluster.delete("nodes", "gpu-1")
    launcher, assignment = desk.launcher(), assign("gpu-l4")
    launcher.submit(assignment)
    desk.cluster.admit(name_of(assignment))
    desk.until(lambda: launcher.status(assignment).hopeless, "hopeless")

    desk.cluster.starts_a_node_for(desk.pod())

    desk.until(lambda: not launcher.status(assignment).hopeless, "hope")
    assert "is being started" in launcher.status(assignment).words


def test_a_quota_is_told_with_by_how_much(desk: Desk, assign: Assign) -> None:
    desk.cluster.quota("cores", requests_cpu="2")
    launcher = desk.launcher()
    launcher.submit(assign())

    desk.until(lambda: "quota" in launcher.status(assign()).words, "quota")

    assert (
        "quota `cores` has 2 of requests.cpu, 0 are used, this asks for 4: 2 too much"
        in launcher.status(assign()).words
    )


def test_a_queued_job_waits_with_its_place_until_it_is_admitted(desk: Desk, assign: Assign) -> None:
    desk.cluster.queue("vision")
    launcher, first, second = desk.launcher(), assign("gpu-l4"), assign("gpu-l4", number=2)
    launcher.submit(first)
    desk.until(lambda: "place 1 of 1" in launcher.status(first).words, "first place")
    launcher.submit(second)

    desk.until(lambda: "place 2 of 2" in launcher.status(second).words, "second place")
    assert desk.cluster.things("pods") == []
    desk.cluster.admit(name_of(first))
    desk.wait(launcher, first, Phase.RUNNING)
    desk.until(lambda: "place 1 of 1" in launcher.status(second).words, "next")
