"""What is free on a target, from what one namespace may know."""

from typing import Any

from slipway.platform.jobs.launchers.kubernetes.capacity import free
from slipway.platform.jobs.launchers.kubernetes.objects import Queue, Quota

ASKED = {"cpu": "7500m", "memory": "28Gi", "nvidia.com/gpu": "1"}


def quota(name: str, **resources: tuple[str, str]) -> Quota:
    named: dict[str, Any] = {key.replace("__", "."): value for key, value in resources.items()}
    hard = {key: value[0] for key, value in named.items()}
    used = {key: value[1] for key, value in named.items()}
    return Quota.of({"metadata": {"name": name}, "status": {"hard": hard, "used": used}})


def test_the_scarcest_resource_decides() -> None:
    quotas = [quota("cores", requests__cpu=("64", "4")), quota("memory", **{"limits.memory": ("128Gi", "64Gi")})]

    found = free(ASKED, quotas, None)

    assert found.nodes == 2
    assert found.words == "64Gi of 128Gi memory left in quota `memory`"


def test_what_is_used_up_leaves_no_room() -> None:
    assert free(ASKED, [quota("gpus", **{"requests.nvidia.com/gpu": ("8", "8")})], None).nodes == 0


def test_pods_count_one_each() -> None:
    assert free(ASKED, [quota("count", pods=("10", "7"))], None).nodes == 3


def test_without_a_quota_nobody_can_tell() -> None:
    found = free(ASKED, [quota("other", **{"count/services": ("5", "1")})], None)

    assert found.nodes is None
    assert "no quota limits it" in found.words


def test_a_queue_tells_who_waits() -> None:
    queue = Queue.of({"metadata": {"name": "vision"}, "status": {"pendingWorkloads": 3, "admittedWorkloads": 7}})

    assert free(ASKED, [], queue).words == "3 wait in queue vision, 7 run"
