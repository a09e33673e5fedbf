"""Why a pod does not run yet, in the words that people are shown."""

import re
from typing import Any

import kubernetes
import pytest

from cluster import Cluster, Node


def unscheduled(server: Any, job: str) -> Any:
    """What the scheduler says about a Job's pod."""

    def found() -> Any:
        conditions = [one for pod in server.pods(job) for one in pod.status.conditions or []]
        return next((one for one in conditions if (one.type, one.status) == ("PodScheduled", "False")), None)

    return server.eventually(found, "the scheduler's words")


def test_too_much_for_every_node_is_unschedulable(server: Any) -> None:
    server.create_job("large", container={"resources": {"requests": {"cpu": "1000"}}})
    condition = unscheduled(server, "large")
    assert condition.reason == "Unschedulable"
    assert re.match(r"0/\d+ nodes are available: .*\d+ Insufficient cpu", condition.message)
    name = server.pods("large")[0].metadata.name
    server.eventually(lambda: ("FailedScheduling", condition.message) in server.events(name), "the event")


def test_a_selector_that_no_node_has_is_unschedulable(server: Any) -> None:
    server.create_job("picky", pod={"nodeSelector": {"no-such-label": "x"}})
    assert "node(s) didn't match Pod's node affinity/selector" in unscheduled(server, "picky").message


def test_a_quota_refuses_pods_until_there_is_room(server: Any) -> None:
    quota = {"metadata": {"name": "team"}, "spec": {"hard": {"requests.cpu": "100m"}}}
    server.core.create_namespaced_resource_quota(server.namespace, quota)
    server.eventually(
        lambda: server.core.read_namespaced_resource_quota("team", server.namespace).status.hard, "the count"
    )
    resources = {"resources": {"requests": {"cpu": "60m"}}}
    server.create_job("first", "sleep 60", container=resources)
    server.when_running("first")
    server.create_job("second", "sleep 60", container=resources)

    def refused() -> list[str]:
        return [message for reason, message in server.events("second") if reason == "FailedCreate"]

    (words, *_) = server.eventually(refused, "the refusal")
    amounts = "requested: requests.cpu=60m, used: requests.cpu=60m, limited: requests.cpu=100m"
    assert words.startswith('Error creating: pods "second-')
    assert words.endswith(f"is forbidden: exceeded quota: team, {amounts}")
    used = server.core.read_namespaced_resource_quota("team", server.namespace).status.used
    assert used == {"requests.cpu": "60m"}
    server.batch.delete_namespaced_job("first", server.namespace, propagation_policy="Background")
    server.when_running("second")


def test_a_quota_wants_every_container_to_say_what_it_needs(server: Any) -> None:
    server.core.create_namespaced_resource_quota(
        server.namespace, {"metadata": {"name": "team"}, "spec": {"hard": {"requests.cpu": "1"}}}
    )
    server.eventually(
        lambda: server.core.read_namespaced_resource_quota("team", server.namespace).status.hard, "the count"
    )
    server.create_job("silent")
    words = "failed quota: team: must specify requests.cpu for: main"
    server.eventually(lambda: any(words in message for _, message in server.events("silent")), "the refusal")


def test_a_count_quota_refuses_the_job_itself(server: Any, refusal: Any) -> None:
    server.core.create_namespaced_resource_quota(
        server.namespace, {"metadata": {"name": "team"}, "spec": {"hard": {"count/jobs.batch": "1"}}}
    )
    server.eventually(
        lambda: server.core.read_namespaced_resource_quota("team", server.namespace).status.hard, "the count"
    )
    server.create_job("first", suspend=True)
    code, status = refusal(server.create_job, "second", suspend=True)
    assert (code, status["reason"]) == (403, "Forbidden")
    assert 'jobs.batch "second" is forbidden: exceeded quota: team, requested: count/jobs.batch=1' in status["message"]


def test_an_image_that_nobody_has_is_backed_off_from(server: Any) -> None:
    image = "registry.invalid/none@sha256:" + "0" * 64
    server.create_job("missing", container={"image": image})

    def reason() -> str:
        statuses = [status for pod in server.pods("missing") for status in pod.status.container_statuses or []]
        return statuses[0].state.waiting.reason if statuses and statuses[0].state.waiting else ""

    server.eventually(lambda: reason() == "ImagePullBackOff", "ImagePullBackOff")
    name = server.pods("missing")[0].metadata.name
    assert server.pods("missing")[0].status.phase == "Pending"
    assert any(r == "Failed" and m.startswith(f'Failed to pull image "{image}"') for r, m in server.events(name))


def test_a_missing_service_account_refuses_pods(server: Any) -> None:
    server.create_job("nobody", pod={"serviceAccountName": "none"})
    words = f'error looking up service account {server.namespace}/none: serviceaccount "none" not found'
    server.eventually(lambda: any(words in message for _, message in server.events("nobody")), "the refusal")


def test_a_missing_priority_class_refuses_pods(server: Any) -> None:
    server.create_job("urgent", pod={"priorityClassName": "no-such-class"})
    words = "no PriorityClass with name no-such-class was found"
    server.eventually(lambda: any(words in message for _, message in server.events("urgent")), "the refusal")


def test_a_restricted_namespace_refuses_what_is_not(server: Any) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    server.core.patch_namespace(server.namespace, {"metadata": {"labels": labels}})
    server.create_job("free")
    words = 'violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "main" must set'
    server.eventually(lambda: any(words in message for _, message in server.events("free")), "the refusal")
    contained = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    pod = {"securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}}
    server.create_job("contained", container={"securityContext": contained}, pod=pod)
    server.eventually(lambda: server.pods("contained"), "a pod")


def test_a_log_that_has_not_begun_says_what_it_waits_for(server: Any, refusal: Any) -> None:
    server.create_job("missing", container={"image": "registry.invalid/none:1"})
    server.eventually(
        lambda: server.pods("missing") and server.pods("missing")[0].status.container_statuses, "a status"
    )
    name = server.pods("missing")[0].metadata.name
    code, status = refusal(server.core.read_namespaced_pod_log, name, server.namespace)
    assert code == 400
    assert f'container "main" in pod "{name}" is waiting to start: ' in status["message"]


def test_an_untolerated_taint_keeps_pods_away(partner: Any, cluster: Cluster) -> None:
    for name in ("node-a", "node-b"):
        cluster.remove_node(name)
    taint = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
    cluster.add_node(Node("gpu-1", resources={"nvidia.com/gpu": "1"}, taints=[taint]))
    partner.create_job("kept-away")
    assert "1 node(s) had untolerated taint {nvidia.com/gpu: present}" in unscheduled(partner, "kept-away").message
    tolerations = [{"key": "nvidia.com/gpu", "operator": "Exists"}]
    partner.create_job(
        "let-in", pod={"tolerations": tolerations}, container={"resources": {"limits": {"nvidia.com/gpu": "1"}}}
    )
    assert partner.when_ended("let-in").type == "Complete"


def test_a_waiting_pod_runs_when_a_node_comes(partner: Any, cluster: Cluster) -> None:
    partner.create_job("large", container={"resources": {"requests": {"cpu": "8"}}})
    unscheduled(partner, "large")
    cluster.add_node(Node("node-large", cpu="16"))
    assert partner.when_ended("large").type == "Complete"


def test_an_image_that_comes_later_is_run(partner: Any, cluster: Cluster) -> None:
    partner.create_job("late", container={"image": "late:1"})
    partner.eventually(lambda: partner.pods("late") and partner.pods("late")[0].status.container_statuses, "a status")
    cluster.images.add("late:1")
    assert partner.when_ended("late").type == "Complete"


def test_more_important_pods_take_the_place_of_others(partner: Any) -> None:
    scheduling = kubernetes.client.SchedulingV1Api(partner.client)
    scheduling.create_priority_class({"metadata": {"name": "high"}, "value": 1000})
    whole = {"resources": {"requests": {"cpu": "4"}}}
    rule = {"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget"}]}
    two = {"completionMode": "Indexed", "completions": 2, "parallelism": 2}
    partner.create_job("low", "sleep 60", container=whole, podFailurePolicy={"rules": [rule]}, **two)
    partner.when_running("low", 2)
    partner.create_job("high", "true", container=whole, pod={"priorityClassName": "high"})
    assert partner.when_ended("high").type == "Complete"
    assert partner.when_ended("low").reason == "PodFailurePolicy"


@pytest.mark.parametrize("queue", ["team-a", "unknown"])
def test_a_queue_holds_a_job_back_until_it_is_admitted(partner: Any, cluster: Cluster, queue: str) -> None:
    cluster.namespace = partner.namespace
    cluster.queue("team-a")
    partner.create_job("queued", "sleep 60", suspend=True, labels={"kueue.x-k8s.io/queue-name": queue})
    custom = kubernetes.client.CustomObjectsApi(partner.client)

    def reserved() -> Any:
        found = custom.list_namespaced_custom_object("kueue.x-k8s.io", "v1beta1", partner.namespace, "workloads")[
            "items"
        ]
        conditions = [one for item in found for one in item.get("status", {}).get("conditions", [])]
        return next((one for one in conditions if one["type"] == "QuotaReserved"), None)

    waiting = partner.eventually(reserved, "a Workload")
    assert (waiting["status"], waiting["reason"]) == ("False", "Pending" if queue == "team-a" else "Inadmissible")
    assert not partner.pods("queued")
    cluster.admit("queued")
    partner.when_running("queued")
    cluster.take_quota_from("queued")
    partner.eventually(lambda: not partner.pods("queued"), "the end of its pods")
