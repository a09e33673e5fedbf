"""What is free on a target, as far as it can be told with rights in one namespace only: its quotas and its queue.

How much the machines have left only the cluster knows; where no quota says anything, nobody can promise a place.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from slipway.platform.jobs.launchers.contract import Capacity
from slipway.platform.jobs.launchers.kubernetes.objects import Queue, Quota
from slipway.platform.jobs.launchers.kubernetes.quantities import number, shown

COUNTED: Final = "pods"


def free(asked: Mapping[str, str], quotas: Sequence[Quota], queue: Queue | None) -> Capacity:
    """How many jobs of one node, each asking for that much, fit into what the quotas leave."""
    rooms = [
        (int((number(hard) - number(quota.status.used.get(name, "0"))) // number(amount)), name, quota)
        for quota in quotas
        for name, hard in quota.status.hard.items()
        if number(amount := _amount(name, asked)) > 0
    ]
    waits = _waits(queue)
    if not rooms:
        return Capacity(None, waits or "no quota limits it; the cluster's machines decide")
    fit, name, quota = min(rooms, key=lambda room: room[0])
    left = max(number(quota.status.hard[name]) - number(quota.status.used.get(name, "0")), number("0"))
    words = f"{shown(left, name)} of {quota.status.hard[name]} {_plain(name)} left in quota `{quota.metadata.name}`"
    return Capacity(max(fit, 0), "; ".join(filter(None, (words, waits))))


def _amount(name: str, asked: Mapping[str, str]) -> str:
    return "1" if name == COUNTED else asked.get(_plain(name), "0")


def _plain(name: str) -> str:
    return name.removeprefix("requests.").removeprefix("limits.")


def _waits(queue: Queue | None) -> str:
    if queue is None:
        return ""
    counts = queue.status
    return f"{counts.pending_workloads} wait in queue {queue.metadata.name}, {counts.admitted_workloads} run"
