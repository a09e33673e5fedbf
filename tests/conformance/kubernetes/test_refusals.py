"""What the server refuses of a Job or pod, and by which field."""

from typing import Any

import pytest

TEMPLATE = "spec.template.spec"


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        (
            {"pod": {"restartPolicy": None}},
            f"{TEMPLATE}.restartPolicy",
            'Required value: valid values: "OnFailure", "Never"',
        ),
        ({"pod": {"restartPolicy": "Always"}}, f"{TEMPLATE}.restartPolicy", 'supported values: "OnFailure", "Never"'),
        (
            {"completionMode": "Indexed", "parallelism": 2},
            "spec.completions",
            "Required value: when completion mode is Indexed",
        ),
        ({"parallelism": -1}, "spec.parallelism", "must be greater than or equal to 0"),
        ({"labels": {"team": "x" * 64}}, "metadata.labels", "must be no more than 63"),
        ({"labels": {"team": "not/this"}}, "metadata.labels", "a valid label must be an empty string or consist of"),
        ({"pod": {"containers": []}}, f"{TEMPLATE}.containers", "Required value"),
        (
            {"container": {"name": "UPPER"}},
            f"{TEMPLATE}.containers[0].name",
            "a lowercase RFC 1123 label must consist of",
        ),
        ({"container": {"image": ""}}, f"{TEMPLATE}.containers[0].image", "Required value"),
        (
            {"container": {"volumeMounts": [{"name": "none", "mountPath": "/data"}]}},
            f"{TEMPLATE}.containers[0].volumeMounts[0].name",
            'Not found: "none"',
        ),
        (
            {"container": {"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}},
            f"{TEMPLATE}.containers[0].resources.requests",
            "must be less than or equal to cpu limit of 1",
        ),
        (
            {"container": {"resources": {"limits": {"cpu": "-1"}}}},
            f"{TEMPLATE}.containers[0].resources.limits[cpu]",
            "must be greater than or equal to 0",
        ),
        (
            {"container": {"resources": {"requests": {"nvidia.com/gpu": "1"}}}},
            f"{TEMPLATE}.containers[0].resources.limits",
            "Limit must be set for non overcommitable resources",
        ),
        (
            {
                "container": {
                    "env": [{"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
                }
            },
            f"{TEMPLATE}.containers[0].env[0].valueFrom",
            "may not be specified when `value` is not empty",
        ),
        (
            {
                "podFailurePolicy": {
                    "rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [3, 1]}}]
                }
            },
            "spec.podFailurePolicy.rules[0].onExitCodes.values",
            "must be ordered",
        ),
        (
            {"pod": {"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]}},
            f"{TEMPLATE}.tolerations[0].operator",
            "value must be empty when `operator` is 'Exists'",
        ),
    ],
    ids=[
        "no-restart-policy",
        "restart-policy",
        "no-completions",
        "parallelism",
        "long-label",
        "bad-label",
        "no-containers",
        "container-name",
        "no-image",
        "unknown-volume",
        "request-over-limit",
        "negative",
        "gpu-request",
        "two-sources",
        "exit-codes",
        "toleration",
    ],
)
def test_a_wrong_job_is_refused_by_its_field(
    server: Any, refusal: Any, change: dict[str, Any], field: str, words: str
) -> None:
    code, status = refusal(server.create_job, "wrong", **change)
    assert (code, status["reason"]) == (422, "Invalid")
    assert status["message"].startswith('Job.batch "wrong" is invalid: ')
    causes = {cause["field"]: cause["message"] for cause in reversed(status["details"]["causes"])}
    assert words in causes[field]


def test_names_are_limited_by_the_pods_they_give(server: Any, refusal: Any) -> None:
    code, status = refusal(server.create_job, "x" * 62, completionMode="Indexed", completions=2, parallelism=2)
    assert code == 422
    assert any(cause["field"] == "metadata.name" for cause in status["details"]["causes"])


@pytest.mark.parametrize(
    "name", ["Upper", "under_score", "-dash", "x" * 300], ids=["capital", "underscore", "dash", "long"]
)
def test_bad_names_are_refused(server: Any, refusal: Any, name: str) -> None:
    code, status = refusal(server.core.create_namespaced_secret, server.namespace, {"metadata": {"name": name}})
    assert code == 422
    assert status["details"]["causes"][0]["field"] == "metadata.name"


def test_a_value_of_the_wrong_type_is_a_bad_request(server: Any, refusal: Any) -> None:
    code, status = refusal(server.create_job, "wrong", parallelism="two")
    assert (code, status["reason"]) == (400, "BadRequest")
    assert "cannot unmarshal string into Go struct field" in status["message"]


def test_what_is_no_quantity_is_a_bad_request(server: Any, refusal: Any) -> None:
    code, status = refusal(server.create_job, "wrong", container={"resources": {"limits": {"cpu": "much"}}})
    assert code == 400
    assert "quantities must match the regular expression" in status["message"]


def test_a_strict_client_hears_of_unknown_fields(server: Any, refusal: Any) -> None:
    body = server.job("wrong", pod={"tolerance": []})
    code, status = refusal(server.batch.create_namespaced_job, server.namespace, body, field_validation="Strict")
    assert code == 400
    assert 'strict decoding error: unknown field "spec.template.spec.tolerance"' in status["message"]


def test_another_client_is_warned_and_the_field_is_dropped(server: Any) -> None:
    body = server.job("odd", pod={"tolerance": []}, suspend=True)
    _, code, headers = server.batch.create_namespaced_job_with_http_info(server.namespace, body)
    assert code == 201
    assert 'unknown field \\"spec.template.spec.tolerance\\"' in headers["Warning"]


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"completions": 5}, "spec.completions"),
        ({"completionMode": "NonIndexed"}, "spec.completionMode"),
        ({"template": {"metadata": {"labels": {"new": "label"}}}}, "spec.template"),
    ],
    ids=["completions", "mode", "template"],
)
def test_what_a_job_is_cannot_be_changed(server: Any, refusal: Any, patch: dict[str, Any], field: str) -> None:
    server.create_job("fixed", "sleep 60", completionMode="Indexed", completions=2, parallelism=1)
    server.eventually(lambda: server.read_job("fixed").status.start_time, "a start")
    code, status = refusal(server.batch.patch_namespaced_job, "fixed", server.namespace, {"spec": patch})
    assert code == 422
    assert field in [cause["field"] for cause in status["details"]["causes"]]
    assert "field is immutable" in status["message"]


def test_a_pod_keeps_its_specification(server: Any, refusal: Any) -> None:
    server.create_job("fixed", "sleep 60")
    (pod,) = server.when_running("fixed")
    patch = {"spec": {"containers": [{"name": "main", "command": ["other"]}]}}
    code, status = refusal(server.core.patch_namespaced_pod, pod.metadata.name, server.namespace, patch)
    assert code == 422
    assert "pod updates may not change fields other than" in status["message"]
