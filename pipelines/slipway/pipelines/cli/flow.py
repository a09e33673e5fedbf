"""`slipway flow`: run a flow, say what one would do, list flows; and one step, as schedulers run it."""

import json as plain
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from slipway.pipelines.cli import scheduling
from slipway.platform.cli.jobs.arguments import Budget, model_names, target_names
from slipway.platform.cli.output import DryRun, Json, Yes, print_fields, print_json, print_table, say
from slipway.platform.cli.session import confirm_change, current_folder
from slipway.platform.errors import WrongUse

if TYPE_CHECKING:
    from slipway.pipelines.flows.planning import Outlook
    from slipway.pipelines.steps.site import Site
    from slipway.pipelines.steps.step import Ask, Told

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Run flows, see what they would do, list them.")
app.add_typer(scheduling.app)

INTERRUPTED = 130


def flow_names(incomplete: str) -> Iterator[str]:
    """Flows, for completion."""
    from slipway.pipelines.flows.table import FLOWS

    return (name for name in FLOWS if name.startswith(incomplete))


Flow = Annotated[str, typer.Argument(metavar="FLOW", help="Such as retrain or rollout.", autocompletion=flow_names)]
Model = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="The model, as `slipway models list` names it.", autocompletion=model_names),
]
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


@app.command()
def run(  # noqa: PLR0913 - what a person may say
    flow: Flow,
    model: Model,
    overrides: Overrides = None,
    *,
    on: On = "local",
    snapshot: Snapshot = None,
    budget: Budget = None,
    cause: Cause = "asked",
    no_wait: NoWait = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Run a flow: what is there is found, what is under way is attached to, the rest is done.

    It ends where a person has to decide, and goes on from there when it is run again. Ctrl-C only stops looking on:
    what was launched goes on. The exit code is 1 where a step was refused or failed.
    """
    from slipway.pipelines.cli.flow_showing import display, outlook_data, ran_data, show_outlook, show_ran
    from slipway.pipelines.flows import planning, running
    from slipway.pipelines.flows.table import steps_of
    from slipway.pipelines.steps.step import Ask, How

    steps_of(flow)
    _check_trains(flow, overrides, budget)
    ask = Ask(
        model=model,
        target=on,
        snapshot=snapshot,
        overrides=tuple(overrides or ()),
        budget=_amount(budget),
        cause=cause,
        wait=not no_wait,
    )
    site = open_site(ask)
    if dry_run:
        outlook = planning.plan(site, flow, ask)
        print_json(outlook_data(outlook)) if json else show_outlook(outlook)
        say("Nothing was changed.")
        if outlook.error:
            raise outlook.error
        return
    confirm_change(site.loaded, f"run {flow} of {model}", yes)
    with display() as shown:
        ran = running.run(site, flow, ask, shown)
    print_json(ran_data(ran)) if json else show_ran(ran)
    if ran.error is not None:
        raise ran.error
    if ran.interrupted:
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(1 if ran.last.how is How.REFUSED else 0)


@app.command()
def plan(
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="The model.", autocompletion=model_names)
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every model.")] = False,
    on: On = "local",
    snapshot: Snapshot = None,
    cause: Cause = "asked",
    json: Json = False,
) -> None:
    """Say what the flows of a model, or of all, would do and why, what is there already, and the price."""
    from slipway.pipelines.cli.flow_showing import outlook_data, show_outlook
    from slipway.pipelines.flows.planning import plan as look
    from slipway.pipelines.flows.table import FLOWS, INGEST
    from slipway.pipelines.steps.step import Ask
    from slipway.platform.cli.failure import failure_of

    if (model is None) != every:
        raise WrongUse("Which model?", mend="slipway flow plan MODEL, or --all.")
    asks = [Ask(model=name, target=on, snapshot=snapshot, cause=cause) for name in ([model] if model else _models())]
    outlooks: list[Outlook] = []
    for ask in asks:
        if every:
            say(f"looking at {ask.model}")
        site = open_site(ask)
        outlooks += [look(site, flow, replace(ask, snapshot=None) if flow == INGEST else ask) for flow in FLOWS]
    if json:
        print_json([outlook_data(one) for one in outlooks])
    elif every:
        print_table(("model", "flow", "next", "what", "at most"), [_outlook_row(one) for one in outlooks])
    else:
        for one in outlooks:
            show_outlook(one)
            if one.error and (mend := failure_of(one.error).mend):
                say(mend)
    say("Nothing was changed.")


@app.command(name="list")
def list_flows(
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="Only this one.", autocompletion=model_names)
    ] = None,
    *,
    json: Json = False,
) -> None:
    """List the flows of each model: how each went last, and how it stands."""
    from slipway.pipelines.flows.listing import COLUMNS, listed
    from slipway.pipelines.steps.site import Site

    site = Site.at(current_folder(), os.environ)
    names = [site.model(model).name] if model else _models()
    found = list(listed(site, names))
    if json:
        print_json([one.as_data() for one in found])
        return
    print_table(COLUMNS, [one.row for one in found])


@app.command()
def step(  # noqa: PLR0913 - what a scheduler may say
    name: Annotated[str, typer.Argument(metavar="STEP", help="Such as train.")],
    model: Model,
    overrides: Overrides = None,
    *,
    on: On = "local",
    snapshot: Snapshot = None,
    budget: Budget = None,
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
        budget=_amount(budget),
        cause=cause,
        wait=not no_wait,
        responder=responder,
        response=response,
        reason=reason,
        request=request,
        via=_texts("--via", via),
    )
    values = _texts("--given", given)
    site = open_site(ask)
    confirm_change(site.loaded, f"do the step {name} of {model}", yes)
    told = wanted.do(site, ask, values, say)
    print_json(told.as_data()) if json else _tell(told)
    raise typer.Exit(1 if told.how is How.REFUSED else 0)


def open_site(ask: "Ask") -> "Site":
    """The project that this was started in, which knows model and target."""
    from slipway.pipelines.steps.site import Site
    from slipway.platform.jobs.targets import named_target
    from slipway.platform.store.opening import check_place

    site = Site.at(current_folder(), os.environ)
    site.model(ask.model)
    named_target(ask.target, site.loaded.settings)
    check_place(site.store)
    return site


def _check_trains(flow: str, overrides: list[str] | None, budget: str | None) -> None:
    """What is said of a training is for a flow that has one."""
    from slipway.pipelines.flows.table import TRAIN, steps_of

    said = f"`{overrides[0]}`" if overrides else "--budget" if budget is not None else ""
    if said and TRAIN not in steps_of(flow):
        raise WrongUse(f"{flow} trains nothing: {said} says how something is trained.", mend=f"Leave {said} out.")


def _amount(text: str | None) -> str:
    """A budget, if it is an amount; the target's price is looked at where it is used."""
    from slipway.platform.cli.jobs.amounts import amount

    return "" if (found := amount(text)) is None else str(found)


def _models() -> list[str]:
    from slipway.platform.models.finder import installed_models

    return list(installed_models())


def _texts(option: str, text: str) -> dict[str, str]:
    """An object of texts, as earlier steps told their values."""
    try:
        found = plain.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise WrongUse(f"{option} is `{text}`, expected an object of texts.", mend=f"""{option} '{{"name": "text"}}'""")
    return found


def _outlook_row(outlook: "Outlook") -> list[str]:
    from slipway.platform.telling import money

    price = money(*outlook.price) if outlook.price and outlook.price[0] else ""
    return [outlook.ask.model, outlook.flow, outlook.next.step if outlook.next else "", outlook.line, price]


def _tell(told: "Told") -> None:
    fields = {told.step: told.how.value, "": told.line}
    print_fields({**fields, **{f"  {title}": place for title, place in told.links.items()}})
    if told.text:
        say(told.text)
    if told.mend:
        say(told.mend)
