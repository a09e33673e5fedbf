"""What the test partner adds to a server: faults on demand, nodes that fall silent, a role, and pods as processes."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes
import psutil
import pytest
import urllib3

from cluster import Cluster, Image

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def here(cluster: Cluster, partner: Any) -> None:
    """The namespace that the test's own view of the cluster means."""
    cluster.namespace = partner.namespace


def no_retries(client: Any) -> Any:
    client.rest_client.pool_manager.connection_pool_kw["retries"] = False
    return client


def test_a_role_allows_what_it_says_and_nothing_else(cluster: Cluster, partner: Any, refusal: Any) -> None:
    rules = [{"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "get"]}]
    client = kubernetes.config.new_client_from_config(str(cluster.user("somebody", {"rules": rules})))
    batch = kubernetes.client.BatchV1Api(client)
    batch.create_namespaced_job(partner.namespace, partner.job("one"))
    code, status = refusal(batch.delete_namespaced_job, "one", partner.namespace)
    assert (code, status["reason"]) == (403, "Forbidden")
    assert status["message"] == (
        'jobs.batch "one" is forbidden: User "somebody" cannot delete resource "jobs" in API group "batch" in the '
        f'namespace "{partner.namespace}"'
    )
    code, status = refusal(kubernetes.client.CoreV1Api(client).read_namespaced_pod_log, "one", partner.namespace)
    assert 'cannot get resource "pods/log" in API group ""' in status["message"]
    code, status = refusal(kubernetes.client.CoreV1Api(client).list_node)
    assert status["message"] == (
        'nodes is forbidden: User "somebody" cannot list resource "nodes" in API group "" at the cluster scope'
    )
    asked = [(one.verb, one.resource) for one in cluster.requests if one.user == "somebody"]
    assert asked == [("create", "jobs"), ("delete", "jobs"), ("get", "pods/log"), ("list", "nodes")]
    client.close()


def test_errors_come_as_often_as_asked(cluster: Cluster, partner: Any, refusal: Any) -> None:
    cluster.faults.fail(500, times=2, verb="list", resource="pods")
    for _ in range(2):
        code, status = refusal(partner.core.list_namespaced_pod, partner.namespace)
        assert (code, status["reason"]) == (500, "InternalError")
    partner.core.list_namespaced_pod(partner.namespace)


def test_a_throttled_client_is_told_when_to_come_back(cluster: Cluster, partner: Any) -> None:
    cluster.faults.throttle(retry_after=7)
    no_retries(partner.client)
    with pytest.raises(kubernetes.client.ApiException) as caught:
        partner.core.list_namespaced_pod(partner.namespace)
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (429, "7")


def test_a_lost_answer_is_of_something_done(cluster: Cluster, partner: Any) -> None:
    cluster.faults.lose_answer(verb="create", resource="jobs")
    no_retries(partner.client)
    with pytest.raises(urllib3.exceptions.HTTPError):
        partner.create_job("done", suspend=True)
    assert partner.read_job("done").metadata.name == "done"


def test_a_dropped_request_is_not_done(cluster: Cluster, partner: Any) -> None:
    cluster.faults.drop(verb="create", resource="jobs")
    no_retries(partner.client)
    with pytest.raises(urllib3.exceptions.HTTPError):
        partner.create_job("undone", suspend=True)
    assert partner.gone(partner.batch.read_namespaced_job, "undone")


def test_a_server_that_hangs_lets_the_client_run_out_of_time(cluster: Cluster, partner: Any) -> None:
    cluster.faults.hang(verb="list")
    no_retries(partner.client)
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        partner.core.list_namespaced_pod(partner.namespace, _request_timeout=0.2)
    partner.core.list_namespaced_pod(partner.namespace)


def test_pods_go_on_while_the_server_restarts(cluster: Cluster, partner: Any) -> None:
    partner.create_job("steady", "sleep 60")
    (pod,) = partner.when_running("steady")
    (process,) = cluster.pids(pod.metadata.name)

    no_retries(partner.client)

    def down() -> None:
        with pytest.raises(urllib3.exceptions.HTTPError):
            partner.read_job("steady")

    cluster.restart(down)
    assert partner.read_job("steady").status.active == 1
    assert cluster.pids(pod.metadata.name) == [process]


def test_nothing_of_a_pod_outlives_it(cluster: Cluster, partner: Any) -> None:
    partner.create_job("family", "setsid sleep 1234 & (setsid sleep 1234 &) ; sleep 0.3; echo here; sleep 60")
    (pod,) = partner.when_running("family")
    partner.eventually(lambda: "here" in partner.log(pod.metadata.name), "the children")
    (first,) = cluster.pids(pod.metadata.name)
    runtime = psutil.Process(first).parent()
    assert runtime is not None
    everybody = [runtime, *runtime.children(recursive=True)]
    assert sum("1234" in " ".join(one.cmdline()) for one in everybody) >= 2
    partner.batch.delete_namespaced_job("family", partner.namespace, propagation_policy="Background")
    partner.eventually(lambda: not partner.pods("family"), "the end of its pods")
    assert psutil.wait_procs(everybody, timeout=5)[1] == []


def test_nothing_outlives_the_cluster(tmp_path: Path) -> None:
    with Cluster(tmp_path / "other", images=["image"]) as other:
        spec = {
            "restartPolicy": "Never",
            "containers": [{"name": "main", "image": "image", "command": ["sleep", "60"]}],
        }
        other.create("pods", {"metadata": {"name": "one"}, "spec": spec})
        (pid,) = other.wait_for(lambda: other.pids("one"), "a process")
        process = psutil.Process(pid)
    assert not process.is_running()


def test_nothing_outlives_a_killed_test_process(tmp_path: Path) -> None:
    script, partners = HERE / "killed_cluster.py", HERE.parents[1] / "partners"
    command = [sys.executable, str(script), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(partners)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout is not None
        runtime = psutil.Process(int(tests.stdout.readline())).parent()
        assert runtime is not None
        everybody = [runtime, *runtime.children(recursive=True)]
        tests.kill()
    assert psutil.wait_procs(everybody, timeout=10)[1] == []


def test_a_silent_node_leaves_its_pods_until_it_is_gone(cluster: Cluster, partner: Any) -> None:
    rule = {"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget"}]}
    partner.create_job("cut-off", "sleep 60", podFailurePolicy={"rules": [rule]})
    (pod,) = partner.when_running("cut-off")
    cluster.lose(pod.spec.node_name)
    partner.eventually(lambda: partner.pods("cut-off")[0].metadata.deletion_timestamp, "the taint manager")
    (left,) = partner.pods("cut-off")
    reasons = {one.type: one.reason for one in left.status.conditions}
    assert (left.status.phase, reasons["DisruptionTarget"]) == ("Running", "DeletionByTaintManager")
    node = partner.core.read_node(pod.spec.node_name)
    assert [one.status for one in node.status.conditions if one.type == "Ready"] == ["Unknown"]
    assert partner.read_job("cut-off").status.conditions is None
    cluster.remove_node(pod.spec.node_name)
    assert partner.when_ended("cut-off").reason == "PodFailurePolicy"


@pytest.mark.parametrize(
    ("how", "reason", "disruption"),
    [
        ("shut_down", "Terminated", "TerminationByKubelet"),
        ("put_under_pressure", "Evicted", "TerminationByKubelet"),
        ("evict", None, "EvictionByEvictionAPI"),
        ("preempt", None, "PreemptionByScheduler"),
    ],
)
def test_a_pod_that_others_end_says_so(
    cluster: Cluster, partner: Any, how: str, reason: str | None, disruption: str
) -> None:
    partner.create_job("moved", "trap 'exit 0' TERM; while true; do sleep 0.05; done", backoffLimit=5, suspend=False)
    (pod,) = partner.when_running("moved")
    watching = kubernetes.watch.Watch()
    getattr(cluster, how)(pod.spec.node_name if how == "shut_down" else pod.metadata.name)
    name = f"metadata.name={pod.metadata.name}"
    listing = partner.core.list_namespaced_pod
    assert any(
        (one.type, one.reason, event["object"].status.reason) == ("DisruptionTarget", disruption, reason)
        for event in watching.stream(listing, partner.namespace, field_selector=name, timeout_seconds=30)
        for one in event["object"].status.conditions
    )


def test_a_kill_for_memory_can_be_had_at_once(cluster: Cluster, partner: Any) -> None:
    partner.create_job("greedy", "sleep 60")
    (pod,) = partner.when_running("greedy")
    cluster.kill_for_memory(pod.metadata.name)
    partner.when_ended("greedy")
    ended = partner.pods("greedy")[0].status.container_statuses[0].state.terminated
    assert (ended.exit_code, ended.reason) == (137, "OOMKilled")


def test_paths_of_volumes_and_names_of_peers_mean_something_here(
    cluster: Cluster, partner: Any, tmp_path: Path
) -> None:
    cluster.images.add("python", Image(command=("python", "-c"), environment={"FROM_IMAGE": "1"}))
    names = "('DATA', 'KEPT', 'PEER', 'FROM_IMAGE', 'HOME')"
    code = f"import os; print(os.getcwd(), *(os.environ.get(n) for n in {names}), sep=chr(10))"
    env = [
        {"name": "DATA", "value": "--root=/work-folder/data"},
        {"name": "KEPT", "value": f"{tmp_path}/store"},
        {"name": "PEER", "value": "peers-0.peers:29500"},
    ]
    mounts = [{"name": "work", "mountPath": "/work-folder"}, {"name": "tmp", "mountPath": str(tmp_path.parents[-2])}]
    volumes = [{"name": "work", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}]
    container = {
        "image": "python",
        "command": None,
        "args": [code],
        "env": env,
        "workingDir": "/work-folder",
        "volumeMounts": mounts,
    }
    two = {"completionMode": "Indexed", "completions": 2, "parallelism": 2}
    partner.create_job("peers", container=container, pod={"subdomain": "peers", "volumes": volumes}, **two)
    partner.when_ended("peers")
    first, second = (partner.log(pod.metadata.name).splitlines() for pod in partner.pods("peers"))
    pods = cluster.folder / "pods"
    assert Path(first[0]).is_relative_to(pods)
    assert first[1].removeprefix("--root=") == f"{first[0]}/data"
    assert first[2] == f"{tmp_path}/store"
    assert first[3].startswith("127.0.0.1:")
    assert first[3] == second[3]
    assert first[4:] == ["1", "None"]


def test_what_the_partner_does_not_have_it_says(partner: Any, refusal: Any) -> None:
    partner.create_job("chatty", "echo one")
    partner.when_ended("chatty")
    name = partner.pods("chatty")[0].metadata.name
    code, _ = refusal(partner.core.read_namespaced_pod_log, name, partner.namespace, since_seconds=5)
    assert code == 501
