"""The pod of a node: one container with the runner, as little else as it can do without.

It keeps the rules of the `restricted` pod security standard: no root, nothing writable but its volumes, no
capabilities, no token. All that it asks for it also is limited to.
"""

import math
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from slipway.platform.errors import WrongUse
from slipway.platform.jobs.launchers.contract import Assignment
from slipway.platform.jobs.launchers.kubernetes.names import labels, name_of
from slipway.platform.jobs.launchers.kubernetes.variables import RENDEZVOUS_PORT, TEMPORARY, WORK, variables
from slipway.platform.settings.schema import Settings, Target, Toleration

CONTAINER: Final = "runner"
USER: Final = 10001
"""Whom the image makes its files for."""
LAST_WORDS: Final = 30
"""Seconds of the grace beyond what the work may take: for the last uploads."""
GIB: Final = 1024**3
MIB: Final = 1024**2

Table = dict[str, Any]


def template(assignment: Assignment, target: Target, settings: Settings, root: Path | None) -> Table:
    """The Job's pod template."""
    pod: Table = {
        "restartPolicy": "Never",
        "serviceAccountName": settings.kubernetes.service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": math.ceil(assignment.job.limits.grace_seconds) + LAST_WORDS,
        **({"subdomain": name_of(assignment)} if assignment.job.nodes > 1 else {}),
        **({"priorityClassName": target.priority_class} if target.priority_class else {}),
        **({"nodeSelector": dict(target.node_selector)} if target.node_selector else {}),
        **({"tolerations": [toleration(one) for one in target.tolerations]} if target.tolerations else {}),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container(assignment, target, settings, root)],
        "volumes": volumes(target),
    }
    return {"metadata": {"labels": labels(assignment), **undisturbed(target)}, "spec": pod}


def container(assignment: Assignment, target: Target, settings: Settings, root: Path | None) -> Table:
    """The runner's."""
    several = assignment.job.nodes > 1
    secret = settings.kubernetes.secret
    return {
        "name": CONTAINER,
        "image": image(assignment.job.target, target, settings),
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-m", "slipway.platform.jobs.runner"],
        "args": [assignment.key, "--attempt", str(assignment.number), "--node", "$(JOB_COMPLETION_INDEX)"],
        "workingDir": WORK,
        "env": variables(assignment.job, target, settings, rendezvous=rendezvous(assignment), root=root),
        **({"envFrom": [{"secretRef": {"name": secret, "optional": True}}]} if secret else {}),
        **({"ports": [{"name": "rendezvous", "containerPort": RENDEZVOUS_PORT}]} if several else {}),
        "resources": resources(assignment, target),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": "work", "mountPath": WORK},
            {"name": "tmp", "mountPath": TEMPORARY},
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108 - a volume of the pod's own
        ],
    }


def rendezvous(assignment: Assignment) -> str:
    """Where the processes of several nodes meet: the first pod's name in the Service, which is called as the Job."""
    name = name_of(assignment)
    return f"{name}-0.{name}:{RENDEZVOUS_PORT}" if assignment.job.nodes > 1 else ""


def image(name: str, target: Target, settings: Settings) -> str:
    """What jobs run in."""
    found = target.image or settings.kubernetes.image
    if found is None:
        raise WrongUse(
            f"No image is set for jobs on `{name}`.",
            mend=(
                "Set kubernetes.image (SLIPWAY_KUBERNETES__IMAGE) to NAME@sha256:DIGEST, as `make images` prints it; "
                f"for this target alone, targets.{name}.image."
            ),
        )
    return found


def resources(assignment: Assignment, target: Target) -> Table:
    """What the container asks for, and is limited to."""
    asked = asked_for(target)
    if (memory := assignment.job.limits.memory_bytes) is not None:
        asked["memory"] = size(memory)
    return {"requests": asked, "limits": dict(asked)}


def asked_for(target: Target) -> dict[str, str]:
    """What a node of the target has."""
    return {
        **({"cpu": cores(target.cpus)} if target.cpus else {}),
        **({"memory": size(round(target.memory_gib * GIB))} if target.memory_gib else {}),
        "ephemeral-storage": size(round(target.ephemeral_gib * GIB)),
        **({target.gpu_resource: str(target.gpus)} if target.gpus else {}),
    }


def volumes(target: Target) -> list[Table]:
    """Room for data, code and checkpoints, for temporary files, and for what processes share."""
    disk = size(round(target.ephemeral_gib * GIB))
    return [
        {"name": "work", "emptyDir": {"sizeLimit": disk}},
        {"name": "tmp", "emptyDir": {"sizeLimit": disk}},
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": size(round(target.shm_gib * GIB))}},
    ]


def undisturbed(target: Target) -> Table:
    """What keeps those who tidy up nodes away from a job that nobody expects to move."""
    if target.spot:
        return {}
    return {
        "annotations": {
            "karpenter.sh/do-not-disrupt": "true",
            "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
        }
    }


def toleration(one: Toleration) -> Table:
    """As the cluster writes it."""
    return {name: value for name, value in one.model_dump().items() if value is not None}


def size(count: int) -> str:
    """Bytes as a quantity, without rounding."""
    for unit, name in ((GIB, "Gi"), (MIB, "Mi")):
        if count % unit == 0:
            return f"{count // unit}{name}"
    return str(count)


def cores(count: float) -> str:
    """Cores as a quantity: whole ones, or thousandths."""
    thousandths = math.ceil(Decimal(str(count)) * 1000)
    return str(thousandths // 1000) if thousandths % 1000 == 0 else f"{thousandths}m"
