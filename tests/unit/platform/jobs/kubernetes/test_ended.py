"""How a job ended: by the node that ended first, for the reason that it had."""

from collections.abc import Callable
from typing import Any

import pytest

from slipway.platform.jobs.launchers.contract import Phase
from slipway.platform.jobs.launchers.kubernetes.judging import judge
from slipway.platform.jobs.launchers.kubernetes.objects import Job, Pod
from slipway.platform.jobs.launchers.kubernetes.pending import Why
from slipway.platform.runs.records import Cause

MakeJob = Callable[..., Job]
MakePod = Callable[..., Pod]
FAILED = {"type": "Failed", "reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit"}
NAME = "vehicle-reid-r1-0123456789abcdef-1"


def unasked() -> Why:
    raise AssertionError("what has begun waits for nothing")


CASES: dict[str, tuple[dict[str, Any], Cause, str, int | None]] = {
    "exit code": (
        {"code": 1, "printed": "No space left"},
        Cause.EXIT_CODE,
        "exit code 1: No space left on machine-a",
        1,
    ),
    "signal": ({"code": 139, "reason": "Error"}, Cause.EXIT_CODE, "exit code 139, signal 11", 139),
    "killed by nobody knows whom": ({"code": 137, "reason": "Error"}, Cause.LOST, "signal 9", 137),
    "left by another node": (
        {"code": 76, "printed": "Node 1 is silent."},
        Cause.LOST,
        "vanished: Node 1 is silent",
        76,
    ),
    "out of memory": ({"code": 137, "reason": "OOMKilled"}, Cause.OUT_OF_MEMORY, "memory_gib", 137),
    "evicted": ({"code": 143, "disrupted": "EvictionByEvictionAPI"}, Cause.EVICTED, "machine was emptied", 143),
    "preempted": ({"code": 143, "disrupted": "PreemptionByScheduler"}, Cause.EVICTED, "higher priority", 143),
    "evicted before it began": ({"disrupted": "DeletionByTaintManager"}, Cause.EVICTED, "no longer to run it", None),
    "node shutdown": (
        {"disrupted": "TerminationByKubelet", "reason": "Terminated", "message": "imminent node shutdown"},
        Cause.EVICTED,
        "shut down",
        None,
    ),
    "out of the machine's disk, in words of an old version": (
        {"message": "The node was low on resource: ephemeral-storage.", "_reason": "Evicted"},
        Cause.EVICTED,
        "low on resource",
        None,
    ),
    "out of its own disk": (
        {"message": 'Usage of EmptyDir volume "work" exceeds the limit "20Gi".', "_reason": "Evicted"},
        Cause.EXIT_CODE,
        "ephemeral_gib",
        None,
    ),
    "deadline of the pod": ({"_reason": "DeadlineExceeded"}, Cause.DEADLINE, "longer than its deadline", None),
    "not started": (
        {"code": 128, "reason": "StartError", "printed": 'exec: "python": not found'},
        Cause.EXIT_CODE,
        'could not be started (exec: "python": not found)',
        128,
    ),
    "refused by the machine": ({"_reason": "UnexpectedAdmissionError"}, Cause.LOST, "UnexpectedAdmissionError", None),
}


@pytest.mark.parametrize("name", CASES)
def test_each_reason_is_told(job: MakeJob, pod: MakePod, name: str) -> None:
    given, cause, words, code = CASES[name]
    status = {("reason" if key == "_reason" else key): value for key, value in given.items() if key == "_reason"}
    rest = {key: value for key, value in given.items() if key != "_reason"}
    ended = pod("Failed", **rest)
    if status:
        ended = ended.model_copy(update={"status": ended.status.model_copy(update=status)})

    told = judge(job(FAILED), [ended], unasked)

    assert told.phase is Phase.ENDED
    assert told.cause is cause
    assert words in told.words
    assert told.exit_code == code


def test_the_deadline_of_the_job_comes_before_what_its_pods_say(job: MakeJob, pod: MakePod) -> None:
    deadline = {
        "type": "Failed",
        "reason": "DeadlineExceeded",
        "message": "Job was active longer than specified deadline",
    }

    told = judge(job(deadline), [pod("Failed", code=143)], unasked)

    assert told.cause is Cause.DEADLINE


def test_the_node_that_ended_first_says_why(job: MakeJob, pod: MakePod) -> None:
    pods = [pod("Failed", node=0, code=143, ended=9), pod("Failed", node=1, code=137, reason="OOMKilled", ended=4)]

    told = judge(job(FAILED, completions=2), pods, unasked)

    assert (told.node, told.cause, told.exit_code) == (1, Cause.OUT_OF_MEMORY, 137)
    assert told.words.startswith("Node 1: ")
    assert [node.exit_code for node in told.nodes] == [143, 137]


def test_an_eviction_counts_from_its_beginning_however_long_the_grace(job: MakeJob, pod: MakePod) -> None:
    evicted = pod("Failed", node=1, code=143, ended=60, disrupted="EvictionByEvictionAPI", disrupted_at=1)
    alone = pod("Failed", node=0, code=1, ended=5)

    told = judge(job(FAILED, completions=2), [alone, evicted], unasked)

    assert (told.node, told.cause) == (1, Cause.EVICTED)


def test_in_the_same_second_the_job_says_which_it_was(job: MakeJob, pod: MakePod) -> None:
    message = (
        f"Container runner for pod slipway/{NAME}-1-x7k2p failed with exit code 3 matching FailJob rule at index 1"
    )
    failed = {"type": "Failed", "reason": "PodFailurePolicy", "message": message}

    told = judge(job(failed, completions=2), [pod("Failed", code=143), pod("Failed", node=1, code=3)], unasked)

    assert (told.node, told.exit_code) == (1, 3)


@pytest.mark.parametrize(
    ("reason", "message", "cause", "code"),
    [
        (
            "PodFailurePolicy",
            "Container runner for pod slipway/x-0 failed with exit code 7 matching FailJob rule at index 1",
            Cause.EXIT_CODE,
            7,
        ),
        (
            "PodFailurePolicy",
            "Pod slipway/x-0 has condition DisruptionTarget matching FailJob rule at index 0",
            Cause.EVICTED,
            None,
        ),
        ("BackoffLimitExceeded", "Job has reached the specified backoff limit", Cause.LOST, None),
    ],
    ids=["exit code", "evicted", "without a word"],
)
def test_where_the_pods_are_gone_the_job_still_says_why(
    job: MakeJob, reason: str, message: str, cause: Cause, code: int | None
) -> None:
    told = judge(job({"type": "Failed", "reason": reason, "message": message}), [], unasked)

    assert (told.phase, told.cause, told.exit_code) == (Phase.ENDED, cause, code)


def test_it_has_not_ended_before_every_node_has(job: MakeJob, pod: MakePod) -> None:
    target = {"type": "FailureTarget", "reason": "PodFailurePolicy", "message": "…"}
    pods = [pod("Failed", node=0, code=1), pod("Running", node=1)]

    assert judge(job(target, completions=2), pods, unasked).phase is Phase.RUNNING
    assert judge(job(FAILED, completions=2), pods, unasked).phase is Phase.RUNNING


def test_a_node_that_was_left_by_another_is_not_what_ended_the_job(job: MakeJob, pod: MakePod) -> None:
    left = pod("Failed", node=0, code=76, ended=5)
    evicted = pod("Failed", node=1, disrupted="DeletionByPodGC", disrupted_at=90)

    told = judge(job(FAILED, completions=2), [left, evicted], unasked)

    assert (told.cause, told.node) == (Cause.EVICTED, 1)


def test_it_has_ended_with_its_last_node_before_the_cluster_has_counted(job: MakeJob, pod: MakePod) -> None:
    assert judge(job(), [pod("Failed", code=2)], unasked).exit_code == 2


def test_a_good_end_has_no_cause(job: MakeJob, pod: MakePod) -> None:
    told = judge(job({"type": "Complete"}), [pod("Succeeded", code=0)], unasked)

    assert (told.phase, told.cause, told.exit_code) == (Phase.ENDED, None, 0)


def test_a_job_without_a_record_is_absent_only_when_its_pods_are_gone(pod: MakePod) -> None:
    assert judge(None, [], unasked).phase is Phase.ABSENT
    assert judge(None, [pod("Running")], unasked).phase is Phase.RUNNING


def test_a_machine_that_does_not_answer_is_told(job: MakeJob, pod: MakePod) -> None:
    silent = pod("Running", running=True, conditions=({"type": "Ready", "status": "False"},))

    told = judge(job(), [silent], unasked)

    assert told.phase is Phase.RUNNING
    assert "machine-a does not answer" in told.words


def test_a_pod_that_is_asked_to_stop_is_no_machine_that_does_not_answer(job: MakeJob, pod: MakePod) -> None:
    stopping = pod(
        "Running", running=True, deleted="2026-03-01T12:00:09Z", conditions=({"type": "Ready", "status": "False"},)
    )

    assert judge(job(), [stopping], unasked).words == ""


def test_what_fails_because_it_was_suspended_is_evicted(job: MakeJob, pod: MakePod) -> None:
    suspended = job(FAILED, suspend=True)

    assert judge(suspended, [pod("Failed", code=143)], unasked).cause is Cause.EVICTED
    assert judge(suspended, [], unasked).cause is Cause.EVICTED
    assert judge(suspended, [pod("Failed", code=137, reason="OOMKilled")], unasked).cause is Cause.OUT_OF_MEMORY
