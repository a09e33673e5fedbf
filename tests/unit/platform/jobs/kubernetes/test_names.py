"""Names and labels are such as any cluster takes, whatever the model, the key and the person are called."""

import re
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from slipway.platform.jobs.launchers.contract import Assignment
from slipway.platform.jobs.launchers.kubernetes.names import (
    LONGEST_NAME,
    annotations,
    job_name,
    label,
    labels,
)

DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
KEYS = st.builds(
    lambda kind, digits: f"{kind}1-{digits}",
    st.sampled_from("reg"),
    st.text("0123456789abcdef", min_size=64, max_size=64),
)
NUMBERS = st.integers(1, 99_999)


@given(st.text(max_size=80), KEYS, NUMBERS)
def test_every_job_name_is_a_dns_label_of_at_most_50_letters(model: str, key: str, number: int) -> None:
    name = job_name(model, key, number)

    assert len(name) <= LONGEST_NAME
    assert DNS_LABEL.fullmatch(name)


@given(st.text(max_size=40), st.lists(st.tuples(KEYS, NUMBERS), min_size=2, max_size=8, unique=True))
def test_two_attempts_never_have_one_name(model: str, attempts: list[tuple[str, int]]) -> None:
    short = {(key[:19], number) for key, number in attempts}

    names = {job_name(model, key, number) for key, number in attempts}

    assert len(names) == len(short)


def test_a_job_name_tells_model_key_and_attempt() -> None:
    assert job_name("vehicle-reid", "r1-" + "0123456789abcdef" * 4, 3) == "vehicle-reid-r1-0123456789abcdef-3"


@given(st.text(max_size=200))
def test_every_label_is_one_that_a_cluster_takes(value: str) -> None:
    cleaned = label(value)

    assert len(cleaned) <= 63
    assert LABEL_VALUE.fullmatch(cleaned)


def test_what_a_label_must_cut_an_annotation_has_in_full(assign: Callable[..., Assignment]) -> None:
    assignment = assign(person="Ada Müller <ada@example.com>")

    assert labels(assignment)["slipway/person"] == "Ada-M-ller-ada-example.com"
    assert annotations(assignment)["slipway/person"] == "Ada Müller <ada@example.com>"
    assert len(labels(assignment)["slipway/key"]) == 63
    assert annotations(assignment)["slipway/key"] == assignment.key


def test_labels_find_and_account_for_a_job(assign: Callable[..., Assignment]) -> None:
    found = labels(assign("gpu-l4"))

    assert found["app.kubernetes.io/managed-by"] == "slipway"
    assert (found["slipway/model"], found["slipway/team"], found["slipway/attempt"]) == ("vehicle-reid", "vision", "1")
