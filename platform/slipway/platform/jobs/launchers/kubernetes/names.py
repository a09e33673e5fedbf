"""What things are called in the cluster: names, labels, annotations.

An attempt's Job has one name, whoever creates it: that is what makes it exclusive. Labels are for finding and for cost,
cut and cleaned as the cluster wants them; annotations have the full values, and these are what the launcher goes by.
"""

import re
from typing import Final

from slipway.platform.jobs.launchers.contract import Assignment

LONGEST_NAME: Final = 50
"""Leaves room for what the cluster appends: the index, and five letters of a pod's own."""
LONGEST_LABEL: Final = 63
KEY_DIGITS: Final = 19
"""Of the key in a name: `r1-` and 64 bits."""

OURS: Final = "slipway"
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
MINE: Final = f"{MANAGED_BY}={OURS}"
"""Selects all that slipway created."""
JOB_LABEL: Final = "batch.kubernetes.io/job-name"
"""Set by the cluster on the pods of a Job."""
INDEX: Final = "batch.kubernetes.io/job-completion-index"
"""Set by the cluster on the pods of an Indexed Job, as annotation."""
QUEUE: Final = "kueue.x-k8s.io/queue-name"

KEY: Final = f"{OURS}/key"
ATTEMPT: Final = f"{OURS}/attempt"
NONCE: Final = f"{OURS}/nonce"
MODEL: Final = f"{OURS}/model"
TEAM: Final = f"{OURS}/team"
PERSON: Final = f"{OURS}/person"
RUN: Final = f"{OURS}/run"
TARGET: Final = f"{OURS}/target"

_NO_NAME = re.compile(r"[^a-z0-9]+")
_NO_LABEL = re.compile(r"[^A-Za-z0-9._-]+")


def job_name(model: str, key: str, number: int) -> str:
    """The name of an attempt's Job, of its Service and, with an index, of its pods."""
    tail = f"-{_dashed(key)[:KEY_DIGITS].strip('-')}-{number}"
    head = _dashed(model)[: LONGEST_NAME - len(tail)].strip("-")
    return f"{head if head[:1].isalpha() else f'm{head}'[: LONGEST_NAME - len(tail)]}{tail}"


def name_of(assignment: Assignment) -> str:
    """The same of an assignment."""
    return job_name(assignment.job.model, assignment.key, assignment.number)


def label(value: str) -> str:
    """The value as a label may have it: cut, and without what labels must not have."""
    return _NO_LABEL.sub("-", value)[:LONGEST_LABEL].strip("-._")


def labels(assignment: Assignment) -> dict[str, str]:
    """Of the Job, its pods and its Service."""
    job, attempt = assignment.job, assignment.attempt
    values = {
        "app.kubernetes.io/name": OURS,
        "app.kubernetes.io/component": job.kind,
        MANAGED_BY: OURS,
        KEY: assignment.key,
        ATTEMPT: str(assignment.number),
        MODEL: job.model,
        TEAM: attempt.team,
        PERSON: attempt.submitted_by,
        RUN: attempt.name,
        TARGET: job.target,
    }
    return {name: label(value) for name, value in values.items() if label(value)}


def annotations(assignment: Assignment) -> dict[str, str]:
    """Of the Job: what tells it from all others, in full."""
    job, attempt = assignment.job, assignment.attempt
    values = {
        KEY: assignment.key,
        ATTEMPT: str(assignment.number),
        NONCE: attempt.nonce,
        MODEL: job.model,
        TEAM: attempt.team,
        PERSON: attempt.submitted_by,
        RUN: attempt.name,
    }
    return {name: value for name, value in values.items() if value}


def _dashed(text: str) -> str:
    return _NO_NAME.sub("-", text.lower()).strip("-")
