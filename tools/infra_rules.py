"""What every service in the cluster promises, beyond what schemas and checkov know.

Each says when it is up, ready and alive, and what it takes. Each reaches what its labels say that it needs, and names,
and nothing else; nothing is open to everybody. Judged are whole overlays: a base alone names no database.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

Object = Mapping[str, Any]

RUNNING: Final = frozenset({"Deployment", "StatefulSet"})
PROBES: Final = ("startupProbe", "readinessProbe", "livenessProbe")
AMOUNTS: Final = frozenset({"cpu", "memory"})
NEED: Final = "slipway/needs-"
EVERYWHERE: Final = "0.0.0.0/0"
METADATA: Final = "169.254.0.0/16"
TO_EVERYWHERE: Final = frozenset({443})
"""Ports on which object storage without fixed addresses is reached."""
NAMES: Final = 53


def faults(objects: Sequence[Object]) -> list[str]:
    """Everything that is wrong, a sentence each."""
    policies = [one for one in objects if one["kind"] == "NetworkPolicy"]
    found = [fault for policy in policies for fault in _open(policy)]
    if not any(_denies(policy) for policy in policies):
        found.append("No policy denies what is not allowed.")
    for one in objects:
        pod = pod_of(one)
        if pod is not None:
            found += [f"{one['kind']} {one['metadata']['name']}: {fault}" for fault in _pod(one, pod, policies)]
        if one["kind"] == "Service":
            found += _unreached(one, policies)
    return found


def pod_of(one: Object) -> Object | None:
    """The template of its pods, if it makes any."""
    spec = one.get("spec", {})
    found: Object | None = spec.get("jobTemplate", {}).get("spec", spec).get("template")
    return found


def _pod(one: Object, pod: Object, policies: Sequence[Object]) -> Iterator[str]:
    labels = pod["metadata"]["labels"]
    yield from _containers(pod["spec"], probed=one["kind"] in RUNNING)
    if one["kind"] == "CronJob":
        yield from _ends(one["spec"])
    mine = [rule for policy in policies if selects(policy, labels) for rule in policy["spec"].get("egress", ())]
    if not any(port["port"] == NAMES for rule in mine for port in rule.get("ports", ())):
        yield "no policy lets it look up names."
    for label in (name for name in labels if name.startswith(NEED)):
        if not any(_selected_by(policy, label) and policy["spec"].get("egress") for policy in policies):
            yield f"no policy gives what `{label}` asks for."


def _containers(spec: Object, *, probed: bool) -> Iterator[str]:
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        name = container["name"]
        for kind in ("requests", "limits"):
            if lacking := AMOUNTS - container.get("resources", {}).get(kind, {}).keys():
                yield f"{name} has no {kind} of {' and '.join(sorted(lacking))}."
        if "@sha256:" not in container["image"]:
            yield f"{name} has an image without a digest."
    for container in spec["containers"] if probed else ():
        yield from (f"{container['name']} has no {probe}." for probe in PROBES if probe not in container)


def _ends(spec: Object) -> Iterator[str]:
    if spec.get("concurrencyPolicy") != "Forbid":
        yield "a second one may begin beside the first."
    if "activeDeadlineSeconds" not in spec["jobTemplate"]["spec"]:
        yield "it may hang for ever."


def _open(policy: Object) -> Iterator[str]:
    """Whether it lets in or out more than it names."""
    name = policy["metadata"]["name"]
    for way, peers in (("egress", "to"), ("ingress", "from")):
        for rule in policy["spec"].get(way, ()):
            if not rule.get(peers) or not rule.get("ports"):
                yield f"NetworkPolicy {name}: {way} is open: a rule names no {peers if rule.get('ports') else 'ports'}."
                continue
            blocks = [peer["ipBlock"] for peer in rule[peers] if "ipBlock" in peer]
            ports = {port["port"] for port in rule["ports"]}
            for block in (one for one in blocks if one["cidr"] == EVERYWHERE):
                if not ports <= TO_EVERYWHERE or METADATA not in block.get("except", ()):
                    yield f"NetworkPolicy {name}: {way} to everywhere on {sorted(ports)}."


def _denies(policy: Object) -> bool:
    spec = policy["spec"]
    everything = spec["podSelector"] == {} and set(spec["policyTypes"]) == {"Ingress", "Egress"}
    return everything and not spec.get("ingress") and not spec.get("egress")


def _unreached(service: Object, policies: Sequence[Object]) -> Iterator[str]:
    """Ports that nobody may reach."""
    selector = service["spec"]["selector"]
    rules = [rule for policy in policies if selects(policy, selector) for rule in policy["spec"].get("ingress", ())]
    reached = {port["port"] for rule in rules for port in rule.get("ports", ())}
    for port in service["spec"]["ports"]:
        if port["port"] not in reached:
            yield f"Service {service['metadata']['name']}: no policy lets anybody reach port {port['port']}."


def selects(policy: Object, labels: Mapping[str, str]) -> bool:
    """Whether a policy is about pods with these labels."""
    selector = policy["spec"]["podSelector"]
    exact = selector.get("matchLabels", {})
    listed = selector.get("matchExpressions", ())
    return exact.items() <= labels.items() and all(
        one["operator"] == "In" and labels.get(one["key"]) in one["values"] for one in listed
    )


def _selected_by(policy: Object, label: str) -> bool:
    return label in policy["spec"]["podSelector"].get("matchLabels", {})
