"""Asking people for approval on Airflow's page of required actions, and recording what they said there.

Three tasks. The first asks the ledger, and gets the review for the page where approvals are missing. The second is the
page; it is skipped where enough have approved already. The third asks the ledger again, by all the rules, and records
the answer under the responder's name. An answer that does not count, or is not enough, is told and asked for again, by
the third task on a page of its own.

An answer belongs to the page, not to the process that goes on with it: a task that is tried again takes the answer that
it was given before. One that somebody clears asks anew.

Whoever approves by command needs no page: `Ask the ledger` is the third button, for them and for `reconcile`. It says
nothing for anybody; the ledger is looked at again.
"""

from collections.abc import Mapping
from datetime import UTC
from typing import Any, Final, NoReturn

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param
from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowRuntimeError, AirflowSkipException, TaskAwaitingInput
from airflow.sdk.execution_time.hitl import get_hitl_detail_content_detail, upsert_hitl_detail

from slipway.pipelines.airflow.pages import LOOK
from slipway.pipelines.airflow.step_operator import SlipwayStepOperator, told_by
from slipway.pipelines.steps.step import APPROVE, How, Told

APPROVE_BUTTON: Final = "Approve"
REJECT_BUTTON: Final = "Reject"
BUTTONS: Final = (APPROVE_BUTTON, REJECT_BUTTON, LOOK)
REJECT: Final = "reject"
RESPONSES: Final = {APPROVE_BUTTON: APPROVE, REJECT_BUTTON: REJECT}
REASON: Final = "reason"
UNTOLD: Final = "No reason was given on Airflow's page."
ANSWER: Final = ("responder", "response", "reason", "request")
"""What of an answer the step `approve` takes; the rest says where it was given."""


def form() -> dict[str, Param]:
    """What people may write beside the buttons."""
    return {REASON: Param("", type=["string", "null"], description="Why; it stands in the ledger.", source="task")}


def body_of(told: Told) -> str:
    """What people read before they answer."""
    return "\n\n".join(part for part in (told.line, told.text, told.mend) if part)


class SlipwayApprovalPage(HITLOperator):
    """The page, unless what the task `asked` was told says that nobody is wanted."""

    template_fields = ()

    def __init__(self, *, asked: str, model: str, **kwargs: Any) -> None:  # noqa: ANN401 - Airflow's own arguments
        kwargs["params"] = form()  # in place of the run's, which Airflow hands to every task
        super().__init__(subject=f"Approve {model}?", options=list(BUTTONS), **kwargs)
        self.asked = asked

    def execute(self, context: Context) -> dict[str, str] | None:
        """Show it."""
        if (answered := answered_before(context)) is not None:
            return answered
        data = told_by(context, self.asked)
        told = Told.from_data(data) if data else None
        if told is None or told.how is not How.WAITING:
            raise AirflowSkipException(told.line if told else f"{self.asked} told nothing")
        self.body = body_of(told)
        super().execute(context)
        return None  # never: the task is parked

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, str]:
        """What was answered, and by whom as Airflow knows them."""
        return answer_in(super().execute_complete(context, event), context)


class SlipwayApproveOperator(SlipwayStepOperator):
    """Records the answer that `page` got; asks again where that is not enough."""

    def __init__(self, *, page: str, **kwargs: Any) -> None:  # noqa: ANN401 - Airflow's own arguments
        super().__init__(step="approve", **kwargs)
        self.page = page

    def execute(self, context: Context) -> dict[str, Any]:
        """Record it, if there is one, and look."""
        answered = answered_before(context)
        if answered is None:
            answered = context["ti"].xcom_pull(task_ids=self.page) or {}
        return self._go_on(answered, context)

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> dict[str, Any]:
        """Its own page was answered."""
        return self._go_on(answer_in(event, context), context)

    def _go_on(self, answered: Mapping[str, str], context: Context) -> dict[str, Any]:
        answer = {name: answered[name] for name in ANSWER if name in answered}
        told = self.ask(context, answer, **{name: said for name, said in answered.items() if name not in ANSWER})
        if told.how is How.WAITING:
            self._ask_people(told, context)
        return self.settle(told, context)

    def _ask_people(self, told: Told, context: Context) -> NoReturn:
        """Park the task until somebody answers; an answer that was given to it before is forgotten."""
        upsert_hitl_detail(
            ti_id=context["ti"].id,
            options=list(BUTTONS),
            subject=f"Approve {self.model}?",
            body=body_of(told),
            params={name: param.serialize() for name, param in form().items()},
        )
        raise TaskAwaitingInput(method_name=self.execute_complete.__name__)


def answered_before(context: Context) -> dict[str, str] | None:
    """What people answered this task before it was tried again; None where nobody did, or somebody cleared it since."""
    instance = context["ti"]
    if instance.try_number <= instance.max_tries - (context["task"].retries or 0) + 1:
        return None
    try:
        found = get_hitl_detail_content_detail(instance.id)
    except AirflowRuntimeError:  # it was ended before it asked
        return None
    if not found.response_received or not found.chosen_options:
        return None
    user = found.responded_by_user
    event = {
        "chosen_options": found.chosen_options,
        "params_input": found.params_input,
        "responded_at": found.responded_at,
        "responded_by_user": {"id": user.id, "name": user.name} if user else None,
    }
    return answer_in(event, context)


def answer_in(event: Mapping[str, Any], context: Context) -> dict[str, str]:
    """An event of Airflow's as an answer; empty where only the ledger is to be asked."""
    response = RESPONSES.get(event["chosen_options"][0])
    who = event.get("responded_by_user")
    if response is None or not who:
        return {}
    run, at = context["dag_run"], event["responded_at"].astimezone(UTC).isoformat()
    reason = str((event.get("params_input") or {}).get(REASON) or "").strip()
    return {
        "responder": str(who["name"]),
        "response": response,
        "reason": reason or (UNTOLD if response == REJECT else ""),
        "request": f"{run.dag_id}/{run.run_id}/{at}",
        "dag": run.dag_id,
        "run": run.run_id,
        "answered": at,
        "user": str(who["id"]),
    }
