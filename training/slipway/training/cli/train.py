"""`slipway train`: name the work, then run it here, attach to who runs it, or return what is done."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from slipway.platform.cli.output import DryRun, Json, Yes, print_fields, print_json
from slipway.platform.cli.session import confirm_change, load_settings
from slipway.training.cli.completing import models
from slipway.training.cli.completing import overrides as overrides_of_model

if TYPE_CHECKING:
    from slipway.platform.jobs.runner.child import Ahead
    from slipway.platform.jobs.submitting.planning import Planned
    from slipway.platform.jobs.submitting.starting import Brought, Request
    from slipway.platform.settings import Loaded
    from slipway.training.config.compose import Composed

app = typer.Typer(add_completion=False)

IMPORTED_AHEAD: Final = ("numpy", "pydantic", "torch")
"""What every child needs, beside slipway: imported while the work is still being named."""


@app.command()
def train(  # noqa: PLR0913 - what a person may say
    model: Annotated[str, typer.Argument(help="The model, as `slipway models` lists them.", autocompletion=models)],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            help="Changes to the config: optimizer.lr=3e-4 network=base.", autocompletion=overrides_of_model
        ),
    ] = None,
    *,
    name: Annotated[str | None, typer.Option(help="The run's name; made from its key unless given.")] = None,
    note: Annotated[str, typer.Option(help="A remark that is kept with the run.")] = "",
    tag: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="A tag; may be repeated.")] = None,
    snapshot: Annotated[
        str | None, typer.Option(metavar="REF", help="A folder, digest or git revision; data.dvc's unless given.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Train from the first step, also what is done.")] = False,
    cfg: Annotated[bool, typer.Option("--cfg", help="Print the composed config, and do nothing.")] = False,
    dry_run: DryRun = False,
    json: Json = False,
    yes: Yes = False,
) -> None:
    """Train a model. The same work is never done twice: starting it again attaches to it, or returns what is done.

    Exit code 75 when it was stopped on request; starting it again goes on from the last checkpoint.
    """
    from slipway.platform.cli.jobs.following import tell_end
    from slipway.platform.jobs.api import Desk
    from slipway.training.cli import asking
    from slipway.training.config.compose import compose

    composed = compose(model, overrides or [])
    if cfg:
        print_json(composed.config) if json else typer.echo(composed.text, nl=False)
        return
    _check_accelerator(composed)
    loaded = load_settings()
    said = asking.said(name=name, note=note, tags=tag or [], again=again)
    if not dry_run:
        confirm_change(loaded, f"train {model}", yes)
    ahead = None if dry_run else _ahead(composed)
    try:
        from slipway.platform.jobs.submitting.planning import plan

        planned = plan(composed.model, composed.config, loaded, snapshot=snapshot)
        if dry_run:
            told = asking.foretold(planned, Desk.of(loaded), said)
            print_json(told) if json else print_fields(told)
            return
        asking.remark_departures(planned)
        brought = _bring(planned, said.request(loaded), loaded, ahead)
    finally:
        if ahead is not None:
            ahead.dismiss()
    tell_end(brought, planned.key, Desk.of(loaded), json=json)


def _check_accelerator(composed: "Composed") -> None:
    """Refuse what this machine has not, before anything is written."""
    from slipway.platform.errors import WrongUse

    accelerator = composed.config["trainer"]["accelerator"]
    if accelerator == "cpu":
        return
    import torch

    if not torch.cuda.is_available():
        raise WrongUse(
            f"trainer.accelerator is `{accelerator}`, and torch finds no GPU on this machine.",
            mend="Leave it at `cpu`, or train where there is one: `slipway submit … --on TARGET`.",
        )


def _ahead(composed: "Composed") -> "Ahead | None":
    """Let the child import its libraries while the work is being named."""
    import os

    from slipway.platform.jobs.runner.child import Ahead
    from slipway.platform.jobs.runner.environment import child_environment

    trainer = composed.config["trainer"]
    if trainer["processes"] > 1:
        return None
    return Ahead(IMPORTED_AHEAD, environ=child_environment(os.environ, threads=trainer["threads"]))


def _bring(planned: "Planned", request: "Request", loaded: "Loaded", ahead: "Ahead | None") -> "Brought":
    from slipway.platform.cli.progress import display
    from slipway.platform.jobs.submitting.starting import bring_about

    with display() as watcher:
        return bring_about(planned, request, loaded, watcher, ahead=ahead)
