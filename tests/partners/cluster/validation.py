"""Which objects the server takes: the rules behind its 422 answers, each with the path of the field."""

import re
from collections.abc import Callable, Iterator
from typing import Final

from cluster.errors import Problem, invalid
from cluster.kinds import EVENTS, JOBS, NAMESPACES, PODS, SECRETS, SERVICES, Kind
from cluster.objects import Json, at
from cluster.pod_validation import pod_spec_problems
from cluster.pod_validation import pod_update_problems as pod_changes

Problems = Iterator[Problem]
LABEL: Final = re.compile(r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$")
DNS_LABEL: Final = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
SUBDOMAIN: Final = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
SERVICE_NAME: Final = re.compile(r"^[a-z]([-a-z0-9]*[a-z0-9])?$")
DNS_LABEL_WORDS: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
SUBDOMAIN_WORDS: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
SERVICE_WORDS: Final = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
LABEL_WORDS: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
KEY_WORDS: Final = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


def validate_new(kind: Kind, thing: Json) -> None:
    """Raise for an object that may not be created."""
    problems = [*_metadata(kind, thing), *CHECKS.get(kind, _nothing)(thing)]
    if problems:
        raise invalid(kind, thing["metadata"].get("name", ""), problems)


def validate_change(kind: Kind, thing: Json, before: Json) -> None:
    """Raise for a change that may not be made."""
    problems = [*_metadata(kind, thing), *CHANGES.get(kind, _no_change)(thing, before)]
    if not problems:
        problems = list(CHECKS.get(kind, _nothing)(thing)) if kind is not PODS else []
    if problems:
        raise invalid(kind, thing["metadata"].get("name", ""), problems)


def _nothing(thing: Json) -> Problems:  # noqa: ARG001 - kinds without rules of their own
    return iter(())


def _no_change(thing: Json, before: Json) -> Problems:  # noqa: ARG001 - the same
    return iter(())


def _metadata(kind: Kind, thing: Json) -> Problems:
    metadata = thing["metadata"]
    yield from _name(kind, metadata)
    yield from label_problems(metadata.get("labels") or {}, "metadata.labels")
    for key in metadata.get("annotations") or {}:
        yield from _key(key, "metadata.annotations")
    for index, owner in enumerate(metadata.get("ownerReferences") or []):
        for field in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(field):
                yield Problem.invalid(f"metadata.ownerReferences[{index}].{field}", "", f"{field} must not be empty")


def _name(kind: Kind, metadata: Json) -> Problems:
    name = metadata.get("name", "")
    if not name:
        yield Problem.required("metadata.name", "name or generateName is required")
    elif kind in {SERVICES, NAMESPACES}:
        limit, pattern, words = 63, SERVICE_NAME, SERVICE_WORDS
        if kind is NAMESPACES:
            pattern, words = DNS_LABEL, DNS_LABEL_WORDS
        if len(name) > limit:
            yield Problem.invalid("metadata.name", name, f"must be no more than {limit} characters")
        elif not pattern.match(name):
            yield Problem.invalid("metadata.name", name, words)
    elif len(name) > 253:
        yield Problem.invalid("metadata.name", name, "must be no more than 253 characters")
    elif not SUBDOMAIN.match(name) and not kind.group.startswith("rbac"):
        yield Problem.invalid("metadata.name", name, SUBDOMAIN_WORDS)


def label_problems(labels: Json, path: str) -> Problems:
    """Rules of label keys and values."""
    for key, value in labels.items():
        yield from _key(key, path)
        if len(value) > 63:
            yield Problem.invalid(path, value, "must be no more than 63 bytes")
        elif not LABEL.match(value):
            yield Problem.invalid(path, value, LABEL_WORDS)


def _key(key: str, path: str) -> Problems:
    prefix, slash, name = key.rpartition("/")
    if slash and not SUBDOMAIN.match(prefix):
        yield Problem.invalid(path, key, f"prefix part {SUBDOMAIN_WORDS}")
    if len(name) > 63:
        yield Problem.invalid(path, key, "name part must be no more than 63 bytes")
    elif not name or not LABEL.match(name):
        yield Problem.invalid(path, key, KEY_WORDS)


def _job(job: Json) -> Problems:
    spec = job["spec"]
    for field in ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"):
        if spec.get(field, 0) < 0:
            yield Problem.invalid(f"spec.{field}", spec[field], "must be greater than or equal to 0")
    yield from _completion_mode(job, spec)
    yield from _failure_policy(spec)
    template = spec["template"]
    yield from label_problems(at(template, "metadata", "labels", default={}), "spec.template.labels")
    yield from pod_spec_problems(template["spec"], "spec.template.spec")
    policy = template["spec"].get("restartPolicy")
    field = "spec.template.spec.restartPolicy"
    if policy is None:
        yield Problem.required(field, 'valid values: "OnFailure", "Never"')
    elif policy not in {"OnFailure", "Never"}:
        yield Problem.unsupported(field, policy, ("OnFailure", "Never"))


def _completion_mode(job: Json, spec: Json) -> Problems:
    mode = spec["completionMode"]
    if mode not in {"Indexed", "NonIndexed"}:
        yield Problem.unsupported("spec.completionMode", mode, ("Indexed", "NonIndexed"))
    if mode != "Indexed":
        if "backoffLimitPerIndex" in spec:
            yield Problem.invalid(
                "spec.backoffLimitPerIndex", spec["backoffLimitPerIndex"], "requires indexed completion mode"
            )
        return
    if "completions" not in spec:
        yield Problem.required("spec.completions", "when completion mode is Indexed")
        return
    if spec["parallelism"] > 100_000:
        yield Problem.invalid(
            "spec.parallelism",
            spec["parallelism"],
            "must be less than or equal to 100000 when completion mode is Indexed",
        )
    longest = f"{job['metadata'].get('name', '')}-{spec['completions'] - 1}" if spec["completions"] else ""
    if len(longest) > 63:
        yield Problem.invalid(
            "metadata.name", longest, "will not able to create pod with invalid DNS label: " + longest
        )


def _failure_policy(spec: Json) -> Problems:
    if "podFailurePolicy" not in spec:
        return
    if at(spec, "template", "spec", "restartPolicy") != "Never":
        policy = at(spec, "template", "spec", "restartPolicy", default="")
        yield Problem.invalid(
            "spec.template.spec.restartPolicy", policy, 'only "Never" is supported when podFailurePolicy is specified'
        )
    names = {one.get("name") for one in at(spec, "template", "spec", "containers", default=[])}
    for index, rule in enumerate(at(spec, "podFailurePolicy", "rules", default=[])):
        path = f"spec.podFailurePolicy.rules[{index}]"
        if rule.get("action") not in {"Count", "FailIndex", "FailJob", "Ignore"}:
            yield Problem.unsupported(f"{path}.action", rule.get("action"), ("Count", "FailIndex", "FailJob", "Ignore"))
        if rule.get("action") == "FailIndex" and "backoffLimitPerIndex" not in spec:
            yield Problem.invalid(f"{path}.action", "FailIndex", "requires the backoffLimitPerIndex to be set")
        if ("onExitCodes" in rule) is bool(rule.get("onPodConditions")):  # an empty list is none
            words = "specifying both" if "onExitCodes" in rule else "specifying one"
            yield Problem.invalid(
                f"{path}",
                rule,
                f"{words} of OnExitCodes and OnPodConditions is not supported"
                if "onExitCodes" in rule
                else "specifying one of OnExitCodes and OnPodConditions is required",
            )
        yield from _exit_codes(rule.get("onExitCodes"), f"{path}.onExitCodes", names)


def _exit_codes(codes: Json | None, path: str, names: set[str]) -> Problems:
    if codes is None:
        return
    if codes.get("operator") not in {"In", "NotIn"}:
        yield Problem.unsupported(f"{path}.operator", codes.get("operator"), ("In", "NotIn"))
    if codes.get("containerName") and codes["containerName"] not in names:
        yield Problem.invalid(
            f"{path}.containerName",
            codes["containerName"],
            "must be one of the container or initContainer names in the pod template",
        )
    values = codes.get("values") or []
    if not values:
        yield Problem.invalid(f"{path}.values", values, "at least one value is required")
    if codes.get("operator") == "In" and 0 in values:
        yield Problem.invalid(f"{path}.values[{values.index(0)}]", 0, "must not be 0 for the In operator")
    if sorted(set(values)) != values:
        yield Problem.invalid(f"{path}.values", values, "must be ordered and without duplicates")


JOB_FIXED: Final = ("completionMode", "selector", "podFailurePolicy", "backoffLimitPerIndex", "podReplacementPolicy")
SCHEDULING: Final = ("nodeSelector", "tolerations", "schedulingGates", "affinity")


def _job_change(job: Json, before: Json) -> Problems:
    new, old = job["spec"], before["spec"]
    for field in JOB_FIXED:
        if new.get(field) != old.get(field):
            yield Problem.invalid(f"spec.{field}", new.get(field), "field is immutable")
    elastic = new["completionMode"] == "Indexed" and new.get("completions") == new.get("parallelism")
    if new.get("completions") != old.get("completions") and not elastic:
        yield Problem.invalid("spec.completions", new.get("completions"), "field is immutable")
    waiting = old.get("suspend") and "startTime" not in before.get("status", {})
    if _fixed_template(new, waiting=waiting) != _fixed_template(old, waiting=waiting):
        yield Problem.invalid("spec.template", new["template"], "field is immutable")


def _fixed_template(spec: Json, *, waiting: bool) -> Json:
    """The template without what a queue may change before the Job has started."""
    template: Json = spec["template"]
    if not waiting:
        return template
    rest = {name: value for name, value in template["spec"].items() if name not in SCHEDULING}
    return {"spec": rest}


def _service(service: Json) -> Problems:
    spec = service["spec"]
    if not spec.get("ports") and spec.get("clusterIP") != "None":
        yield Problem.required("spec.ports")
    for index, port in enumerate(spec.get("ports") or []):
        if not 1 <= port.get("port", 0) <= 65535:
            yield Problem.invalid(
                f"spec.ports[{index}].port", port.get("port", 0), "must be between 1 and 65535, inclusive"
            )
        if len(spec["ports"]) > 1 and not port.get("name"):
            yield Problem.required(f"spec.ports[{index}].name")
    yield from label_problems(spec.get("selector") or {}, "spec.selector")


def _service_change(service: Json, before: Json) -> Problems:
    if service["spec"].get("clusterIP") != before["spec"].get("clusterIP"):
        yield Problem.invalid("spec.clusterIPs[0]", service["spec"].get("clusterIP"), "may not change once set")


def _secret(secret: Json) -> Problems:
    for name in secret.get("data") or {}:
        if not re.fullmatch(r"[-._a-zA-Z0-9]+", name):
            yield Problem.invalid(
                f"data[{name}]",
                name,
                "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
                "'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
            )


def _secret_change(secret: Json, before: Json) -> Problems:
    if before.get("immutable") and (secret.get("data") != before.get("data") or not secret.get("immutable")):
        yield Problem.forbidden("data", "field is immutable when `immutable` is set")
    if secret.get("type") != before.get("type"):
        yield Problem.invalid("type", secret.get("type"), "field is immutable")


def _event(event: Json) -> Problems:
    if at(event, "involvedObject", "namespace", default="") != event["metadata"].get("namespace"):
        yield Problem.invalid(
            "involvedObject.namespace",
            at(event, "involvedObject", "namespace", default=""),
            "does not match event.namespace",
        )


def _pod(pod: Json) -> Problems:
    yield from pod_spec_problems(pod["spec"], "spec")
    if pod["spec"]["restartPolicy"] not in {"Always", "OnFailure", "Never"}:
        yield Problem.unsupported("spec.restartPolicy", pod["spec"]["restartPolicy"], ("Always", "OnFailure", "Never"))


CHECKS: Final[dict[Kind, Callable[[Json], Problems]]] = {
    JOBS: _job,
    PODS: _pod,
    SERVICES: _service,
    SECRETS: _secret,
    EVENTS: _event,
}
CHANGES: Final[dict[Kind, Callable[[Json, Json], Problems]]] = {
    JOBS: _job_change,
    PODS: pod_changes,
    SERVICES: _service_change,
    SECRETS: _secret_change,
}
