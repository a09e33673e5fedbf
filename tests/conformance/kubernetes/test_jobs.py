"""What the Job controller and the nodes make of a Job."""

from typing import Any

import pytest

INDEXED = {"completionMode": "Indexed", "completions": 2, "parallelism": 2}
INDEX = "batch.kubernetes.io/job-completion-index"


def test_each_index_has_a_pod_that_knows_which_it_is(server: Any) -> None:
    made = server.create_job(
        "two", "echo index $JOB_COMPLETION_INDEX of $(hostname); sleep 60", **INDEXED, pod={"subdomain": "two"}
    )
    pods = server.when_running("two", 2)
    assert [pod.metadata.annotations[INDEX] for pod in pods] == ["0", "1"]
    assert [pod.metadata.labels[INDEX] for pod in pods] == ["0", "1"]
    assert [pod.spec.hostname for pod in pods] == ["two-0", "two-1"]
    assert [pod.metadata.name[:-5] for pod in pods] == ["two-0-", "two-1-"]
    owners = [pod.metadata.owner_references[0] for pod in pods]
    assert all((owner.kind, owner.uid, owner.controller) == ("Job", made.metadata.uid, True) for owner in owners)
    assert made.spec.selector.match_labels == {"batch.kubernetes.io/controller-uid": made.metadata.uid}


def test_a_job_is_complete_when_all_indexes_are(server: Any) -> None:
    server.create_job("two", "true", **INDEXED)
    end = server.when_ended("two")
    assert (end.type, end.reason) == ("Complete", "CompletionsReached")
    status = server.read_job("two").status
    assert (status.succeeded, status.completed_indexes) == (2, "0,1")
    assert status.completion_time is not None
    assert [one.type for one in status.conditions] == ["SuccessCriteriaMet", "Complete"]
    assert not status.active


def test_a_failed_pod_fails_a_job_without_retries(server: Any) -> None:
    server.create_job("bad", "if [ $JOB_COMPLETION_INDEX = 1 ]; then exit 3; fi; sleep 60", **INDEXED)
    end = server.when_ended("bad")
    assert (end.type, end.reason) == ("Failed", "BackoffLimitExceeded")
    assert end.message == "Job has reached the specified backoff limit"
    status = server.read_job("bad").status
    assert [one.type for one in status.conditions] == ["FailureTarget", "Failed"]
    assert status.failed >= 1
    (pod,) = (one for one in server.pods("bad") if one.metadata.annotations[INDEX] == "1")
    ended = pod.status.container_statuses[0]
    assert (ended.state.terminated.exit_code, ended.state.terminated.reason) == (3, "Error")
    assert ("BackoffLimitExceeded", end.message) in server.events("bad")


def test_a_failure_policy_says_which_rule_failed_the_job(server: Any) -> None:
    rule = {"action": "FailJob", "onExitCodes": {"containerName": "main", "operator": "In", "values": [42]}}
    server.create_job("bad", "exit 42", podFailurePolicy={"rules": [rule]}, backoffLimit=3)
    end = server.when_ended("bad")
    (pod,) = server.pods("bad")
    assert end.reason == "PodFailurePolicy"
    where = f"pod {server.namespace}/{pod.metadata.name}"
    assert end.message == f"Container main for {where} failed with exit code 42 matching FailJob rule at index 0"


def test_an_evicted_pod_is_a_disruption_and_fails_the_job_by_its_rule(server: Any) -> None:
    rule = {"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget"}]}
    command = "trap 'echo asked; exit 7' TERM; echo ready; while true; do sleep 0.1; done"
    server.create_job("moved", command, podFailurePolicy={"rules": [rule]})
    (pod,) = server.when_running("moved")
    name = pod.metadata.name
    server.eventually(lambda: "ready" in server.log(name), "the trap")
    eviction = {"metadata": {"name": name, "namespace": server.namespace}}
    server.core.create_namespaced_pod_eviction(name, server.namespace, eviction)
    end = server.when_ended("moved")
    assert end.reason == "PodFailurePolicy"
    assert end.message.endswith(
        f"{server.namespace}/{name} has condition DisruptionTarget matching FailJob rule at index 0"
    )


def test_a_deadline_ends_a_job(server: Any) -> None:
    server.create_job("long", "sleep 60", activeDeadlineSeconds=1)
    end = server.when_ended("long")
    assert (end.type, end.reason) == ("Failed", "DeadlineExceeded")
    assert end.message == "Job was active longer than specified deadline"


def test_an_ended_job_goes_in_time_with_its_pods(server: Any) -> None:
    server.create_job("brief", "true", ttlSecondsAfterFinished=0)
    server.eventually(lambda: server.gone(server.batch.read_namespaced_job, "brief"), "the end of the Job")
    server.eventually(lambda: not server.pods("brief"), "the end of its pods")


def test_a_suspended_job_has_no_pods_until_it_is_let_go(server: Any) -> None:
    server.create_job("waiting", "sleep 60", suspend=True)
    server.eventually(lambda: "Suspended" in server.conditions("waiting"), "the condition")
    assert not server.pods("waiting")
    assert server.read_job("waiting").status.start_time is None
    server.batch.patch_namespaced_job("waiting", server.namespace, {"spec": {"suspend": False}})
    server.when_running("waiting")
    assert server.read_job("waiting").status.start_time is not None
    server.batch.patch_namespaced_job("waiting", server.namespace, {"spec": {"suspend": True}})
    server.eventually(lambda: not server.pods("waiting"), "the end of its pods")


@pytest.mark.parametrize("policy", ["Background", "Foreground"])
def test_a_deleted_job_takes_pods_and_service_along(server: Any, policy: str) -> None:
    made = server.create_job("gone", "sleep 60")
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "gone", "uid": made.metadata.uid}
    service = {
        "metadata": {"name": "gone", "ownerReferences": [owner]},
        "spec": {"clusterIP": "None", "selector": {"a": "b"}},
    }
    server.core.create_namespaced_service(server.namespace, service)
    server.when_running("gone")
    server.batch.delete_namespaced_job("gone", server.namespace, propagation_policy=policy)
    server.eventually(lambda: server.gone(server.batch.read_namespaced_job, "gone"), "the end of the Job")
    server.eventually(lambda: not server.pods("gone"), "the end of its pods")
    server.eventually(lambda: server.gone(server.core.read_namespaced_service, "gone"), "the end of its Service")


def test_a_job_deleted_without_a_policy_leaves_its_pods(server: Any) -> None:
    server.create_job("left", "sleep 60")
    server.when_running("left")
    server.batch.delete_namespaced_job("left", server.namespace)
    server.eventually(lambda: server.gone(server.batch.read_namespaced_job, "left"), "the end of the Job")
    (pod,) = server.pods("left")
    server.eventually(lambda: not server.pods("left")[0].metadata.owner_references, "an orphan")
    server.core.delete_namespaced_pod(pod.metadata.name, server.namespace, grace_period_seconds=0)


def test_logs_can_be_read_of_running_and_of_ended_pods(server: Any) -> None:
    server.create_job("chatty", "echo one; echo two; echo three >&2")
    server.when_ended("chatty")
    name = server.pods("chatty")[0].metadata.name
    assert server.log(name) == "one\ntwo\nthree\n"
    assert server.log(name, tail_lines=1) == "three\n"
    assert server.log(name, limit_bytes=4) == "one\n"


def test_a_followed_log_ends_with_the_container(server: Any) -> None:
    server.create_job("chatty", "for i in 1 2 3; do echo $i; sleep 0.2; done")
    server.eventually(
        lambda: server.pods("chatty") and server.pods("chatty")[0].status.phase in {"Running", "Succeeded"}, "a start"
    )
    name = server.pods("chatty")[0].metadata.name
    assert server.log(name, follow=True) == "1\n2\n3\n"


def test_variables_come_from_the_spec_a_secret_and_the_pod(server: Any) -> None:
    server.core.create_namespaced_secret(
        server.namespace, {"metadata": {"name": "keys"}, "stringData": {"TOKEN": "t", "MORE": "m"}}
    )
    env = [
        {"name": "ONE", "value": "1"},
        {"name": "BOTH", "value": "$(ONE)-$(TWO)-$$(ONE)"},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "TOKEN"}}},
        {"name": "NONE", "valueFrom": {"secretKeyRef": {"name": "none", "key": "TOKEN", "optional": True}}},
        {"name": "SPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
    ]
    sources = [{"secretRef": {"name": "keys"}}, {"secretRef": {"name": "none", "optional": True}}]
    command = "echo $BOTH $KEY ${NONE-unset} $SPACE $MORE"
    server.create_job("env", command, container={"env": env, "envFrom": sources})
    server.when_ended("env")
    log = server.log(server.pods("env")[0].metadata.name)
    assert log == f"1-$(TWO)-$(ONE) t unset {server.namespace} m\n"


def test_a_missing_secret_keeps_the_container_waiting(server: Any) -> None:
    env = [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "none", "key": "TOKEN"}}}]
    server.create_job("env", container={"env": env})

    def waiting() -> Any:
        statuses = [status for pod in server.pods("env") for status in pod.status.container_statuses or []]
        found = statuses[0].state.waiting if statuses else None
        return found if found and found.reason == "CreateContainerConfigError" else None

    assert server.eventually(waiting, "the reason").message == 'secret "none" not found'


def test_volumes_are_there_and_shared_by_the_containers_of_a_pod(server: Any) -> None:
    mount = [{"name": "work", "mountPath": "/work-folder"}]
    first = {
        "name": "first",
        "image": server.image,
        "command": ["sh", "-c", "echo hello > /work-folder/note"],
        "volumeMounts": mount,
    }
    pod = {"initContainers": [first], "volumes": [{"name": "work", "emptyDir": {}}]}
    server.create_job("files", "cat note", pod=pod, container={"volumeMounts": mount, "workingDir": "/work-folder"})
    assert server.when_ended("files").type == "Complete"
    assert server.log(server.pods("files")[0].metadata.name) == "hello\n"


def test_too_much_memory_is_137_and_says_so(server: Any) -> None:
    command = "a=0123456789abcdef; while true; do a=$a$a; done"
    server.create_job("greedy", command, container={"resources": {"limits": {"memory": "64Mi"}}})
    server.when_ended("greedy")
    ended = server.pods("greedy")[0].status.container_statuses[0].state.terminated
    assert (ended.exit_code, ended.reason) == (137, "OOMKilled")


def test_the_first_process_is_not_ended_by_a_sigterm_that_it_does_not_handle(server: Any) -> None:
    server.create_job("deaf", "echo ready; while true; do sleep 0.1; done", pod={"terminationGracePeriodSeconds": 1})
    (pod,) = server.when_running("deaf")
    server.core.delete_namespaced_pod(pod.metadata.name, server.namespace)
    server.when_ended("deaf")
    assert server.read_job("deaf").status.failed == 1


def test_the_last_words_are_kept(server: Any) -> None:
    container = {"terminationMessagePolicy": "FallbackToLogsOnError"}
    server.create_job("loud", "echo all went wrong; exit 1", container=container)
    server.when_ended("loud")
    ended = server.pods("loud")[0].status.container_statuses[0].state.terminated
    assert ended.message == "all went wrong\n"
