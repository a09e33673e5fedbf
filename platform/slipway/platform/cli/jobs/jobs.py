"""`slipway jobs`: looking after jobs whose owners are gone."""

import typer

from slipway.platform.cli.jobs.arguments import open_desk
from slipway.platform.cli.output import DryRun, Json, Yes, print_json, print_table, say
from slipway.platform.cli.session import confirm_change

app = typer.Typer(add_completion=False, help="Look after jobs: reconcile.")


@app.callback()
def jobs() -> None:
    """Look after jobs."""


@app.command()
def reconcile(dry_run: DryRun = False, json: Json = False, yes: Yes = False) -> None:
    """Bring store, launchers and MLflow together: adopt what runs, record what was lost, delete what is left over.

    Any number of these at once are harmless. Exit code 1 when something could not be reached.
    """
    from slipway.platform.jobs.overseeing.reconciling import reconcile as run

    desk = open_desk()
    if not dry_run:
        confirm_change(desk.loaded, "reconcile jobs", yes)
    done = run(desk.loaded, dry_run=dry_run, store=desk.store)
    for trouble in done.troubles:
        say(trouble)
    if json:
        told = {"looked_at": done.looked_at, "running": done.running, "strangers": done.strangers, "dry_run": dry_run}
        print_json({**told, "deeds": [vars(one) for one in done.deeds], "troubles": done.troubles})
    else:
        if done.deeds:
            what = "would be" if dry_run else "what"
            print_table((what, "run", "why"), [[one.what, one.subject, one.words] for one in done.deeds])
        nothing = "" if done.deeds else "; nothing was to be done"
        runs = "1 run" if done.looked_at == 1 else f"{done.looked_at} runs"
        say(f"{runs} looked after, {done.running} of them under way{nothing}.")
    raise typer.Exit(1 if done.troubles else 0)
