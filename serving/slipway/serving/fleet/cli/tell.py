"""`slipway fleet tell`: what decisions should have been."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slipway.platform.cli.output import DryRun, Json, Yes, print_json, say
from slipway.platform.cli.session import confirm_change, load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slipway.serving.fleet.cli.client import FleetClient
    from slipway.serving.fleet.cli.labels import Label

app = typer.Typer(add_completion=False)


@app.command()
def tell(
    table: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="CSV: decision, truth, and `right` or `answer`; also source and model."),
    ],
    *,
    source: Annotated[
        str | None, typer.Option("--source", metavar="NAME", help="Who says so, where a row does not.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="Which model decided, where a row does not say.")
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Tell what decisions should have been. It takes a role, whichever.

    What was told before changes nothing, so a file can be told again. A source says one thing of a decision: it is
    corrected by another source, and what was told last counts.
    """
    from slipway.serving.fleet.cli.client import FleetClient
    from slipway.serving.fleet.cli.labels import labels_in

    loaded = load_settings()
    told = labels_in(table, source, model)
    if dry_run:
        if json:
            print_json({"outcomes": len(told), "dry_run": True})
        else:
            say(f"This would tell {_many(len(told))}. Nothing was changed.")
        return
    confirm_change(loaded, f"tell {_many(len(told))}", yes)
    new = _told(FleetClient.of(loaded), table, told)
    if json:
        print_json({"outcomes": len(told), "new": new})
    else:
        typer.echo(f"Told {_many(len(told))}, {new} of them new.")


def _told(client: "FleetClient", table: Path, told: "Sequence[Label]") -> int:
    """How many were new. They go in parts; what was told before a part that is refused stays told."""
    from slipway.platform.errors import SlipwayError
    from slipway.serving.edge.fleet.wire import MOST_RECORDS

    new = 0
    for begin in range(0, len(told), MOST_RECORDS):
        part = told[begin : begin + MOST_RECORDS]
        try:
            new += client.post("/v1/outcomes", {"outcomes": [dict(one.body) for one in part]})["new"]
        except SlipwayError as error:
            place = f"{table}, lines {part[0].line} to {part[-1].line}"
            raise type(error)(f"{place}: {error}", mend=error.mend) from None
        if len(told) > MOST_RECORDS:
            say(f"{begin + len(part):,} of {len(told):,}")
    return new


def _many(count: int) -> str:
    return "an outcome" if count == 1 else f"{count:,} outcomes"
