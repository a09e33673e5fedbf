"""The DAGs of a project, from what its models declare: one factory, so that a DAG file only calls it.

    retrain__MODEL   from the data to a champion that people have approved
    rollout__MODEL   the champion goes into the field, however it became one
    watch__MODEL     whether the field is still what the model knows
    ingest           new days become snapshots
    reconcile        looks after jobs, aliases, channel, pages and champions that wait

Declarations and settings are read, and nothing else: no model's code, no server, no store. Every task is a step or a
command that finds what is done, so a DAG may be started twice, cleared, or run for a day long gone.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import (
    DAG,
    Asset,
    AssetAlias,
    AssetAny,
    AssetOrTimeSchedule,
    BaseOperator,
    CronTriggerTimetable,
    Param,
    chain,
    get_parsing_context,
)

from slipway.pipelines.airflow import assets
from slipway.pipelines.airflow.approval import SlipwayApprovalPage, SlipwayApproveOperator
from slipway.pipelines.airflow.command_operator import SlipwayChampionsOperator, SlipwayCommandOperator
from slipway.pipelines.airflow.notices import Failed, WentWell
from slipway.pipelines.airflow.pages import PREFIX
from slipway.pipelines.airflow.pools import pool_of
from slipway.pipelines.airflow.project import Project
from slipway.pipelines.airflow.step_operator import SlipwayStepOperator, Wakes
from slipway.pipelines.flows.table import CAUSE, FLOWS, RETRAIN
from slipway.pipelines.steps.step import APPROVE, CAUSES
from slipway.platform.errors import SlipwayError
from slipway.platform.models.finder import Model, installed_models

if TYPE_CHECKING:
    from slipway.platform.settings.schema import Settings

MACHINE: Final = "slipway"
"""Who owns what belongs to no model."""
RETRIES: Final[Mapping[str, Any]] = {"retries": 3, "retry_delay": timedelta(seconds=20)}
HOURLY: Final = "23 * * * *"
DAILY: Final = "7 4 * * *"
OFTEN: Final = "*/10 * * * *"
TO_THE_PAGE: Final = FLOWS[RETRAIN][: FLOWS[RETRAIN].index(APPROVE)]
"""The steps before people are asked."""
DATA_PARAM: Final = "Digest, folder or git revision; empty: data.dvc's."
PATIENT: Final = "none_failed_min_one_success"
"""Runs behind a page that was skipped, and not where all before it was."""


@dataclass(frozen=True)
class Factory:
    """Makes the DAGs of one project."""

    project: Project
    settings: "Settings"

    @classmethod
    def of(cls, project: Project | None = None) -> "Factory":
        """For a project; the one that the environment names, unless it is given."""
        project = project or Project()
        return cls(project, project.load().settings)

    def retrain(self, model: Model) -> DAG:
        """From the data to the champion."""
        name, declared = model.name, model.declaration
        tells = {"on_failure_callback": Failed(name, self.project)}
        with self._dag(
            f"{PREFIX}{name}",
            schedule=self._when(model),
            owner=declared.owner,
            tags=[name, declared.team],
            doc=f"Trains `{name}` where its data calls for it, and asks people before it is champion.",
            params=self._params(),
            defaults=tells,
        ) as dag:
            steps: list[BaseOperator] = [self._step(name, step) for step in TO_THE_PAGE]
            ask = self._step(name, APPROVE, task_id="ask", after=TO_THE_PAGE, may_wait=True)
            page = SlipwayApprovalPage(task_id="approval", asked="ask", model=name)
            approve = SlipwayApproveOperator(
                task_id="approve", page="approval", trigger_rule=PATIENT, **self._asked(name, TO_THE_PAGE)
            )
            promote = self._step(
                name,
                "promote",
                after=TO_THE_PAGE,
                outlets=[assets.champion(name)],
                on_success_callback=WentWell(name, self.project),
            )
            chain(*steps, ask, page, approve, promote)
            chain(ask, approve)
        return dag

    def rollout(self, model: Model) -> DAG:
        """The champion goes into the field."""
        name, declared = model.name, model.declaration
        with self._dag(
            f"rollout__{name}",
            schedule=[assets.champion(name)],
            owner=declared.owner,
            tags=[name, declared.team],
            doc=f"Releases the champion of `{name}` by its plan, once; never one that was taken out of the field.",
        ) as dag:
            SlipwayStepOperator(task_id="rollout", step="rollout", model=name, ends=True, may_wait=True, **self._at)
        return dag

    def watch(self, model: Model) -> DAG:
        """Whether the field is still what the model knows."""
        name, declared = model.name, model.declaration
        with self._dag(
            f"watch__{name}",
            schedule=CronTriggerTimetable(HOURLY, timezone="UTC"),
            owner=declared.owner,
            tags=[name, declared.team],
            doc=f"Compares what devices see of `{name}` with what it was made of; drift opens a labelling task.",
        ) as dag:
            SlipwayStepOperator(
                task_id="watch",
                step="watch",
                model=name,
                snapshot=self.settings.airflow.snapshot,
                ends=True,
                may_wait=True,
                wakes=Wakes(assets.drift(name), AssetAlias(f"drift-of-{name}"), f"{PREFIX}{name}"),
                **self._at,
            )
        return dag

    def ingest(self, models: Mapping[str, Model]) -> DAG:
        """New days become snapshots."""
        when = AssetOrTimeSchedule(
            timetable=CronTriggerTimetable(DAILY, timezone="UTC"), assets=AssetAny(assets.deliveries())
        )
        model = next(iter(models), "")  # days are no model's, and a step is asked for one
        with self._dag("ingest", schedule=when, doc="Makes a snapshot of every new day; touches no work tree.") as dag:
            SlipwayStepOperator(
                task_id="ingest", step="ingest", model=model, ends=True, outlets=[assets.data()], **self._at
            )
        return dag

    def reconcile(self, models: Mapping[str, Model]) -> DAG:
        """Looks after everything."""
        airflow = self.settings.airflow
        commands: dict[str, dict[str, Any]] = {
            "jobs": {"arguments": ["jobs", "reconcile", "--yes"]},
            "aliases": {"arguments": ["model", "guard", "--once", "--yes"], "role": "guard-service"},
            "channel": {"arguments": ["channel", "keepalive", "--yes"], "role": "rollout-service"},
            "pages": {"arguments": ["flow", "pages", "--yes"], "needed": airflow.url is not None},
            "garbage": {"arguments": ["data", "gc", "--yes"], "needed": airflow.garbage},
        }
        with self._dag(
            "reconcile",
            schedule=CronTriggerTimetable(OFTEN, timezone="UTC"),
            doc="Looks after jobs, MLflow's aliases, the channel, open pages, and champions that wait to be released.",
            tasks=2,
        ) as dag:
            done = {
                name: SlipwayCommandOperator(task_id=name, **command, **self._at) for name, command in commands.items()
            }
            champions = SlipwayChampionsOperator(
                task_id="champions",
                models=list(models),
                alias=AssetAlias("waiting-champions"),
                trigger_rule="all_done",
                **self._at,
            )
            chain(done["aliases"], champions)
        return dag

    def _dag(
        self,
        name: str,
        *,
        schedule: Any,  # noqa: ANN401 - as Airflow takes it
        doc: str,
        owner: str = MACHINE,
        tags: list[str] | None = None,
        tasks: int = 1,
        **more: Any,  # noqa: ANN401
    ) -> DAG:
        return DAG(
            name,
            schedule=schedule,
            catchup=False,
            max_active_runs=1,
            max_active_tasks=tasks,
            doc_md=doc,
            tags=[MACHINE, *(tags or [])],
            params=more.get("params"),
            default_args={"owner": owner, **RETRIES, **more.get("defaults", {})},
        )

    def _step(self, model: str, step: str, **more: Any) -> SlipwayStepOperator:  # noqa: ANN401
        """A step of the retraining, given what those before it told."""
        before = TO_THE_PAGE[: TO_THE_PAGE.index(step)] if step in TO_THE_PAGE else ()
        more = {"task_id": step, "ends": step == CAUSE, **more}
        more |= {"pool": pool_of(self.settings.airflow.target)} if step == "train" else {}
        return SlipwayStepOperator(step=step, **self._asked(model, more.pop("after", before)), **more)

    def _asked(self, model: str, after: tuple[str, ...]) -> dict[str, Any]:
        """What the run's params ask of every step."""
        return {
            "model": model,
            "target": "{{ params.target }}",
            "snapshot": "{{ params.snapshot }}",
            "overrides": "{{ params.overrides | tojson }}",
            "budget": "{{ params.budget }}",
            "after": after,
            **self._at,
        }

    def _params(self) -> dict[str, Param]:
        airflow, targets = self.settings.airflow, sorted(self.settings.targets)
        return {
            "snapshot": Param(airflow.snapshot, type="string", description=DATA_PARAM),
            "target": Param(airflow.target, type="string", enum=targets, description="Where it trains."),
            "overrides": Param([], type="array", items={"type": "string"}, description="optimizer.lr=3e-4, one a line"),
            "budget": Param(
                "", type="string", description="What the training may cost, such as 12.50; empty: no limit."
            ),
            "cause": Param("", type="string", enum=["", *CAUSES], description="Empty: what began the run."),
        }

    def _when(self, model: Model) -> Any:  # noqa: ANN401 - as Airflow takes it
        """By the causes that the model names."""
        retrain = model.declaration.retrain
        woken: list[Asset] = []
        if {"data", "labels"} & set(retrain.on):
            woken += [assets.data(), assets.data(model.name)]
        if "drift" in retrain.on:
            woken.append(assets.drift(model.name))
        if retrain.schedule is None:
            return AssetAny(*woken) if woken else None
        timetable = CronTriggerTimetable(retrain.schedule, timezone="UTC")
        return AssetOrTimeSchedule(timetable=timetable, assets=AssetAny(*woken)) if woken else timetable

    @property
    def _at(self) -> dict[str, Any]:
        return {"project": self.project.folder, "slipway_context": self.project.context}


def model_dags(project: Project | None = None) -> dict[str, DAG]:
    """Retraining, rollout and watching of every model whose declaration can be read."""
    models = {name: model for name, model in installed_models().items() if _why_unread(model) is None}
    factory = Factory.of(project)
    kinds = {PREFIX: factory.retrain, "rollout__": factory.rollout, "watch__": factory.watch}
    made = {f"{kind}{name}": _making(make, model) for name, model in models.items() for kind, make in kinds.items()}
    return dict(_wanted(made))


def project_dags(project: Project | None = None) -> dict[str, DAG]:
    """What a project has once."""
    factory, models = Factory.of(project), installed_models()
    return dict(_wanted({"ingest": lambda: factory.ingest(models), "reconcile": lambda: factory.reconcile(models)}))


def check_declarations() -> None:
    """Fail with every declaration that cannot be read: a file of its own for it, so that others are not hindered."""
    wrong = [why for model in installed_models().values() if (why := _why_unread(model))]
    if wrong:
        raise SlipwayError("\n".join(wrong))


def _why_unread(model: Model) -> str | None:
    try:
        model.declaration  # noqa: B018 - it is read to be refused here
    except SlipwayError as error:
        return str(error)
    return None


def _making(make: Callable[[Model], DAG], model: Model) -> Callable[[], DAG]:
    return lambda: make(model)


def _wanted(made: Mapping[str, Callable[[], DAG]]) -> Iterator[tuple[str, DAG]]:
    """All of them; in a task's process only the one that the task belongs to."""
    wanted = get_parsing_context().dag_id
    for name, make in made.items():
        if wanted in (None, name):
            yield name, make()
