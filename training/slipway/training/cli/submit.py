"""`slipway submit`: have a model trained on a target, attach to who does so already, or get what is done."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from slipway.platform.cli.jobs.arguments import Budget, Wait, target_names
from slipway.platform.cli.output import DryRun, Json, Yes, print_fields, print_json, say
from slipway.platform.cli.session import confirm_change
from slipway.platform.errors import WrongUse
from slipway.training.cli.completing import models
from slipway.training.cli.completing import overrides as overrides_of_model

if TYPE_CHECKING:
    from pathlib import Path

    from slipway.platform.jobs.api import Desk
    from slipway.platform.jobs.forecasting import Forecast
    from slipway.platform.jobs.placing import Placement
    from slipway.platform.jobs.planning import Planned
    from slipway.training.cli.asking import Said

app = typer.Typer(add_completion=False)

YAML: Final = "yaml"


@app.command()
def submit(  # noqa: PLR0913 - what a person may say
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
    from slipway.platform.jobs.placing import Placement
    from slipway.training.cli import asking

    if output is not None and (output != YAML or not dry_run):
        raise WrongUse(f"-o {output}: only `yaml`, and only with --dry-run.", mend="--dry-run -o yaml")
    placement = Placement(target=on, nodes=nodes, budget=amount(budget), secrets=tuple(secret or ()))
    said = asking.said(name=name, note=note, tags=tag or [], again=again)
    desk = open_desk()
    words = [*([model] if model else []), *(overrides or [])]
    planned = _planned(words, desk, placement, script=script, snapshot=snapshot)
    placement.checked(desk.loaded.settings, planned.config)
    expected = _forecast(planned, desk, placement)
    if dry_run:
        _foretell(planned, desk, placement, said, expected, output=output, json=json)
        return
    confirm_change(desk.loaded, f"submit {planned.model.name} to {on}", yes)
    asking.remark_departures(planned)
    _submit(planned, desk, placement, said, expected, wait=wait, json=json)


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
    from slipway.platform.jobs.scripts import Script, plan_script
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
    from slipway.platform.jobs.submitting import submit as submit_planned

    say(f"price: {expected.told()}")
    with display() as watcher:
        submitted = submit_planned(
            planned,
            said.request(desk.loaded),
            desk.loaded,
            target=placement.target,
            nodes=placement.nodes,
            budget=placement.budget,
            secrets=placement.secrets,
            watcher=watcher,
            store=desk.store,
        )
    tell(submitted, desk, wait=wait, json=json)


def _forecast(planned: "Planned", desk: "Desk", placement: "Placement") -> "Forecast":
    from slipway.platform.jobs.forecasting import forecast
    from slipway.platform.jobs.spec import Price

    target = desk.loaded.settings.targets[placement.target]
    return forecast(
        desk.store,
        planned.model.name,
        target=placement.target,
        nodes=placement.nodes,
        epochs=int(planned.config.get("trainer", {}).get("max_epochs", 0)),
        price=Price(per_hour=target.price_per_hour, currency=target.currency),
    )


def _foretell(
    planned: "Planned",
    desk: "Desk",
    placement: "Placement",
    said: "Said",
    expected: "Forecast",
    *,
    output: str | None,
    json: bool,
) -> None:
    """What would happen, or what would be sent."""
    from slipway.training.cli.asking import foretold
    from slipway.training.cli.rendering import rendered

    if output == YAML:
        typer.echo(rendered(planned, desk, placement, said), nl=False)
        return
    told: dict[str, Any] = foretold(planned, desk, again=said.again)
    processes = planned.config["trainer"]["processes"]
    told["on"] = f"{placement.target}, {placement.nodes} nodes, {processes} processes together"
    if json:
        print_json({**told, "price": expected.as_data()})
    else:
        print_fields({**told, "price": expected.told()})
