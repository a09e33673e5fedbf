"""`slipway rerun`: another attempt at work that was submitted."""

from typing import Annotated

import typer

from slipway.platform.cli.jobs.arguments import Budget, Run, Wait, open_desk, target_names
from slipway.platform.cli.output import DryRun, Json, Yes, print_fields, print_json
from slipway.platform.cli.session import confirm_change

app = typer.Typer(add_completion=False)


@app.command()
def rerun(
    run: Run,
    *,
    on: Annotated[
        str | None,
        typer.Option("--on", metavar="TARGET", help="Elsewhere than before.", autocompletion=target_names),
    ] = None,
    nodes: Annotated[int | None, typer.Option(min=1, help="Another number of nodes.")] = None,
    budget: Budget = None,
    again: Annotated[bool, typer.Option("--again", help="From the first step, also what is done.")] = False,
    wait: Wait = False,
    dry_run: DryRun = False,
    json: Json = False,
    yes: Yes = False,
) -> None:
    """Make another attempt at submitted work that has ended: the same code, data and config, from its last checkpoint.

    What is done is returned as it is, unless --again asks for it from the first step.
    """
    from slipway.platform.cli.jobs.amounts import amount
    from slipway.platform.cli.jobs.following import tell
    from slipway.platform.cli.progress import display
    from slipway.platform.jobs.api import rerun_at
    from slipway.platform.runs.comparing.reasons import next_start
    from slipway.platform.runs.find import find
    from slipway.platform.runs.standing import standing

    desk = open_desk()
    limit = amount(budget)
    if dry_run:
        now = standing(desk.store, find(desk.store, run), desk.here)
        told = {"run": run, "key": now.key, "now": now.told(), "next": next_start(now)}
        print_json(told) if json else print_fields(told)
        return
    confirm_change(desk.loaded, f"run {run} again", yes)
    with display() as watcher:
        submitted = rerun_at(desk, run, on=on, nodes=nodes, budget=limit, again=again, watcher=watcher)
    tell(submitted, desk, wait=wait, json=json)
