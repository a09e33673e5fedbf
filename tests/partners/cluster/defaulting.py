"""What the server fills in where a client says nothing."""

import base64
from collections.abc import Callable
from typing import Final

from cluster.kinds import JOBS, NAMESPACES, PODS, SECRETS, SERVICES, Kind
from cluster.objects import Json, at, uid_of

NOT_READY_SECONDS: Final = 300


def fill(kind: Kind, thing: Json) -> None:
    """Defaults of one object; it has its name and uid already."""
    if "status" in kind.subresources:
        thing.setdefault("status", {})
    if (filler := FILLERS.get(kind)) is not None:
        filler(thing)


def _fill_job(job: Json) -> None:
    spec = job.setdefault("spec", {})
    spec.setdefault("completionMode", "NonIndexed")
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 6)
    spec.setdefault("suspend", False)
    spec.setdefault("podReplacementPolicy", "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed")
    for rule in at(spec, "podFailurePolicy", "rules", default=[]):
        for pattern in rule.get("onPodConditions", []):
            pattern.setdefault("status", "True")
    template = spec.setdefault("template", {})
    pod_spec = template.setdefault("spec", {})
    _fill_pod_spec(pod_spec)
    if not spec.get("manualSelector"):
        _own_labels(job, template)


def _own_labels(job: Json, template: Json) -> None:
    uid, name = uid_of(job), job["metadata"]["name"]
    labels = template.setdefault("metadata", {}).setdefault("labels", {})
    labels |= {"batch.kubernetes.io/controller-uid": uid, "controller-uid": uid}
    labels |= {"batch.kubernetes.io/job-name": name, "job-name": name}
    job["metadata"].setdefault("labels", dict(labels))  # a Job without labels takes those of its template
    job["spec"].setdefault("selector", {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}})


def _fill_pod(pod: Json) -> None:
    _fill_pod_spec(pod.setdefault("spec", {}))
    spec = pod["spec"]
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("enableServiceLinks", True)
    spec.setdefault("serviceAccountName", "default")
    spec.setdefault("serviceAccount", spec["serviceAccountName"])
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    tolerations = spec.setdefault("tolerations", [])
    for condition in ("not-ready", "unreachable"):
        key = f"node.kubernetes.io/{condition}"
        if not any(one.get("key", key) == key and one.get("effect", "NoExecute") == "NoExecute" for one in tolerations):
            tolerations.append(
                {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": NOT_READY_SECONDS}
            )
    pod["status"] = {"phase": "Pending", "qosClass": _quality(spec)}


def _quality(spec: Json) -> str:
    wanted = [container.get("resources", {}) for container in spec.get("containers", [])]
    if not any(one.get("requests") or one.get("limits") for one in wanted):
        return "BestEffort"
    full = all(
        one.get("limits", {}).get(name) is not None and one["limits"][name] == one.get("requests", {}).get(name)
        for one in wanted
        for name in ("cpu", "memory")
    )
    return "Guaranteed" if full else "Burstable"


def _fill_pod_spec(spec: Json) -> None:
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("securityContext", {})
    spec.setdefault("terminationGracePeriodSeconds", 30)
    for container in [*spec.get("initContainers", []), *spec.get("containers", [])]:
        container.setdefault("terminationMessagePath", "/dev/termination-log")
        container.setdefault("terminationMessagePolicy", "File")
        container.setdefault("imagePullPolicy", _pull_policy(str(container.get("image", ""))))
        resources = container.setdefault("resources", {})
        for name, value in resources.get("limits", {}).items():
            resources.setdefault("requests", {}).setdefault(name, value)
        for variable in container.get("env", []):
            if (reference := at(variable, "valueFrom", "fieldRef")) is not None:
                reference.setdefault("apiVersion", "v1")
    for volume in spec.get("volumes", []):
        if not set(volume) - {"name"}:
            volume["emptyDir"] = {}
        for source in ("secret", "configMap", "projected"):
            if source in volume:
                volume[source].setdefault("defaultMode", 0o644)


def _pull_policy(image: str) -> str:
    last = image.rsplit("/", 1)[-1]
    return "Always" if "@" not in last and (":" not in last or last.endswith(":latest")) else "IfNotPresent"


def _fill_service(service: Json) -> None:
    spec = service.setdefault("spec", {})
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("internalTrafficPolicy", "Cluster")
    spec.setdefault("clusterIP", "10.96.0.10")
    spec.setdefault("clusterIPs", [spec["clusterIP"]])
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    for port in spec.get("ports", []):
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))
    service["status"] = service.get("status") or {"loadBalancer": {}}


def _fill_secret(secret: Json) -> None:
    secret.setdefault("type", "Opaque")
    for name, value in secret.pop("stringData", {}).items():
        secret.setdefault("data", {})[name] = base64.b64encode(value.encode()).decode()


def _fill_namespace(namespace: Json) -> None:
    metadata = namespace["metadata"]
    metadata.setdefault("labels", {})["kubernetes.io/metadata.name"] = metadata["name"]
    namespace["spec"] = {"finalizers": ["kubernetes"]}
    namespace["status"] = {"phase": "Active"}


FILLERS: Final[dict[Kind, Callable[[Json], None]]] = {
    JOBS: _fill_job,
    PODS: _fill_pod,
    SERVICES: _fill_service,
    SECRETS: _fill_secret,
    NAMESPACES: _fill_namespace,
}
