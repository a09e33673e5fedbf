"""What a Job's podFailurePolicy says about a failed pod."""

from dataclasses import dataclass

from cluster.objects import Json, at, each, name_of, namespace_of


@dataclass(frozen=True)
class Verdict:
    """What is done about a failed pod, and why."""

    action: str
    words: str = ""


def verdict_on(job: Json, pod: Json) -> Verdict:
    """The action of the first rule that matches; `Count` where none does."""
    rules = at(job, "spec", "podFailurePolicy", "rules", default=[])
    for index, (_, rule) in enumerate(each(rules, "")):
        action = rule["action"]
        if "onExitCodes" in rule and (container := _exited(rule["onExitCodes"], pod)) is not None:
            code = container["state"]["terminated"]["exitCode"]
            where = f"Container {container['name']} for pod {namespace_of(pod)}/{name_of(pod)}"
            return Verdict(action, f"{where} failed with exit code {code} matching {action} rule at index {index}")
        if "onPodConditions" in rule and (kind := _has_condition(rule["onPodConditions"], pod)):
            where = f"Pod {namespace_of(pod)}/{name_of(pod)}"
            return Verdict(action, f"{where} has condition {kind} matching {action} rule at index {index}")
    return Verdict("Count")


def _exited(codes: Json, pod: Json) -> Json | None:
    status = pod["status"]
    for container in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        ended = at(container, "state", "terminated")
        if ended is None or codes.get("containerName", container["name"]) != container["name"]:
            continue
        if ended["exitCode"] != 0 and (ended["exitCode"] in codes["values"]) is (codes["operator"] == "In"):
            found: Json = container
            return found
    return None


def _has_condition(patterns: list[Json], pod: Json) -> str:
    conditions = pod["status"].get("conditions", [])
    for pattern in patterns:
        for one in conditions:
            if (one["type"], one["status"]) == (pattern["type"], pattern["status"]):
                return str(one["type"])
    return ""
