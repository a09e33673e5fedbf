"""The page for approval: shown where somebody is wanted, answered under Airflow's name, recorded or asked again."""

from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskAwaitingInput

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


class Store(dict[str, Any]):
    """What Airflow keeps for a task over its tries."""

    def set(self, key: str, value: object) -> None:
        self[key] = value


def context(**told: Any) -> Any:
    run = SimpleNamespace(run_id="asked-1", dag_id=f"retrain__{MODEL}")
    instance = SimpleNamespace(id="0", xcom_pull=lambda *, task_ids: told.get(task_ids), try_number=1, max_tries=3)
    return {"ti": instance, "task_instance": instance, "dag_run": run, "task_state_store": Store()}


def told(how: How, line: str = "0 of 1 approvals.") -> Told:
    return Told(step="approve", how=how, line=line, text="## What changed", mend="Look at it.")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Pages that were shown."""
    pages: list[dict[str, Any]] = []
    monkeypatch.setattr(approval, "upsert_hitl_detail", lambda **fields: pages.append(fields))
    return pages


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
def test_no_page_where_nobody_is_wanted(how: How, asked: list[dict[str, Any]]) -> None:
    with pytest.raises(AirflowSkipException, match="0 of 1"):
        page().execute(context(ask=told(how).as_data()))
    assert asked == []


def test_the_page_shows_the_review_and_takes_a_reason(asked: list[dict[str, Any]]) -> None:
    with pytest.raises(TaskAwaitingInput):
        page().execute(context(ask=told(How.WAITING).as_data()))
    (shown,) = asked
    assert shown["body"] == "0 of 1 approvals.\n\n## What changed"
    assert shown["options"] == ["Approve", "Reject", "Ask the ledger"]
    assert set(shown["params"]) == {"reason"}


def tried(before: Any, number: int, most: int = 3) -> Any:
    """The next try of a task, which finds what the tries before it have kept."""
    before["ti"].try_number, before["ti"].max_tries = number, most
    return before


def test_a_page_that_is_tried_again_waits_for_the_answer_and_does_not_delete_it(asked: list[dict[str, Any]]) -> None:
    first = context(ask=told(How.WAITING).as_data())
    for number in (1, 2, 3):
        with pytest.raises(TaskAwaitingInput) as waits:
            page().execute(tried(first, number))
        assert waits.value.method_name == "execute_complete"
    assert len(asked) == 1


def test_one_that_ended_before_it_asked_asks(asked: list[dict[str, Any]]) -> None:
    with pytest.raises(TaskAwaitingInput):
        page().execute(tried(context(ask=told(How.WAITING).as_data()), 2))
    assert len(asked) == 1


def test_one_that_somebody_cleared_asks_anew_once(asked: list[dict[str, Any]]) -> None:
    first = context(ask=told(How.WAITING).as_data())
    for number, most in ((1, 3), (2, 4), (3, 4)):
        with pytest.raises(TaskAwaitingInput):
            page().execute(tried(first, number, most))
    assert len(asked) == 2


def test_recording_that_is_tried_again_waits_for_its_own_page(asked: list[dict[str, Any]]) -> None:
    approve = recorded(told(How.WAITING, "The answer of zoe does not count."), told(How.DONE))
    first = context(approval=answer_in(event("Approve", "zoe"), context()))
    for number in (1, 2):
        with pytest.raises(TaskAwaitingInput):
            approve.execute(tried(first, number))
    assert approve.execute_complete(first, event("Approve", "ben"))["how"] == "done"
    assert [said["responder"] for said, _ in approve.asked] == ["zoe", "ben"]
    assert len(asked) == 1


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


def test_an_answer_that_is_not_enough_is_asked_for_again(asked: list[dict[str, Any]]) -> None:
    approve = recorded(told(How.WAITING, "The answer of zoe does not count."), told(How.WAITING), told(How.DONE))
    with pytest.raises(TaskAwaitingInput) as again:
        approve.execute(context(approval=answer_in(event("Approve", "zoe"), context())))
    assert again.value.method_name == "execute_complete"
    assert asked[0]["body"].startswith("The answer of zoe does not count.")
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
