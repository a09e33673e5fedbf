"""`slipway rerun`: another attempt at work that was submitted."""

from typing import Annotated, Any

import typer

from slipway.platform.cli.jobs.arguments import Budget, Run, Wait, open_desk, target_names
from slipway.platform.cli.output import DryRun, Json, Yes, print_fields, print_json, say
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

    What is done is returned as it is, unless --again asks for it from the first step. A budget is for all attempts
    together: where it is used up, give a larger one.
    """
    from slipway.platform.cli.jobs.amounts import amount
    from slipway.platform.cli.jobs.following import tell
    from slipway.platform.cli.progress import display
    from slipway.platform.jobs.api import foretell_rerun, rerun_at
    from slipway.platform.jobs.submitting.submission import refuse_running
    from slipway.platform.runs.comparing.reasons import next_start

    desk = open_desk()
    limit = amount(budget)
    now, expected = foretell_rerun(desk, run, on=on, nodes=nodes, budget=limit, again=again)
    if dry_run:
        refuse_running(now)
        then = next_start(now) if expected is None else f"Attempt {now.number + 1} would be made."
        told: dict[str, Any] = {"run": run, "key": now.key, "now": now.told(), "next": then}
        if expected is not None:
            told["price"] = expected.as_data() if json else expected.told()
        print_json(told) if json else print_fields(told)
        return
    confirm_change(desk.loaded, f"run {run} again", yes)
    if expected is not None:
        say(f"price: {expected.told()}")
    with display() as watcher:
        submitted = rerun_at(desk, run, on=on, nodes=nodes, budget=limit, again=again, patient=wait, watcher=watcher)
    tell(submitted, desk, wait=wait, json=json)
