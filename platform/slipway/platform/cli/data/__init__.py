"""`slipway data`: one group of commands, from modules of one subject each."""

import typer

from slipway.platform.cli.data import compare, exchange, inspect, transfer, validate

app = typer.Typer(add_completion=False, help="Import, commit, move, look at, compare and validate snapshots.")
for part in (exchange, transfer, inspect, compare, validate):
    app.add_typer(part.app)
