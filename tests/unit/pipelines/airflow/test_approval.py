"""The page for approval: shown where somebody is wanted, answered under Airflow's name, recorded or asked again."""

from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowRuntimeError,
    AirflowSkipException,
    ErrorType,
    TaskAwaitingInput,
)
from airflow.sdk.execution_time.comms import ErrorResponse

from own_model import MODEL
from slipway.pipelines.airflow import approval
from slipway.pipelines.airflow.approval import SlipwayApprovalPage, SlipwayApproveOperator, answer_in
from slipway.pipelines.airflow.step_operator import SlipwayStepOperator
from slipway.pipelines.steps.step import How, Told

AT = datetime(2026, 11, 29, 12, tzinfo=UTC)
RUN = f"retrain__{MODEL}/asked-1"


def event(button: str, name: str | None = "ben", reason: str | None = "") -> dict[str, Any]:
    """As Airflow hands a response over."""
    user = {"id": "7", "name": name} if name else None
    return {
        "chosen_options": [button], "params_input": {"reason": reason}, "responded_at": AT, "responded_by_user": user,
    }  # fmt: skip


def context(**told: Any) -> Any:
    run = SimpleNamespace(run_id="asked-1", dag_id=f"retrain__{MODEL}")
    instance = SimpleNamespace(id="0", xcom_pull=lambda *, task_ids: told.get(task_ids), try_number=1, max_tries=3)
    return {"ti": instance, "task_instance": instance, "dag_run": run, "task": SimpleNamespace(retries=3)}


def told(how: How, line: str = "0 of 1 approvals.") -> Told:
    return Told(step="approve", how=how, line=line, text="## What changed", mend="Look at it.")


class Comms:
    """What the task says to its supervisor."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answered: SimpleNamespace | None = None

    def upsert(self, **fields: Any) -> None:
        self.asked.append(fields)

    def detail(self, ti_id: str) -> SimpleNamespace:
        assert ti_id == "0"
        if self.answered is None:
            raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={}))
        return self.answered


@pytest.fixture
def comms(monkeypatch: pytest.MonkeyPatch) -> Comms:
    comms = Comms()
    monkeypatch.setattr(approval, "upsert_hitl_detail", comms.upsert)
    monkeypatch.setattr(approval, "get_hitl_detail_content_detail", comms.detail)
    monkeypatch.setattr("airflow.providers.standard.operators.hitl.upsert_hitl_detail", comms.upsert)
    return comms


@pytest.mark.parametrize(
    ("button", "reason", "response", "said"),
    [
        ("Approve", "good at night", "approve", "good at night"),
        ("Approve", None, "approve", ""),
        ("Reject", " blurred ", "reject", "blurred"),
        ("Reject", "", "reject", approval.UNTOLD),
    ],
)
def test_an_answer_names_who_said_what_where_and_when(
    button: str, reason: str | None, response: str, said: str
) -> None:
    assert answer_in(event(button, reason=reason), context()) == {
        "responder": "ben", "response": response, "reason": said, "request": f"{RUN}/{AT.isoformat()}",
        "dag": f"retrain__{MODEL}", "run": "asked-1", "answered": AT.isoformat(), "user": "7",
    }  # fmt: skip


@pytest.mark.parametrize("response", [event("Ask the ledger"), event("Approve", None)], ids=["the ledger", "nobody"])
def test_who_asks_for_a_look_at_the_ledger_says_nothing(response: dict[str, Any]) -> None:
    assert answer_in(response, context()) == {}


def test_two_answers_are_two_requests() -> None:
    later = {**event("Approve"), "responded_at": AT.replace(hour=13)}
    assert answer_in(event("Approve"), context())["request"] != answer_in(later, context())["request"]


def page() -> SlipwayApprovalPage:
    return SlipwayApprovalPage(task_id="approval", asked="ask", model=MODEL)


@pytest.mark.parametrize("how", [How.FOUND, How.SKIPPED, How.DONE])
def test_no_page_where_nobody_is_wanted(how: How, comms: Comms) -> None:
    with pytest.raises(AirflowSkipException, match="0 of 1"):
        page().execute(context(ask=told(how).as_data()))
    assert comms.asked == []


def test_the_page_shows_the_review_and_takes_a_reason(comms: Comms) -> None:
    with pytest.raises(TaskAwaitingInput):
        page().execute(context(ask=told(How.WAITING).as_data()))
    (asked,) = comms.asked
    assert asked["body"] == "0 of 1 approvals.\n\n## What changed\n\nLook at it."
    assert asked["options"] == ["Approve", "Reject", "Ask the ledger"]
    assert set(asked["params"]) == {"reason"}


def responded(button: str, name: str = "ben") -> SimpleNamespace:
    """As Airflow keeps it."""
    user = SimpleNamespace(id="7", name=name)
    return SimpleNamespace(
        response_received=True, chosen_options=[button], params_input={"reason": ""}, responded_at=AT,
        responded_by_user=user,
    )  # fmt: skip


def tried(number: int, most: int = 3, **told: Any) -> Any:
    again = context(**told)
    again["ti"].try_number, again["ti"].max_tries = number, most
    return again


def test_a_page_that_is_tried_again_takes_the_answer_that_it_was_given(comms: Comms) -> None:
    comms.answered = responded("Approve")
    asked = told(How.WAITING).as_data()
    assert page().execute(tried(2, ask=asked)) == answer_in(event("Approve"), context())
    comms.answered = responded("Ask the ledger")
    assert page().execute(tried(2, ask=asked)) == {}
    assert comms.asked == []


@pytest.mark.parametrize(
    ("number", "most", "answered"),
    [
        (2, 3, None),
        (2, 3, SimpleNamespace(response_received=False, chosen_options=None)),
        (1, 3, responded("Reject")),
        (3, 5, responded("Reject")),
    ],
    ids=["ended before it asked", "not answered yet", "first", "cleared"],
)
def test_a_page_asks_where_nobody_has_answered_it_or_somebody_cleared_it(
    comms: Comms, number: int, most: int, answered: SimpleNamespace | None
) -> None:
    comms.answered = answered
    with pytest.raises(TaskAwaitingInput):
        page().execute(tried(number, most, ask=told(How.WAITING).as_data()))
    assert len(comms.asked) == 1


def test_recording_that_is_tried_again_takes_the_answer_to_its_own_page(comms: Comms) -> None:
    first, own = answer_in(event("Approve", "zoe"), context()), responded("Approve", "ben")
    comms.answered = own
    approve = recorded(told(How.DONE))
    approve.execute(tried(2, approval=first))
    assert [said["responder"] for said, _ in approve.asked] == ["ben"]


class Recorded(SlipwayApproveOperator):
    """Told what the ledger says after an answer."""

    def __init__(self, *, tells: Sequence[Told], **kwargs: Any) -> None:
        super().__init__(page="approval", model=MODEL, **kwargs)
        self._tells, self.asked = list(tells), list[Any]()

    def ask(self, context: Any, answer: Any = None, **via: str) -> Told:
        del context
        self.asked.append((dict(answer or {}), via))
        return self._tells.pop(0)


def recorded(*tells: Told) -> Recorded:
    return Recorded(task_id="approve", tells=tells)


def test_an_answer_is_recorded_with_where_it_was_given() -> None:
    answer = answer_in(event("Approve"), context())
    approve = recorded(told(How.DONE))
    assert approve.execute(context(approval=answer))["how"] == "done"
    ((said, via),) = approve.asked
    assert said == {"responder": "ben", "response": "approve", "reason": "", "request": f"{RUN}/{AT.isoformat()}"}
    assert set(via) == {"dag", "run", "answered", "user"}


def test_an_answer_that_is_not_enough_is_asked_for_again(comms: Comms) -> None:
    approve = recorded(told(How.WAITING, "The answer of zoe does not count."), told(How.WAITING), told(How.DONE))
    with pytest.raises(TaskAwaitingInput) as again:
        approve.execute(context(approval=answer_in(event("Approve", "zoe"), context())))
    assert again.value.method_name == "execute_complete"
    assert comms.asked[0]["body"].startswith("The answer of zoe does not count.")
    with pytest.raises(TaskAwaitingInput):
        approve.execute_complete(context(), event("Approve", "ben"))
    assert approve.execute_complete(context(), event("Approve", "cleo"))["how"] == "done"
    assert [said["responder"] for said, _ in approve.asked] == ["zoe", "ben", "cleo"]


def test_a_page_that_was_skipped_leaves_only_the_ledger_to_ask() -> None:
    approve = recorded(told(How.FOUND))
    assert approve.execute(context())["how"] == "found"
    assert approve.asked == [({}, {})]


def test_a_rejection_fails_the_task_for_good() -> None:
    approve = recorded(told(How.REFUSED, "small-bays/1 was rejected by ben: blurred."))
    with pytest.raises(AirflowFailException, match="rejected by ben"):
        approve.execute(context(approval=answer_in(event("Reject"), context())))


def test_recording_is_a_step_like_others() -> None:
    assert issubclass(SlipwayApproveOperator, SlipwayStepOperator)
    assert SlipwayApproveOperator(task_id="approve", page="approval", model=MODEL).step == "approve"
