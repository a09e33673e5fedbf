"""`slipway channel`: begin a channel, sign it, keep it alive, look at it, change its keys, take it elsewhere."""

import typer

from slipway.serving.release.cli import (
    channel_export,
    channel_founding,
    channel_keeping,
    channel_keys,
    channel_status,
)

app = typer.Typer(add_completion=False, help="Begin, sign, renew, inspect and export what devices follow.")
for part in (
    channel_founding.app,
    channel_status.app,
    channel_keeping.app,
    channel_keys.app,
    channel_export.app,
):
    app.add_typer(part)
