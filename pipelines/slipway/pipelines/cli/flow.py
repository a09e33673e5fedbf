"""`slipway flow`: run a flow, say what one would do, list flows; and one step, as schedulers run it."""

import json as plain
from typing import TYPE_CHECKING, Annotated

import typer

from slipway.platform.cli.jobs.arguments import model_names, target_names
from slipway.platform.cli.output import Json, Yes, print_fields, print_json, print_table, say
from slipway.platform.cli.session import confirm_change, current_folder
from slipway.platform.errors import WrongUse

if TYPE_CHECKING:
    from slipway.pipelines.steps.site import Site
    from slipway.pipelines.steps.step import Told

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Run flows, see what they would do, list them.")

Model = Annotated[str, typer.Argument(help="The model, as `slipway models list` names it.", autocompletion=model_names)]
Overrides = Annotated[
    list[str] | None, typer.Argument(help="Changes to the config of the training: optimizer.lr=3e-4 network=base.")
]
On = Annotated[
    str,
    typer.Option("--on", metavar="TARGET", help="Where, as `slipway targets` lists them.", autocompletion=target_names),
]
Snapshot = Annotated[
    str | None,
    typer.Option("--snapshot", metavar="REF", help="A folder, digest or git revision; data.dvc's unless given."),
]
Cause = Annotated[str, typer.Option("--cause", metavar="CAUSE", help="Why: asked, data, labels, drift or schedule.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Leave launched work alone, and say which it is.")]


@app.command(name="list")
def list_flows(*, json: Json = False) -> None:
    """List the flows and their steps."""
    from slipway.pipelines.flows.table import FLOWS

    if json:
        print_json({name: list(steps) for name, steps in FLOWS.items()})
        return
    print_table(("flow", "steps"), [[name, ", ".join(steps)] for name, steps in FLOWS.items()])


@app.command()
def step(  # noqa: PLR0913 - what a scheduler may say
    name: Annotated[str, typer.Argument(metavar="STEP", help="Such as train.")],
    model: Model,
    overrides: Overrides = None,
    *,
    on: On = "local",
    snapshot: Snapshot = None,
    cause: Cause = "asked",
    given: Annotated[
        str, typer.Option("--given", metavar="JSON", help="What earlier steps told as their values.")
    ] = "{}",
    no_wait: NoWait = False,
    responder: Annotated[str, typer.Option(metavar="NAME", help="Who has answered the question for approval.")] = "",
    response: Annotated[str, typer.Option(metavar="WORD", help="What that one said: approve or reject.")] = "",
    reason: Annotated[str, typer.Option(metavar="TEXT", help="And why.")] = "",
    request: Annotated[str, typer.Option(metavar="ID", help="Which question was answered.")] = "",
    via: Annotated[str, typer.Option(metavar="JSON", help="Where it was answered, for the ledger's readers.")] = "{}",
    json: Json = False,
    yes: Yes = False,
) -> None:
    """Do one step, or find what it would make. A scheduler's task is this command.

    The exit code is 1 for a step that was refused or failed; one that waits for a person or for work is 0.
    """
    from slipway.pipelines.steps.step import Ask, How
    from slipway.pipelines.steps.table import step_named

    wanted = step_named(name)
    ask = Ask(
        model=model,
        target=on,
        snapshot=snapshot,
        overrides=tuple(overrides or ()),
        cause=cause,
        wait=not no_wait,
        responder=responder,
        response=response,
        reason=reason,
        request=request,
        via=_texts("--via", via),
    )
    site = open_site(model)
    values = _texts("--given", given)
    confirm_change(site.loaded, f"do the step {name} of {model}", yes)
    told = wanted.do(site, ask, values, say)
    print_json(told.as_data()) if json else _tell(told)
    raise typer.Exit(1 if told.how is How.REFUSED else 0)


def open_site(model: str) -> "Site":
    """The project that this was started in, which knows the model."""
    import os

    from slipway.pipelines.steps.site import Site
    from slipway.platform.store.opening import check_place

    site = Site.at(current_folder(), os.environ)
    site.model(model)
    check_place(site.store)
    return site


def _texts(option: str, text: str) -> dict[str, str]:
    """An object of texts, as earlier steps told their values."""
    try:
        found = plain.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise WrongUse(f"{option} is `{text}`, expected an object of texts.", mend=f"""{option} '{{"name": "text"}}'""")
    return found


def _tell(told: "Told") -> None:
    fields = {told.step: told.how.value, "": told.line}
    print_fields({**fields, **{f"  {title}": place for title, place in told.links.items()}})
    if told.text:
        say(told.text)
    if told.mend:
        say(told.mend)
