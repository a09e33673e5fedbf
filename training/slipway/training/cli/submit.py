"""`slipway submit`: have a model trained on a target, attach to who does so already, or get what is done."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperCommand

from slipway.platform.cli.jobs.arguments import Budget, Wait, target_names
from slipway.platform.cli.output import DryRun, Json, Yes, print_fields, print_json, say
from slipway.platform.cli.session import confirm_change
from slipway.platform.errors import WrongUse
from slipway.training.cli.completing import models
from slipway.training.cli.completing import overrides as overrides_of_model

if TYPE_CHECKING:
    from pathlib import Path

    from slipway.platform.jobs.api import Desk
    from slipway.platform.jobs.submitting.forecasting import Forecast
    from slipway.platform.jobs.submitting.placing import Placement
    from slipway.platform.jobs.submitting.planning import Planned
    from slipway.platform.jobs.submitting.submission import Submitted
    from slipway.training.cli.asking import Said

app = typer.Typer(add_completion=False)

YAML: Final = "yaml"
WRITTEN: Final = "slipway.written"


class _Command(TyperCommand):
    """Remembers what was written, because only that tells a script's arguments from a model."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Parse, and remember."""
        ctx.meta[WRITTEN] = tuple(args)
        return super().parse_args(ctx, args)


@app.command(cls=_Command)
def submit(  # noqa: PLR0913 - what a person may say
    context: typer.Context,
    model: Annotated[
        str | None, typer.Argument(help="The model, as `slipway models` lists them.", autocompletion=models)
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            help="Changes to the config: optimizer.lr=3e-4 network=base.", autocompletion=overrides_of_model
        ),
    ] = None,
    *,
    on: Annotated[
        str,
        typer.Option(
            "--on", metavar="TARGET", help="Where, as `slipway targets` lists them.", autocompletion=target_names
        ),
    ],
    nodes: Annotated[int, typer.Option(min=1, help="How many machines, or groups of processes here.")] = 1,
    budget: Budget = None,
    wait: Wait = False,
    name: Annotated[str | None, typer.Option(help="The run's name; made from its key unless given.")] = None,
    note: Annotated[str, typer.Option(help="A remark that is kept with the run.")] = "",
    tag: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="A tag; may be repeated.")] = None,
    snapshot: Annotated[
        str | None, typer.Option(metavar="REF", help="A folder, digest or git revision; data.dvc's unless given.")
    ] = None,
    secret: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A variable that the target keeps; may be repeated.")
    ] = None,
    script: Annotated[
        str | None, typer.Option(metavar="FILE", help="A script of your own instead of a model; arguments behind --.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="From the first step, also what is done.")] = False,
    dry_run: DryRun = False,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="yaml", help="With --dry-run: exactly what would be sent."),
    ] = None,
    json: Json = False,
    yes: Yes = False,
) -> None:
    """Train a model on a target. The same work is never done twice: submitting it again attaches, or returns it.

    It runs on its own: the terminal may be closed. --wait follows it, with exit codes as of `slipway train`: 0 done,
    75 stopped and to be gone on with, 1 failed.
    """
    from slipway.platform.cli.jobs.amounts import amount
    from slipway.platform.cli.jobs.arguments import open_desk
    from slipway.platform.jobs.submitting.forecasting import forecast_on
    from slipway.platform.jobs.submitting.placing import Placement
    from slipway.training.cli import asking

    _check_output(output, dry_run=dry_run, json=json)
    placement = Placement(target=on, nodes=nodes, budget=amount(budget), secrets=tuple(secret or ()))
    said = asking.said(name=name, note=note, tags=tag or [], again=again)
    desk = open_desk()
    words = [*([model] if model else []), *(overrides or [])]
    if script is not None:
        _check_behind(words, context.meta[WRITTEN], script)
    planned = _planned(words, desk, placement, script=script, snapshot=snapshot)
    placement.checked(desk.loaded.settings, planned.config)
    if output == YAML:
        _render(planned, desk, placement, said)
        return
    expected = forecast_on(desk.store, planned, placement, desk.loaded.settings)
    if dry_run:
        _foretell(planned, desk, placement, said, expected, json=json)
        return
    confirm_change(desk.loaded, f"submit {planned.model.name} to {on}", yes)
    asking.remark_departures(planned)
    _submit(planned, desk, placement, said, expected, wait=wait, json=json)


def _check_output(output: str | None, *, dry_run: bool, json: bool) -> None:
    """What can be printed instead of a sentence."""
    if output == "json":
        raise WrongUse("-o is for `yaml`, with --dry-run; an answer in JSON is --json.", mend="--json")
    if output is not None and (output != YAML or not dry_run):
        raise WrongUse(f"-o {output}: only `yaml`, and only with --dry-run.", mend="--dry-run -o yaml")
    if output is not None and json:
        raise WrongUse("-o yaml and --json are two forms of an answer.", mend="Leave one of them out.")


def _check_behind(words: list[str], written: tuple[str, ...], script: str) -> None:
    """A script's arguments stand behind `--`; what stands before it is a model, and there is one of the two."""
    if not words or (len(written) > len(words) and written[-len(words) - 1] == "--"):
        return
    raise WrongUse(
        f"`{words[0]}` and --script {script}: expected a model or a script, with a script's arguments behind `--`.",
        mend=f"slipway submit --script {script} --on TARGET -- ARGUMENTS, or `slipway submit {words[0]} --on TARGET`.",
    )


def _planned(
    words: list[str], desk: "Desk", placement: "Placement", *, script: str | None, snapshot: str | None
) -> "Planned":
    """The work, by its name; nothing is written."""
    from pathlib import Path

    from slipway.training.submitting import plan_for

    if script is not None:
        return _planned_script(Path(script), words, desk, placement, snapshot)
    if not words:
        raise WrongUse("What is to be trained?", mend="slipway submit MODEL --on TARGET, or --script FILE.")
    return plan_for(words[0], words[1:], desk, on=placement.target, nodes=placement.nodes, snapshot=snapshot)


def _planned_script(
    path: "Path", arguments: list[str], desk: "Desk", placement: "Placement", snapshot: str | None
) -> "Planned":
    from slipway.platform.jobs.availability import accelerator_of
    from slipway.platform.jobs.submitting.scripts import Script, plan_script
    from slipway.platform.jobs.targets import named_target
    from slipway.training.submitting import Shape

    target = named_target(placement.target, desk.loaded.settings)
    shape = Shape(name=placement.target, target=target, nodes=placement.nodes)
    script = Script(
        path=path.absolute(), arguments=arguments, processes=shape.processes, accelerator=accelerator_of(target)
    )
    return plan_script(script, desk.loaded, target=placement.target, snapshot=snapshot)


def _submit(
    planned: "Planned",
    desk: "Desk",
    placement: "Placement",
    said: "Said",
    expected: "Forecast",
    *,
    wait: bool,
    json: bool,
) -> None:
    from slipway.platform.cli.jobs.following import tell
    from slipway.platform.cli.progress import display
    from slipway.platform.jobs.submitting.submission import submit as submit_planned

    say(f"price: {expected.told()}")
    if warning := expected.told_budget(placement.budget):
        say(warning)
    with display() as watcher:
        submitted = submit_planned(
            planned,
            said.request(desk.loaded),
            desk.loaded,
            target=placement.target,
            nodes=placement.nodes,
            budget=placement.budget,
            secrets=placement.secrets,
            patient=wait,
            watcher=watcher,
            store=desk.store,
        )
    if unused := _unused(submitted, said, placement):
        say(f"Not used, because nothing was started: {', '.join(unused)}.")
    tell(submitted, desk, wait=wait, json=json)


def _unused(submitted: "Submitted", said: "Said", placement: "Placement") -> list[str]:
    """What was said about an attempt that was not made."""
    if submitted.how == "started":
        return []
    attempt = submitted.standing.spec
    asked = {
        "--name": said.name if attempt is None or said.name != attempt.name else None,
        "--note": said.note if attempt is None or said.note != attempt.note else None,
        "--tag": said.tags,
        "--budget": placement.budget,
        "--secret": placement.secrets,
        "--again": said.again,
    }
    return [name for name, value in asked.items() if value]


def _render(planned: "Planned", desk: "Desk", placement: "Placement", said: "Said") -> None:
    """Exactly what would be sent. It changes nothing, so a store that cannot be asked is no reason to show none."""
    from slipway.platform.jobs.submitting.refusing import check_cluster
    from slipway.platform.runs.standing import Standing, standing
    from slipway.platform.store import StoreError
    from slipway.training.cli.asking import STARTED, foretold
    from slipway.training.cli.rendering import rendered

    check_cluster(placement.target, desk.loaded.settings.targets[placement.target], desk.loaded)
    try:
        told = foretold(planned, desk, said, placement)
        now = standing(desk.store, planned.key, desk.here)
    except StoreError as error:
        say(f"{error} So this is a first attempt, as if nobody had asked for the work before.")
        now = Standing(planned.key)
    else:
        if told["would"] != STARTED:
            say(f"Nothing would be sent: {told['standing']}")
            return
    typer.echo(rendered(planned, desk, placement, said, now), nl=False)


def _foretell(
    planned: "Planned", desk: "Desk", placement: "Placement", said: "Said", expected: "Forecast", *, json: bool
) -> None:
    """What would happen."""
    from slipway.platform.jobs.submitting.refusing import check_cluster
    from slipway.platform.telling import money
    from slipway.training.cli.asking import foretold

    check_cluster(placement.target, desk.loaded.settings.targets[placement.target], desk.loaded)
    told: dict[str, Any] = foretold(planned, desk, said, placement)
    told["on"] = _shape(placement, int(planned.config["trainer"]["processes"]))
    if placement.budget is not None:
        told["budget"] = money(placement.budget, expected.price.currency)
    if json:
        print_json({**told, "price": expected.as_data()})
        return
    print_fields({**told, "price": expected.told()})
    if warning := expected.told_budget(placement.budget):
        say(warning)


def _shape(placement: "Placement", processes: int) -> str:
    nodes = "1 node" if placement.nodes == 1 else f"{placement.nodes} nodes"
    together = "1 process" if processes == 1 else f"{processes} processes together"
    return f"{placement.target}, {nodes}, {together}"
