"""How a job ended, from its conditions and its pods: which node ended first, and why.

The other nodes end because that one did, asked to stop by the cluster or unable to go on alone; what they say is no
reason. A pod whose place was taken away counts from that moment, not from its last word. Where a pod is gone, the Job's
own condition still says what it was.
"""

import re
from collections.abc import Sequence
from typing import Final

from slipway.platform.jobs.launchers.contract import NodeStatus, Phase, Status
from slipway.platform.jobs.launchers.kubernetes.objects import Condition, Job, Pod
from slipway.platform.jobs.spec import LEFT
from slipway.platform.runs.records import Cause

DISRUPTIONS: Final = {
    "PreemptionByScheduler": "the scheduler gave its place to a job of higher priority",
    "PreemptionByKubeScheduler": "the scheduler gave its place to a job of higher priority",
    "DeletionByTaintManager": "its machine is no longer to run it (taken away, shut down or not answering)",
    "EvictionByEvictionAPI": "its machine was emptied",
    "DeletionByPodGC": "its machine is gone",
    "TerminationByKubelet": "its machine runs out of room, or is shut down",
}
"""Who takes a pod's place away, by the condition's reason."""
MACHINES: Final = frozenset({"Evicted", "NodeLost", "NodeShutdown", "Preempting", "Shutdown", "Terminated"})
"""Reasons of a pod whose machine ended it."""
OWN_LIMIT: Final = re.compile(r"exceeds the (?:total )?limit|ephemeral local storage usage exceeds")
EXIT: Final = re.compile(r"for pod (?:[^/\s]+/)?(\S+) failed with exit code (\d+)")
DISRUPTED: Final = re.compile(r"[Pp]od (?:[^/\s]+/)?(\S+) has condition DisruptionTarget")
SIGNALS: Final = 128
KILLED: Final = 137
TAIL: Final = 300
"""Letters of a container's last words."""


def is_over(job: Job, pods: Sequence[Pod]) -> bool:
    """Whether no process of the job is left: the cluster is done with it, or every node has ended."""
    if any(not pod.over for pod in pods):
        return False
    return job.finished or len({pod.node for pod in pods}) >= job.spec.completions


def ended(job: Job, pods: Sequence[Pod]) -> Status:
    """How it ended; only for a job that is over."""
    nodes = tuple(node_ended(pod) for pod in sorted(pods, key=lambda pod: pod.node))
    failure = job.failure
    if failure is not None and failure.reason == "DeadlineExceeded":
        return Status(Phase.ENDED, "It ran longer than its deadline.", Cause.DEADLINE, nodes=nodes)
    failed = [pod for pod in pods if _failed(pod)]
    if failed:
        first = min(failed, key=lambda pod: (_left(pod), pod.ended, not _is_named(pod, failure), pod.node))
        cause, words, code = why(first)
        if job.spec.suspend and cause in (Cause.EXIT_CODE, Cause.LOST):  # its pods were asked to stop for that
            cause, words = Cause.EVICTED, f"evicted: its queue took its place away ({words})"
        told = f"Node {first.node}: {words}" if job.spec.completions > 1 else words
        return Status(Phase.ENDED, _sentence(told), cause, code, nodes, first.node)
    if failure is not None:
        cause, words, code = from_condition(failure)
        if job.spec.suspend:
            cause, words = Cause.EVICTED, f"evicted: its queue took its place away ({words})"
        return Status(Phase.ENDED, _sentence(words), cause, code, nodes)
    return Status(Phase.ENDED, "Its processes ended well.", None, 0, nodes)


def node_ended(pod: Pod) -> NodeStatus:
    """One node of it."""
    _, words, code = why(pod) if _failed(pod) else (None, "ended well", 0)
    return NodeStatus(pod.node, Phase.ENDED, words, code, pod.where)


def why(pod: Pod) -> tuple[Cause, str, int | None]:
    """Why a pod failed: cause, a clause, the exit code where there is one."""
    end = pod.terminated
    code = end.exit_code if end is not None else None
    where = f" on {pod.where}" if pod.where else ""
    if pod.disruption is not None:
        return Cause.EVICTED, f"evicted{where}: {disruption(pod.disruption)}", code
    if OWN_LIMIT.search(pod.status.message):
        words = f"it used more disk than it may{where}: {pod.status.message.strip()} (target's setting ephemeral_gib)"
        return Cause.EXIT_CODE, words, code
    if pod.status.reason in MACHINES:
        return Cause.EVICTED, f"evicted{where}: {pod.status.message or pod.status.reason}", code
    if pod.status.reason == "DeadlineExceeded":
        return Cause.DEADLINE, "it ran longer than its deadline", code
    if end is None:
        said = pod.status.message or pod.status.reason or "its pod ended without a word"
        return Cause.LOST, f"it did not run{where}: {said}", None
    if end.reason == "OOMKilled":
        return (
            Cause.OUT_OF_MEMORY,
            f"killed{where} for using more memory than it may (target's setting memory_gib)",
            code,
        )
    return of_exit(end.exit_code), exit_words(end.exit_code, end.reason, end.message) + where, code


def of_exit(code: int) -> Cause:
    """A runner that was killed, nobody knows by whom, or left by another node, is lost; other ends were its own."""
    return Cause.LOST if code in (KILLED, LEFT) else Cause.EXIT_CODE


def exit_words(code: int, reason: str = "", message: str = "") -> str:
    """An exit code for a person, with the last of what was printed."""
    if reason in {"StartError", "ContainerCannotRun"}:
        return f"it could not be started ({message.strip() or reason})"
    signal = f", signal {code - SIGNALS}" if SIGNALS < code < SIGNALS + 64 else ""
    last = f": {message.strip()[-TAIL:]}" if message.strip() else ""
    if code == LEFT:
        return f"another node had vanished{last}"
    return f"it ended with exit code {code}{signal}{last}"


def disruption(condition: Condition) -> str:
    """Who took a pod's place away."""
    known = DISRUPTIONS.get(condition.reason, condition.reason or "its place was taken away")
    return f"{known} ({condition.message.strip().rstrip('.')})" if condition.message.strip() else known


def from_condition(failure: Condition) -> tuple[Cause, str, int | None]:
    """The same from the Job's condition alone, where the pods are gone."""
    if found := EXIT.search(failure.message):
        code = int(found[2])
        return of_exit(code), f"{exit_words(code)} (pod {found[1]}, which is gone)", code
    if found := DISRUPTED.search(failure.message):
        return Cause.EVICTED, f"evicted: its place was taken away (pod {found[1]}, which is gone)", None
    return Cause.LOST, f"its pods are gone and left no word ({failure.reason}: {failure.message})", None


def _failed(pod: Pod) -> bool:
    return pod.status.phase == "Failed" or (pod.terminated is not None and pod.terminated.exit_code != 0)


def _left(pod: Pod) -> bool:
    """Whether its end follows from that of another one."""
    return pod.terminated is not None and pod.terminated.exit_code == LEFT


def _is_named(pod: Pod, failure: Condition | None) -> bool:
    """Whether the Job's condition says that it was this one."""
    found = failure and (EXIT.search(failure.message) or DISRUPTED.search(failure.message))
    return bool(found and found[1] == pod.name)


def _sentence(words: str) -> str:
    text = words[:1].upper() + words[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
