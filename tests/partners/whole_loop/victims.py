"""Processes of one stack by what they are, so that one of them can be killed: never by a name, only by descent."""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

import psutil

from slipway.pipelines.local import processes
from whole_loop.loop import AGENTS, Loop

SUPERVISOR, GUARDIAN, TASK, JOB = "supervisor", "guardian", "task", "job"
SCHEDULER: Final = "airflow-scheduler"
COMPONENTS: Final = (
    "mlflow", "airflow-api", SCHEDULER, "airflow-dags", "airflow-triggerer", "channel", "fleet", "controller", *AGENTS,
)  # fmt: skip
KINDS: Final[Mapping[str, int]] = {**dict.fromkeys(COMPONENTS, 2), TASK: 5, JOB: 6, SUPERVISOR: 1, GUARDIAN: 1}
"""What can be killed, and how often that is drawn: what lives for a moment more often than what is always there."""


def victims(loop: Loop) -> Mapping[str, Sequence[psutil.Process]]:
    """Living processes by kind: a component's with all below it; Airflow's tasks and launched jobs by themselves."""
    now = loop.standing
    leaders = {one.pid: one.name for one in now.components if one.pid}
    found: dict[str, list[psutil.Process]] = defaultdict(list)
    with suppress(psutil.Error):
        supervisor = psutil.Process(now.supervisor)
        guardian = supervisor.ppid()
        for one in processes.of_stack(loop.place.name):
            with suppress(psutil.Error):
                found[_kind(one, leaders, supervisor.pid, guardian)].append(one)
    return {kind: of_kind for kind, of_kind in found.items() if kind in KINDS}


def _kind(process: psutil.Process, leaders: Mapping[int, str], supervisor: int, guardian: int) -> str:
    if process.pid in (supervisor, guardian):
        return SUPERVISOR if process.pid == supervisor else GUARDIAN
    if process.pid in leaders:
        return leaders[process.pid]
    for above in process.parents():
        if above.pid in leaders:
            return TASK if leaders[above.pid] == SCHEDULER else leaders[above.pid]
        if above.pid == supervisor:
            return ""
    return JOB


class Seen:
    """Every process of the stack that was ever seen, to find those that should be gone."""

    def __init__(self) -> None:
        self._born: dict[int, float] = {}
        self._sessions: set[int] = set()

    def look(self, loop: Loop) -> None:
        """Remember who lives now."""
        for one in processes.of_stack(loop.place.name):
            with suppress(psutil.Error, OSError):
                self._born[one.pid] = one.create_time()
                self._sessions.add(os.getsid(one.pid))

    def left(self) -> list[str]:
        """Those that live still, and whoever is in a session of theirs."""
        ours = os.getsid(0)
        return [" ".join(one.cmdline()) for one in psutil.process_iter() if self._is_left(one, ours)]

    def _is_left(self, process: psutil.Process, ours: int) -> bool:
        with suppress(psutil.Error, OSError):
            if not processes.lives(process):
                return False
            session = os.getsid(process.pid)
            return self._born.get(process.pid) == process.create_time() or (
                session in self._sessions and session != ours
            )
        return False
