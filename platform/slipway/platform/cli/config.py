"""`slipway config`: every effective setting and where it comes from."""

from typing import Annotated

import typer

from slipway.platform.cli.output import Json, print_json, print_table
from slipway.platform.cli.session import load_settings

app = typer.Typer(add_completion=False, help="Show the effective settings.")


@app.callback()
def _group() -> None:
    """Show the effective settings."""


@app.command()
def show(
    prefix: Annotated[str, typer.Argument(help="Only settings whose key starts with this, such as `store`.")] = "",
    json: Json = False,
) -> None:
    """Show each effective value with its origin; secrets are masked."""
    from slipway.platform.errors import WrongUse
    from slipway.platform.names import suggestion
    from slipway.platform.settings.listing import listing

    entries = listing(load_settings())
    chosen = [entry for entry in entries if entry.key == prefix or entry.key.startswith(f"{prefix}." if prefix else "")]
    if not chosen:
        known = {".".join(entry.key.split(".")[:depth]) for entry in entries for depth in (1, 2)}
        raise WrongUse(f"There is no setting `{prefix}`.", mend=suggestion(prefix, known))
    if json:
        print_json([entry.as_json() for entry in chosen])
        return
    print_table(["setting", "value", "from"], [[entry.key, entry.text(), str(entry.origin)] for entry in chosen])
