"""From the Job and its pods to what a launcher says of it: a pure function.

A Job that is being deleted, or suspended while its pods still end, is running: something of it may be left.
"""

from collections.abc import Callable, Sequence

from slipway.platform.jobs.launchers.contract import NodeStatus, Phase, Status
from slipway.platform.jobs.launchers.kubernetes.ended import ended, is_over, node_ended
from slipway.platform.jobs.launchers.kubernetes.objects import Job, Pod
from slipway.platform.jobs.launchers.kubernetes.pending import Why, waiting_pod


def judge(job: Job | None, pods: Sequence[Pod], explain: Callable[[], Why]) -> Status:
    """What becomes of the job; `explain` is asked only where it has not begun."""
    living = [pod for pod in pods if not pod.over]
    if job is None:
        return Status(Phase.RUNNING, "It is being stopped.", nodes=nodes(living)) if living else Status(Phase.ABSENT)
    if is_over(job, pods):
        return ended(job, pods)
    if job.metadata.leaving or (job.failure is not None and living):
        return Status(Phase.RUNNING, "It is being stopped.", nodes=nodes(pods))
    if not any(pod.running for pod in pods):
        why = explain()
        if why.over and not living:
            return Status(Phase.ENDED, why.words, why.cause)
        return Status(Phase.PENDING, why.words, why.cause, nodes=nodes(pods))
    return Status(Phase.RUNNING, _running(job, pods, explain), nodes=nodes(pods))


def phase_of(job: Job, pods: Sequence[Pod]) -> Phase:
    """The phase alone."""
    return judge(job, pods, lambda: Why("")).phase


def nodes(pods: Sequence[Pod]) -> tuple[NodeStatus, ...]:
    """What is known of each node."""
    return tuple(_node(pod) for pod in sorted(pods, key=lambda pod: (pod.node, pod.name)))


def _node(pod: Pod) -> NodeStatus:
    if pod.over:
        return node_ended(pod)
    phase = Phase.RUNNING if pod.running or pod.metadata.leaving else Phase.PENDING
    return NodeStatus(pod.node, phase, _silent(pod), where=pod.where)


def _running(job: Job, pods: Sequence[Pod], explain: Callable[[], Why]) -> str:
    """What is remarkable about a job of which at least one node runs."""
    silent = [f"Node {pod.node}: {_silent(pod)}." for pod in pods if _silent(pod)]
    late = waiting_pod(pods)
    if late is not None:
        silent.append(f"Node {late.node} has not begun. {explain().words}")
    missing = job.spec.completions - len({pod.node for pod in pods})
    if missing > 0:
        silent.append(
            f"{missing} of {job.spec.completions} nodes have no pod. {'' if late else explain().words}".strip()
        )
    return " ".join(silent)


def _silent(pod: Pod) -> str:
    """That its machine gives no sign: without probes a running container is ready, unless nobody vouches for it."""
    taken = pod.disruption is not None and pod.disruption.reason == "DeletionByTaintManager"
    unready = any(pod.status.condition("Ready", status) for status in ("False", "Unknown"))
    lost = pod.begun and unready and (taken or not pod.metadata.leaving)
    return f"its machine {pod.where} does not answer" if lost else ""
