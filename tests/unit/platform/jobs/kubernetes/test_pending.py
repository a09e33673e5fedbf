"""What a job that has not begun waits for, in words, and whether waiting helps."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from slipway.platform.jobs.launchers.contract import Phase
from slipway.platform.jobs.launchers.kubernetes.judging import judge
from slipway.platform.jobs.launchers.kubernetes.objects import Event, Job, Pod, Workload
from slipway.platform.jobs.launchers.kubernetes.pending import Waits, explain
from slipway.platform.runs.records import Cause

MakeJob = Callable[..., Job]
MakePod = Callable[..., Pod]
SELECTOR = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. "
USELESS = "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
BUSY = (
    "0/5 nodes are available: 2 Insufficient nvidia.com/gpu, 3 node(s) didn't match Pod's node affinity/selector. "
    "preemption: 0/5 nodes are available: 2 No preemption victims found for incoming pod, "
    "3 Preemption is not helpful for scheduling."
)


def event(reason: str, message: str, kind: str = "Warning") -> Event:
    return Event.of({"reason": reason, "message": message, "type": kind})


def unscheduled(pod: MakePod, message: str, reason: str = "Unschedulable") -> Pod:
    condition = {"type": "PodScheduled", "status": "False", "reason": reason, "message": message}
    return pod("Pending", where="", conditions=(condition,))


def workload(
    uid: str = "u-1", *, message: str = "", reason: str = "Pending", made: int = 0, priority: int = 0
) -> Workload:
    condition = {"type": "QuotaReserved", "status": "False", "reason": reason, "message": message}
    metadata = {
        "name": f"job-{uid}",
        "creationTimestamp": f"2026-03-01T12:00:{made:02d}Z",
        "ownerReferences": [{"kind": "Job", "uid": uid}],
    }
    return Workload.of(
        {
            "metadata": metadata,
            "spec": {"queueName": "vision", "priority": priority},
            "status": {"conditions": [condition]},
        }
    )


@pytest.fixture
def queued(job: MakeJob) -> Job:
    return job(suspend=True, labels={"kueue.x-k8s.io/queue-name": "vision"})


def test_a_place_in_the_queue_and_what_is_short_are_told(queued: Job) -> None:
    message = (
        "couldn't assign flavors to pod set main: "
        "insufficient unused quota for nvidia.com/gpu in flavor l4, 2 more needed"
    )
    others = [workload("u-2", made=1), workload("u-3", made=9, priority=5), workload("u-4", made=8)]

    why = explain(Waits(queued, workloads=[workload(message=message, made=5), *others]))

    assert why.words == "It waits in queue vision at place 3 of 4; its quota is short of 2 nvidia.com/gpu (l4)."
    assert why.cause is None


def test_what_a_queue_can_never_have_is_hopeless(queued: Job) -> None:
    message = (
        "couldn't assign flavors to pod set main: insufficient quota for nvidia.com/gpu in flavor l4, "
        "request > maximum capacity (16 > 8)"
    )

    why = explain(Waits(queued, workloads=[workload(message=message)]))

    assert "16 of nvidia.com/gpu" in why.words
    assert "more than 8" in why.words
    assert why.cause is Cause.UNSCHEDULABLE


def test_a_queue_that_does_not_exist_is_hopeless(queued: Job) -> None:
    why = explain(Waits(queued, workloads=[workload(message="LocalQueue vision doesn't exist", reason="Inadmissible")]))

    assert "LocalQueue vision doesn't exist" in why.words
    assert why.cause is Cause.UNSCHEDULABLE


def test_without_a_right_to_look_the_queue_is_named(queued: Job) -> None:
    assert explain(Waits(queued)).words == "It waits in queue vision."


def test_a_job_that_somebody_suspended_says_so(job: MakeJob) -> None:
    assert "suspended" in explain(Waits(job(suspend=True))).words


def test_a_quota_tells_resource_asked_used_limit_and_by_how_much(job: MakeJob) -> None:
    message = (
        'Error creating: pods "x-0-abcde" is forbidden: exceeded quota: gpus, requested: requests.nvidia.com/gpu=2,'
        "requests.memory=8Gi, used: requests.nvidia.com/gpu=7,requests.memory=16Gi, "
        "limited: requests.nvidia.com/gpu=8,requests.memory=64Gi"
    )

    why = explain(Waits(job(), job_events=[event("FailedCreate", message)]))

    assert "quota `gpus` has 8 of requests.nvidia.com/gpu, 7 are used, this asks for 2: 1 too much" in why.words
    assert "memory" not in why.words
    assert why.cause is None


def test_what_no_quota_would_ever_let_in_is_hopeless(job: MakeJob) -> None:
    message = (
        "exceeded quota: small, requested: limits.memory=1536Mi, used: limits.memory=0, limited: limits.memory=1Gi"
    )

    why = explain(Waits(job(), job_events=[event("FailedCreate", message)]))

    assert "512Mi too much" in why.words
    assert why.cause is Cause.UNSCHEDULABLE


@pytest.mark.parametrize(
    "message",
    [
        'pods "x" is forbidden: error looking up service account a/b: serviceaccount "slipway-job" not found',
        'Error creating: pods "x" is forbidden: violates PodSecurity "restricted:latest": unrestricted capabilities',
        'Error creating: pods "x" is forbidden: no PriorityClass with name high was found',
    ],
    ids=["service account", "pod security", "priority class"],
)
def test_what_refuses_the_pods_is_told_in_its_own_words(job: MakeJob, message: str) -> None:
    why = explain(Waits(job(), job_events=[event("FailedCreate", message)]))

    assert message in why.words
    assert why.cause is Cause.UNSCHEDULABLE


def test_machines_that_will_never_do_are_hopeless(job: MakeJob, pod: MakePod) -> None:
    why = explain(Waits(job(), [unscheduled(pod, SELECTOR + USELESS)]))

    assert why.words == "None of 3 machines takes it: 3 do not have the labels of the target's node_selector."
    assert why.cause is Cause.UNSCHEDULABLE


def test_machines_that_others_use_may_become_free(job: MakeJob, pod: MakePod) -> None:
    why = explain(Waits(job(), [unscheduled(pod, BUSY)]))

    assert "2 have too little nvidia.com/gpu free" in why.words
    assert why.cause is None


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (f"0/3 nodes are available: 3 Insufficient memory. {USELESS}", "3 have too little memory free"),
        (
            f"0/3 nodes are available: 3 node(s) had untolerated taint {{gpu: reserved}}. {USELESS}",
            "taint that the target does not tolerate {gpu: reserved}",
        ),
        ("no nodes available to schedule pods", "the cluster has no machines"),
    ],
    ids=["too small", "taint", "no machines"],
)
def test_why_no_machine_will_do_is_told(job: MakeJob, pod: MakePod, message: str, words: str) -> None:
    why = explain(Waits(job(), [unscheduled(pod, message)]))

    assert words.lower() in why.words.lower()
    assert why.cause is Cause.UNSCHEDULABLE


def test_a_machine_that_is_being_started_is_worth_the_wait(job: MakeJob, pod: MakePod) -> None:
    started = event("TriggeredScaleUp", "pod triggered scale-up: [{gpu-pool 0->1 (max: 4)}]", "Normal")

    why = explain(Waits(job(), [unscheduled(pod, SELECTOR + USELESS)], pod_events=[started]))

    assert "is being started" in why.words
    assert "0->1" in why.words
    assert why.cause is None


def test_a_pool_that_is_used_up_is_worth_the_wait(job: MakeJob, pod: MakePod) -> None:
    full = event("NotTriggerScaleUp", "pod didn't trigger scale-up: 1 max node group size reached", "Normal")

    why = explain(Waits(job(), [unscheduled(pod, SELECTOR + USELESS)], pod_events=[full]))

    assert "max node group size reached" in why.words
    assert why.cause is None


@pytest.mark.parametrize(
    ("waiting", "cause"),
    [
        ({"reason": "ImagePullBackOff", "message": 'Back-off pulling image "r/x": not found'}, Cause.IMAGE_MISSING),
        ({"reason": "ErrImagePull", "message": "pull access denied"}, Cause.IMAGE_MISSING),
        ({"reason": "InvalidImageName", "message": "could not parse"}, Cause.IMAGE_MISSING),
        ({"reason": "CreateContainerConfigError", "message": 'secret "model-hub" not found'}, Cause.UNSCHEDULABLE),
        ({"reason": "ContainerCreating"}, None),
    ],
    ids=["back-off", "denied", "name", "secret", "creating"],
)
def test_what_keeps_a_container_from_beginning_is_told(
    job: MakeJob, pod: MakePod, waiting: Mapping[str, Any], cause: Cause | None
) -> None:
    why = explain(Waits(job(), [pod("Pending", waiting=waiting)]))

    assert waiting.get("message", "being started on machine-a") in why.words
    assert why.cause is cause


def test_an_image_on_its_way_is_told(job: MakeJob, pod: MakePod) -> None:
    pulling = event("Pulling", 'Pulling image "r/x@sha256:…"', "Normal")

    why = explain(Waits(job(), [pod("Pending", waiting={"reason": "ContainerCreating"})], pod_events=[pulling]))

    assert why.words == "machine-a fetches its image."


def test_a_node_that_is_late_is_told_while_others_run(job: MakeJob, pod: MakePod) -> None:
    late = unscheduled(pod, BUSY)
    pods = [
        pod("Running", node=0),
        late.model_copy(
            update={
                "metadata": late.metadata.model_copy(
                    update={"annotations": {"batch.kubernetes.io/job-completion-index": "1"}}
                )
            }
        ),
    ]
    there = job(completions=2)

    told = judge(there, pods, lambda: explain(Waits(there, pods)))

    assert told.phase is Phase.RUNNING
    assert told.words.startswith("Node 1 has not begun. None of 5 machines takes it")


def test_a_job_whose_place_the_queue_took_away_has_ended_there(queued: Job) -> None:
    taken = {"type": "Evicted", "status": "True", "reason": "Preempted", "message": "for a job of higher priority"}
    owner = {"ownerReferences": [{"kind": "Job", "uid": "u-1"}]}
    waits = Waits(queued, workloads=[Workload.of({"metadata": owner, "status": {"conditions": [taken]}})])

    told = judge(queued, [], lambda: explain(waits))

    assert (told.phase, told.cause) == (Phase.ENDED, Cause.EVICTED)
    assert "for a job of higher priority" in told.words
