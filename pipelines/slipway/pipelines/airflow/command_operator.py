"""Tasks that look after everything: a command of slipway as it is, and a look at champions that wait for a release."""

from collections.abc import Sequence
from typing import Any

from airflow.sdk import AssetAlias, BaseOperator
from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowException, AirflowSkipException

from slipway.pipelines.airflow import assets
from slipway.pipelines.airflow.child import run_command
from slipway.pipelines.airflow.ending import end_task, failure
from slipway.pipelines.airflow.project import Project
from slipway.pipelines.steps.step import Ask, How
from slipway.platform.errors import SlipwayError


class SlipwayCommandOperator(BaseOperator):
    """`slipway …`, which prints JSON; harmless however often it runs. Skipped where nobody of the `role` has a key."""

    template_fields: Sequence[str] = ("arguments", "project", "slipway_context")
    ui_color = "#f2f2e6"

    def __init__(
        self,
        *,
        arguments: Sequence[str],
        role: str = "",
        needed: bool = True,
        project: str = "",
        slipway_context: str = "",
        **kwargs: Any,  # noqa: ANN401 - Airflow's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.arguments, self.role, self.needed = list(arguments), role, needed
        self.project, self.slipway_context = project, slipway_context

    def execute(self, context: Context) -> Any:  # noqa: ANN401 - what it printed
        """Run it."""
        del context
        if not self.needed:
            raise AirflowSkipException("The settings do not ask for it.")
        project = Project(self.project, self.slipway_context)
        try:
            if self.role and not is_here(self.role, project):
                raise AirflowSkipException(f"No {self.role} has a key here; whoever has it runs this there.")
            return run_command(self.arguments, project, self.log.info)
        except SlipwayError as error:
            raise failure(error) from None

    def on_kill(self) -> None:
        """Somebody ended the task: end what it runs."""
        end_task()


class SlipwayChampionsOperator(BaseOperator):
    """Wakes the rollout of every model whose champion was not released and may be, however it became champion."""

    template_fields: Sequence[str] = ("project", "slipway_context")

    def __init__(
        self,
        *,
        models: Sequence[str],
        alias: AssetAlias,
        project: str = "",
        slipway_context: str = "",
        **kwargs: Any,  # noqa: ANN401 - Airflow's own arguments
    ) -> None:
        super().__init__(**{**kwargs, "outlets": [alias]})
        self.models, self.alias, self.project, self.slipway_context = list(models), alias, project, slipway_context

    def execute(self, context: Context) -> list[str]:
        """The models whose rollout was woken."""
        woken, failed = [], []
        for model in self.models:
            try:
                line = waiting(model, Project(self.project, self.slipway_context))
            except SlipwayError as error:
                failed.append(f"{model}: {error}")
                continue
            if line:
                self.log.info("%s", line)
                context["outlet_events"][self.alias].add(assets.champion(model))
                woken.append(model)
        if failed and not woken:
            raise AirflowException("; ".join(failed))
        for told in failed:
            self.log.warning("%s", told)
        return woken


def is_here(role: str, project: Project) -> bool:
    """Whether somebody who holds the role has a key on this machine, as far as one can see."""
    from slipway.platform.identity import load_people
    from slipway.platform.identity.key_ring import KeyRing

    identity = project.load().settings.identity
    holders = {one.name for one in load_people(identity.people).persons if role in one.roles}
    return identity.signer is not None or not holders.isdisjoint(KeyRing(identity.keys).names())


def waiting(model: str, project: Project) -> str:
    """In a sentence what waits to be released; empty where nothing does."""
    from slipway.pipelines.steps.site import Site
    from slipway.pipelines.steps.table import step_named

    site = Site.at(project.root, project.environ)
    try:
        told = step_named("rollout").look(site, Ask(model=model, wait=False), {})
    finally:
        site.desk.close()
    return told.line if told.how is How.TO_DO else ""
