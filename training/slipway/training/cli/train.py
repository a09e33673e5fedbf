"""`slipway train`: name the work, then run it here, attach to who runs it, or return what is done."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from slipway.platform.cli.output import DryRun, Json, Yes, print_fields, print_json, say
from slipway.platform.cli.session import confirm_change, load_settings
from slipway.training.cli.completing import models
from slipway.training.cli.completing import overrides as overrides_of_model

if TYPE_CHECKING:
    from slipway.platform.jobs.planning import Planned
    from slipway.platform.jobs.runner.child import Ahead
    from slipway.platform.jobs.starting import Brought, Request
    from slipway.platform.settings import Loaded
    from slipway.training.config.compose import Composed

app = typer.Typer(add_completion=False)

IMPORTED_AHEAD: Final = ("numpy", "pydantic", "torch")
"""What every child needs, beside slipway: imported while the work is still being named."""
EXIT_RESUME: Final = 75


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
    from slipway.training.config.compose import compose

    composed = compose(model, overrides or [])
    if cfg:
        print_json(composed.config) if json else typer.echo(composed.text, nl=False)
        return
    _check_accelerator(composed)
    loaded = load_settings()
    tags = _tags(tag or [])
    if name is not None:
        from slipway.platform.runs.names import check_name

        check_name(name)
    if not dry_run:
        confirm_change(loaded, f"train {model}", yes)
    ahead = None if dry_run else _ahead(composed)
    try:
        from slipway.platform.jobs.planning import plan

        planned = plan(composed.model, composed.config, loaded, snapshot=snapshot)
        if dry_run:
            _foretell(planned, loaded, again=again, json=json)
            return
        _remark_departures(planned)
        request = _request(loaded, name=name, note=note, tags=tags, again=again)
        brought = _bring(planned, request, loaded, ahead)
    finally:
        if ahead is not None:
            ahead.dismiss()
    _report(brought, planned, loaded, json=json)


def _check_accelerator(composed: "Composed") -> None:
    """Refuse what this machine has not, before anything is written."""
    from slipway.platform.errors import WrongUse

    if composed.config["trainer"]["accelerator"] != "gpu":
        return
    import torch

    if not torch.cuda.is_available():
        raise WrongUse(
            "trainer.accelerator is `gpu`, and torch finds no GPU on this machine.",
            mend="Leave it at `cpu`, or train where there is one.",
        )


def _remark_departures(planned: "Planned") -> None:
    """Say where the installed packages are not those that the run is named by."""
    from slipway.platform.runs.code.lock import departures

    for line in departures(planned.parts.lock):
        say(f"not as the lock says: {line}. The run is named by the lock; `make setup` brings its versions.")


def _tags(texts: list[str]) -> dict[str, str]:
    from slipway.platform.errors import WrongUse

    tags = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise WrongUse(f"`{text}` is no tag.", mend="Write --tag KEY=VALUE.")
        tags[key] = value
    return tags


def _ahead(composed: "Composed") -> "Ahead | None":
    """Let the child import its libraries while the work is being named."""
    import os

    from slipway.platform.jobs.runner.child import Ahead
    from slipway.platform.jobs.runner.environment import child_environment

    trainer = composed.config["trainer"]
    if trainer["processes"] > 1:
        return None
    return Ahead(IMPORTED_AHEAD, environ=child_environment(os.environ, threads=trainer["threads"]))


def _request(loaded: "Loaded", *, name: str | None, note: str, tags: dict[str, str], again: bool) -> "Request":
    from slipway.platform.jobs.asking import submitted_by
    from slipway.platform.jobs.starting import Request
    from slipway.platform.runs.code.revision import revision_of

    revision = revision_of(loaded.root)
    return Request(
        submitted_by(loaded.settings.identity),
        name=name,
        note=note,
        tags=tags,
        again=again,
        revision=str(revision),
        patch=revision.patch,
    )


def _bring(planned: "Planned", request: "Request", loaded: "Loaded", ahead: "Ahead | None") -> "Brought":
    from slipway.platform.jobs.starting import bring_about
    from slipway.training.cli.progress import display

    with display() as watcher:
        return bring_about(planned, request, loaded, watcher, ahead=ahead)


def _foretell(planned: "Planned", loaded: "Loaded", *, again: bool, json: bool) -> None:
    """What would happen."""
    from slipway.platform.runs.standing import Here, standing
    from slipway.platform.store import open_store

    store = open_store(loaded.settings.store, loaded.settings.s3)
    now = standing(store, planned.key, Here.at(loaded.root))
    would = "attach" if now.under_way else "return" if now.result is not None and not again else "start"
    told: dict[str, Any] = {
        "model": planned.model.name,
        "key": planned.key,
        "code": f"{len(planned.code.files)} files, {planned.code_bytes / 1000:.0f} kB",
        "snapshot": planned.parts.snapshot,
        "would": would,
        "standing": now.told(),
    }
    if json:
        print_json(told)
    else:
        print_fields(told)


def _report(brought: "Brought", planned: "Planned", loaded: "Loaded", *, json: bool) -> None:
    from slipway.platform.jobs.reporting import report
    from slipway.platform.runs.records import State

    told = report(brought, planned.key, loaded)
    for line in told.remarks:
        say(line)
    if json:
        print_json(told.data)
    else:
        print_fields(told.fields)
    if brought.state is not State.DONE:
        raise typer.Exit(EXIT_RESUME if brought.state is State.RESUMABLE else 1)
