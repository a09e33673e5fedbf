"""`slipway fleet console`: a session at the console."""

from typing import Annotated

import typer

from slipway.platform.cli.output import Json, print_json, say
from slipway.serving.fleet.cli.arguments import open_client

app = typer.Typer(add_completion=False)


@app.command()
def console(
    *,
    show: Annotated[bool, typer.Option("--print", help="Print the address and open no browser.")] = False,
    json: Json = False,
) -> None:
    """Open the console in a browser, as yourself: this signs for a session of eight hours."""
    import webbrowser

    opening = open_client().post("/v1/sessions")
    if json:
        print_json(opening)
        return
    typer.echo(opening["address"])
    opened = False if show else webbrowser.open(opening["address"])
    say(f"{'Opened. ' if opened else ''}The address counts once, within {opening['seconds'] // 60} minutes.")
