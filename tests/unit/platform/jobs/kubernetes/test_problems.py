"""Refusals name what is missing or wrong and what to do; what may pass is told apart from what will not."""

from typing import Any

import pytest

from slipway.platform.jobs.launchers.contract import LauncherRefused, LauncherUnreachable
from slipway.platform.jobs.launchers.kubernetes.problems import Answer, NotAllowed, problem
from slipway.platform.jobs.launchers.kubernetes.rights import JOBS, LOG, PODS, Right

CREATE = Right("create", JOBS)


def told(code: int, message: str, right: Right = CREATE, **details: Any) -> Exception:
    body = {"kind": "Status", "message": message, "details": details}
    return problem(Answer(code, body), right, "x-1", "slipway", "https://cluster.example.com")


def mend(error: Exception) -> str:
    return str(getattr(error, "mend", ""))


def test_a_missing_right_is_named_with_verb_resource_namespace_and_role() -> None:
    message = (
        'jobs.batch is forbidden: User "a" cannot create resource "jobs" in API group "batch" in the namespace "x"'
    )

    error = told(403, message)

    assert isinstance(error, NotAllowed)
    assert str(error).startswith("Not allowed to create jobs in namespace slipway")
    assert 'apiGroups: [batch], resources: ["jobs"], verbs: ["create"]' in mend(error)
    assert "infra/kubernetes/base" in mend(error)


def test_a_right_to_a_part_of_an_object_is_named_as_a_role_names_it() -> None:
    message = (
        'pods "x" is forbidden: User "ada" cannot get resource "pods/log" in API group "" in the namespace "slipway"'
    )

    assert 'apiGroups: [""], resources: ["pods/log"], verbs: ["get"]' in mend(
        told(403, message, Right("get", PODS, LOG))
    )


def test_a_quota_is_no_missing_right() -> None:
    amounts = "requested: count/jobs.batch=1, used: count/jobs.batch=5, limited: count/jobs.batch=5"
    message = f'jobs.batch "x" is forbidden: exceeded quota: q, {amounts}'

    error = told(403, message)

    assert not isinstance(error, NotAllowed)
    assert "quota `q` has 5 of count/jobs.batch, 5 are used, this asks for 1: 1 too much" in str(error)


def test_every_wrong_field_is_named_with_its_value_and_the_setting() -> None:
    field = "spec.template.spec.priorityClassName"
    causes = [
        {"field": field, "message": 'Invalid value: "No": must be lower case'},
        {"field": "spec.x", "message": "Required value"},
    ]

    error = told(422, "Job.batch is invalid", causes=causes)

    assert f'{field}: Invalid value: "No": must be lower case' in str(error)
    assert "spec.x: Required value" in str(error)
    assert "priority_class" in mend(error)


def test_a_namespace_that_is_missing_is_named() -> None:
    error = told(404, 'namespaces "slipway" not found', kind="namespaces", name="slipway")

    assert "no namespace `slipway`" in str(error)
    assert "kubernetes.namespace" in mend(error)


def test_credentials_that_are_not_accepted_say_what_to_do() -> None:
    assert "kubernetes.kubeconfig" in mend(told(401, "Unauthorized"))


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_what_may_pass_is_unreachable(code: int) -> None:
    assert isinstance(told(code, "later"), LauncherUnreachable)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 422, 501])
def test_what_will_not_pass_is_refused(code: int) -> None:
    assert isinstance(told(code, "no"), LauncherRefused)
