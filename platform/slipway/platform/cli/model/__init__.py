"""`slipway model`: what versions there are, what is known of them, and what people decide about them.

Registering joins packages and is added by slipway-pipelines.
"""

import typer

from slipway.platform.cli.model import deciding, listing, past, promoting, reviewing
from slipway.platform.cli.model_guard import guard

app = typer.Typer(add_completion=False, help="List, show, review, approve and promote versions of models.")
_guarding = typer.Typer(add_completion=False)
_guarding.command("guard")(guard)
for part in (listing.app, past.app, reviewing.app, deciding.app, promoting.app, _guarding):
    app.add_typer(part)
