"""What is sent to the cluster for an attempt: pure functions of the assignment, its target and the settings.

One Indexed Job, whose pods are the nodes; for several nodes a headless Service besides, by which they find the first
one. The Job comes first. The Service belongs to it, so that it goes with it; the owner's uid exists only when the
server has the Job, and `owned` adds it then.

No pod is started anew: the first one that ends otherwise than well ends the Job. The policy for failing pods changes
nothing about that; it writes the reason into the Job's own conditions, where it stays when the pod is gone.
"""

import math
from pathlib import Path
from typing import Any, Final

from slipway.platform.errors import WrongUse
from slipway.platform.jobs.launchers.contract import Assignment
from slipway.platform.jobs.launchers.kubernetes.names import JOB_LABEL, QUEUE, annotations, labels, name_of
from slipway.platform.jobs.launchers.kubernetes.pod import CONTAINER, LAST_WORDS, Table, template
from slipway.platform.jobs.launchers.kubernetes.variables import RENDEZVOUS_PORT
from slipway.platform.jobs.spec import Limits
from slipway.platform.settings.schema import Settings, Target

HOUR: Final = 3600
FAILURES: Final = {
    "rules": [
        {"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {
            "action": "FailJob",
            "onExitCodes": {"containerName": CONTAINER, "operator": "NotIn", "values": [0]},
            "onPodConditions": [],  # means nothing, and is required by the schemas of early versions
        },
    ]
}


def manifests(assignment: Assignment, target: Target, settings: Settings, root: Path | None = None) -> list[Table]:
    """The Job, then for several nodes the Service.

    `root` is the project's folder: what lies in there is refused as a job's store.
    """
    if assignment.job.nodes > target.max_nodes:
        raise WrongUse(
            f"{assignment.job.nodes} nodes are asked for, `{assignment.job.target}` has at most {target.max_nodes}.",
            mend=f"Ask for fewer, or raise targets.{assignment.job.target}.max_nodes.",
        )
    return [job(assignment, target, settings, root), *([service(assignment, settings)] if several(assignment) else [])]


def several(assignment: Assignment) -> bool:
    """Whether its processes have to find each other over the network."""
    return assignment.job.nodes > 1


def job(assignment: Assignment, target: Target, settings: Settings, root: Path | None = None) -> Table:
    """The Job."""
    limits, nodes = assignment.job.limits, assignment.job.nodes
    told = {**labels(assignment), **({QUEUE: target.queue} if target.queue else {})}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name_of(assignment),
            "namespace": settings.kubernetes.namespace,
            "labels": told,
            "annotations": annotations(assignment),
        },
        "spec": {
            "completionMode": "Indexed",
            "completions": nodes,
            "parallelism": nodes,
            "backoffLimit": 0,
            "podFailurePolicy": FAILURES,
            **({"suspend": True} if target.queue else {}),
            **({"activeDeadlineSeconds": deadline(limits)} if limits.deadline_seconds else {}),
            "ttlSecondsAfterFinished": math.ceil(settings.kubernetes.ttl_hours * HOUR),
            "template": template(assignment, target, settings, root),
        },
    }


def deadline(limits: Limits) -> int:
    """When the cluster stops it: behind the runner, which stops it with a checkpoint and can say why."""
    return math.ceil((limits.deadline_seconds or 0) + limits.grace_seconds) + LAST_WORDS


def service(assignment: Assignment, settings: Settings) -> Table:
    """Names for the pods, from before they are ready: they wait for each other in order to become it."""
    name = name_of(assignment)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": settings.kubernetes.namespace,
            "labels": labels(assignment),
            "annotations": annotations(assignment),
        },
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {JOB_LABEL: name},
            "ports": [{"name": "rendezvous", "port": RENDEZVOUS_PORT, "targetPort": RENDEZVOUS_PORT}],
        },
    }


def owned(manifest: Table, owner: Table) -> Table:
    """The manifest of what goes when its owner goes."""
    reference: dict[str, Any] = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
    }
    return {**manifest, "metadata": {**manifest["metadata"], "ownerReferences": [reference]}}


def render_yaml(assignment: Assignment, target: Target, settings: Settings, root: Path | None = None) -> str:
    """What would be sent, to read and to apply."""
    import yaml

    parts = []
    for manifest in manifests(assignment, target, settings, root):
        remark = (
            "" if manifest["kind"] == "Job" else "# Sent with the Job above as its owner, by the uid it then has.\n"
        )
        parts.append(remark + yaml.dump(manifest, Dumper=_plain(), sort_keys=False, width=120))
    return "---\n".join(parts)


def _plain() -> Any:  # noqa: ANN401 - yaml is imported where it is needed
    """Writes the same list twice rather than an anchor that a reader has to look for."""
    import yaml

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the protocol
            return True

    return Plain
