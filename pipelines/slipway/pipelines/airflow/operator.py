"""`SlipwayJobOperator`: a task that is one piece of work, done once however often Airflow starts, kills or clears it.

The worker submits and lets go; a trigger looks after the work and passes its log on; a worker comes back for the end.
Whatever of Airflow is restarted meanwhile, the work goes on, and the task finds it again by its key.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.definitions.context import Context

from slipway.pipelines.airflow.ending import failure, unless_done
from slipway.pipelines.airflow.project import Project
from slipway.pipelines.airflow.submitting import Work, submit
from slipway.pipelines.airflow.trigger import SlipwayJobTrigger
from slipway.platform.errors import SlipwayError


class SlipwayJobOperator(BaseOperator):
    """Submits the training of a model, or a script, or attaches to it, and returns its result."""

    template_fields: Sequence[str] = (
        "model",
        "overrides",
        "script",
        "script_arguments",
        "target",
        "nodes",
        "budget",
        "snapshot",
        "run_name",
        "note",
        "project",
        "slipway_context",
    )
    ui_color = "#dfe9f5"

    def __init__(  # noqa: PLR0913 - what a person may say
        self,
        *,
        model: str = "",
        overrides: Sequence[str] = (),
        script: str = "",
        script_arguments: Sequence[str] = (),
        target: str = "local",
        nodes: int | str = 1,
        budget: str = "",
        snapshot: str = "",
        run_name: str = "",
        note: str = "",
        secrets: Sequence[str] = (),
        project: str = "",
        slipway_context: str = "",
        poll_seconds: float = 5.0,
        **kwargs: Any,  # noqa: ANN401 - Airflow's own arguments
    ) -> None:
        super().__init__(**kwargs)
        if bool(model) == bool(script):
            raise ValueError(f"task {self.task_id}: give either `model` or `script`")
        self.script, self.script_arguments = script, list(script_arguments)
        self.model, self.overrides, self.target, self.nodes = model, list(overrides), target, nodes
        self.budget, self.snapshot, self.run_name, self.note = budget, snapshot, run_name, note
        self.secrets, self.project, self.slipway_context = list(secrets), project, slipway_context
        self.poll_seconds = poll_seconds

    def execute(self, context: Context) -> dict[str, Any]:
        """Submit, then leave the waiting to the trigger; work that is done is returned at once."""
        del context
        try:
            told = submit(self._work(), Project(self.project, self.slipway_context), self.log.info)
        except SlipwayError as error:
            raise failure(error, "`slipway submit` refused: ") from None
        self.log.info("%s: %s (%s)", told["how"], told["name"], told["key"])
        trigger = SlipwayJobTrigger(told["key"], self.project, self.slipway_context, self.poll_seconds)
        self.defer(trigger=trigger, method_name=self.execute_complete.__name__)

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> dict[str, Any]:
        """The work has ended: its name, key and metrics, or why there are none."""
        del context
        unless_done(event)
        return {name: event[name] for name in ("name", "key", "metrics")}

    def _work(self) -> Work:
        return Work(
            model=self.model,
            overrides=self.overrides,
            script=self.script,
            script_arguments=self.script_arguments,
            target=self.target,
            nodes=int(self.nodes),
            budget=self.budget,
            snapshot=self.snapshot,
            name=self.run_name,
            note=self.note,
            secrets=self.secrets,
        )
