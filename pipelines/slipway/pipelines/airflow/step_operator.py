"""`SlipwayStepOperator`: a task that is one step of a flow, done once however often Airflow starts, kills or clears it.

The task asks `slipway flow step`, which finds what is there or makes it. Where that launches work the worker lets go: a
trigger looks after the work, and then the same step is asked again and finds it done. What a step told is returned as
plain JSON, and the tasks behind it take its values from there.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from airflow.sdk import Asset, AssetAlias, BaseOperator
from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from slipway.pipelines.airflow.assets import cause_of
from slipway.pipelines.airflow.child import Asked, ask_step
from slipway.pipelines.airflow.ending import end_task, failure, unless_done
from slipway.pipelines.airflow.project import Project
from slipway.pipelines.airflow.trigger import SlipwayJobTrigger
from slipway.pipelines.steps.step import How, Told
from slipway.platform.errors import SlipwayError

ACTIVE: Final = ("queued", "running")


@dataclass(frozen=True)
class Wakes:
    """The flow that a step wakes when it tells a cause for it, unless a run of that is under way already."""

    asset: Asset
    alias: AssetAlias
    """What the task is known to change; an event of the asset itself would come each time."""
    dag: str

    def wake(self, context: Context) -> None:
        """Let the asset have changed."""
        if not context["ti"].get_dr_count(dag_id=self.dag, states=list(ACTIVE)):
            context["outlet_events"][self.alias].add(self.asset)


class SlipwayStepOperator(BaseOperator):
    """One step of a flow; `after` are the tasks whose values it is given, in their order."""

    template_fields: Sequence[str] = (
        "model",
        "target",
        "snapshot",
        "overrides",
        "budget",
        "cause",
        "project",
        "slipway_context",
    )
    ui_color = "#e6f2e6"

    def __init__(  # noqa: PLR0913 - what a person may say
        self,
        *,
        step: str,
        model: str,
        target: str = "local",
        snapshot: str = "",
        overrides: Sequence[str] | str = (),
        budget: str = "",
        cause: str = "",
        after: Sequence[str] = (),
        ends: bool = False,
        may_wait: bool = False,
        wakes: Wakes | None = None,
        project: str = "",
        slipway_context: str = "",
        poll_seconds: float = 5.0,
        **kwargs: Any,  # noqa: ANN401 - Airflow's own arguments
    ) -> None:
        if wakes is not None:
            kwargs["outlets"] = [*kwargs.get("outlets", ()), wakes.alias]
        super().__init__(**kwargs)
        self.step, self.model, self.target, self.snapshot = step, model, target, snapshot
        self.overrides = overrides if isinstance(overrides, str) else list(overrides)
        self.budget, self.cause, self.after = budget, cause, list(after)
        self.ends, self.may_wait, self.wakes = ends, may_wait, wakes
        self.project, self.slipway_context, self.poll_seconds = project, slipway_context, poll_seconds

    def execute(self, context: Context) -> dict[str, Any]:
        """Ask the step; what it launches is left to the trigger."""
        return self.settle(self.ask(context), context)

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> dict[str, Any]:
        """The work has ended: ask the step again, which finds it."""
        unless_done(event)
        return self.execute(context)

    def on_kill(self) -> None:
        """Somebody ended the task: end what it runs."""
        end_task()

    def ask(self, context: Context, answer: Mapping[str, str] | None = None, **via: str) -> Told:
        """What the step tells; a command that fails may be tried again, wrong use would only be wrong again."""
        asked = Asked(
            step=self.step,
            model=self.model,
            target=self.target,
            snapshot=self.snapshot,
            overrides=self.listed_overrides(),
            budget=self.budget,
            cause=self.cause or why_begun(context),
            given=values_of(context, self.after),
            answer=answer,
            via=via,
        )
        try:
            told = ask_step(asked, self.at, self.log.info)
        except SlipwayError as error:
            raise failure(error) from None
        self._say(told)
        return told

    def settle(self, told: Told, context: Context) -> dict[str, Any]:
        """Return it, wait for its work, or end here."""
        if told.how is How.UNDER_WAY and told.work:
            trigger = SlipwayJobTrigger(told.work, self.project, self.slipway_context, self.poll_seconds)
            self.defer(trigger=trigger, method_name=self.execute_complete.__name__)
        if told.how is How.REFUSED or not (told.how.goes_on or self.may_wait):
            raise AirflowFailException(f"{self.step} of {self.model}: {told.line} {told.mend}".rstrip())
        if self.ends and told.how is How.SKIPPED:
            context["ti"].xcom_push("return_value", told.as_data())
            raise AirflowSkipException(told.line)
        if self.wakes is not None and told.values.get("cause"):
            self.wakes.wake(context)
        return told.as_data()

    @property
    def at(self) -> Project:
        """The project that it works in."""
        return Project(self.project, self.slipway_context)

    def listed_overrides(self) -> list[str]:
        """As a list; a template gives them as JSON."""
        if not isinstance(self.overrides, str):
            return list(self.overrides)
        found = json.loads(self.overrides or "[]")
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            raise AirflowFailException(f'overrides are `{self.overrides}`, expected a list: ["optimizer.lr=3e-4"]')
        return found

    def _say(self, told: Told) -> None:
        self.log.info("%s: %s. %s", told.step, told.how, told.line)
        for title, place in told.links.items():
            self.log.info("  %s: %s", title, place)
        if told.mend:
            self.log.info("%s", told.mend)


def values_of(context: Context, tasks: Sequence[str]) -> dict[str, str]:
    """What the steps of these tasks told, the later ones over the earlier ones."""
    values: dict[str, str] = {}
    for task in tasks:
        values |= (told_by(context, task) or {}).get("values", {})
    return values


def told_by(context: Context, task: str) -> dict[str, Any] | None:
    """What the step of a task told; None where the task was skipped."""
    told: dict[str, Any] | None = context["ti"].xcom_pull(task_ids=task)
    return told


def why_begun(context: Context) -> str:
    """The cause of the run: as its params say, else what began it."""
    given: str = context["params"].get("cause") or ""
    events = context.get("triggering_asset_events") or {}
    uris = [asset.uri for asset in events if isinstance(asset, Asset)]  # an event through an alias is there twice
    run = context.get("dag_run")
    return given or cause_of(str(run.run_type.value) if run else "manual", uris)
