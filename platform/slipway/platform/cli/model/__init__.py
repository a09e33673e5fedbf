"""`slipway model`: what versions there are, what is known of them, and what people decide about them.

Registering joins packages and is added by slipway-pipelines.
"""

import typer

from slipway.platform.cli.model import deciding, listing, past, promoting, reviewing
from slipway.platform.cli.model_guard import guard

app = typer.Typer(add_completion=False, help="List, show, review, approve and promote versions of models.")
for part in (listing, past, reviewing, deciding, promoting):
    app.add_typer(part.app)
app.command("guard")(guard)
