"""`slipway flow pools` and `pages`: pools that Airflow needs, and its open pages that were answered by command."""

import typer

from slipway.platform.cli.output import DryRun, Json, Yes, print_json, print_table, say
from slipway.platform.cli.session import confirm_change, load_settings

app = typer.Typer(add_completion=False)


@app.command()
def pools(*, json: Json = False) -> None:
    """List Airflow's pools, one for each target; with --json as `airflow pools import FILE` reads them."""
    from slipway.pipelines.airflow.pools import pools_of

    found = pools_of(load_settings().settings)
    if json:
        print_json(found)
        return
    print_table(("pool", "slots"), [[name, str(pool["slots"])] for name, pool in found.items()])


@app.command()
def pages(*, dry_run: DryRun = False, yes: Yes = False, json: Json = False) -> None:
    """Answer Airflow's open pages whose versions people have approved or rejected by command.

    The page's task then looks at the ledger and goes on; nothing is said for anybody. Harmless however often it runs.
    """
    from slipway.pipelines.airflow.pages import Api, answered_by_command
    from slipway.pipelines.steps.site import Site

    loaded = load_settings()
    site, api = Site(loaded), Api.open(loaded.settings.airflow)
    told = [(page, answered_by_command(site, page)) for page in api.open_pages()]
    answered = [(page, line) for page, line in told if line]
    if answered and not dry_run:
        confirm_change(loaded, f"answer {len(answered)} of Airflow's pages", yes)
        answered = [(page, line) for page, line in answered if api.answer(page)]
    if json:
        print_json({"open": len(told), "answered": [{**vars(page), "line": line} for page, line in answered]})
        return
    for page, line in answered:
        typer.echo(f"{page.dag}, run {page.run}: {line}")
    waiting = len(told) - len(answered)
    would = "would be" if dry_run else "were"
    say(f"{len(answered)} of {len(told)} open pages {would} answered; {waiting} wait for people.")
