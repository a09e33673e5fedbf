"""Asking people for approval on Airflow's page of required actions, and recording what they said there.

Three tasks. The first asks the ledger, and gets the review for the page where approvals are missing. The second is the
page; it is skipped where enough have approved already. The third asks the ledger again, by all the rules, and records
the answer under the responder's name. An answer that does not count, or is not enough, is told and asked for again, by
the third task on a page of its own.

An answer belongs to the page, not to the process that goes on with it: a task that is tried again waits for the page
that it showed before, and Airflow hands it the answer at once where somebody gave one. Asking once more would delete
that answer. A task that somebody clears asks anew.

Whoever approves by command needs no page: `Ask the ledger` is the third button, for them and for `reconcile`. It says
nothing for anybody; the ledger is looked at again.
"""

from collections.abc import Mapping
from datetime import UTC
from typing import Any, Final, NoReturn

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param
from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowSkipException, TaskAwaitingInput
from airflow.sdk.execution_time.hitl import upsert_hitl_detail

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
ASKED: Final = "slipway-asked"
"""In the store that Airflow keeps for a task over its tries: when it asked, as `max_tries`, which grows when somebody
clears the task."""


def form() -> dict[str, Param]:
    """What people may write beside the buttons."""
    return {REASON: Param("", type=["string", "null"], description="Why; it stands in the ledger.", source="task")}


def subject_of(model: str) -> str:
    """What is asked, in a line."""
    return f"Approve {model}?"


def body_of(told: Told) -> str:
    """What people read before they answer."""
    return "\n\n".join(part for part in (told.line, told.text) if part)


class SlipwayApprovalPage(HITLOperator):
    """The page, unless what the task `asked` was told says that nobody is wanted."""

    template_fields = ()

    def __init__(self, *, asked: str, model: str, **kwargs: Any) -> None:  # noqa: ANN401 - Airflow's own arguments
        kwargs["params"] = form()  # in place of the run's, which Airflow hands to every task
        super().__init__(subject=subject_of(model), options=list(BUTTONS), **kwargs)
        self.asked, self.model = asked, model

    def execute(self, context: Context) -> NoReturn:
        """Show it."""
        if has_asked(context):
            wait_for_people()
        data = told_by(context, self.asked)
        told = Told.from_data(data) if data else None
        if told is None or told.how is not How.WAITING:
            raise AirflowSkipException(told.line if told else f"{self.asked} told nothing")
        ask_people(context, self.model, told)

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
        if has_asked(context):
            wait_for_people()
        return self._go_on(context["ti"].xcom_pull(task_ids=self.page) or {}, context)

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> dict[str, Any]:
        """Its own page was answered."""
        return self._go_on(answer_in(event, context), context)

    def _go_on(self, answered: Mapping[str, str], context: Context) -> dict[str, Any]:
        answer = {name: answered[name] for name in ANSWER if name in answered}
        told = self.ask(context, answer, **{name: said for name, said in answered.items() if name not in ANSWER})
        if told.how is How.WAITING:
            ask_people(context, self.model, told)
        return self.settle(told, context)


def ask_people(context: Context, model: str, told: Told) -> NoReturn:
    """Show the page of a task and wait; an answer that was given to it before is forgotten."""
    upsert_hitl_detail(
        ti_id=context["ti"].id,
        options=list(BUTTONS),
        subject=subject_of(model),
        body=body_of(told),
        params={name: param.serialize() for name, param in form().items()},
    )
    context["task_state_store"].set(ASKED, context["ti"].max_tries)
    wait_for_people()


def has_asked(context: Context) -> bool:
    """Whether an earlier try of this task showed its page, and nobody has cleared it since."""
    instance = context["ti"]
    return instance.try_number > 1 and context["task_state_store"].get(ASKED) == instance.max_tries


def wait_for_people() -> NoReturn:
    """Park the task until its page is answered, which it may be already."""
    raise TaskAwaitingInput(method_name="execute_complete")


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
