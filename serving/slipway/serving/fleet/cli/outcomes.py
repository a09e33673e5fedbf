"""`slipway fleet outcomes`: how often releases were right in the field, by site."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from slipway.platform.cli.output import Json, print_json, print_table, say
from slipway.serving.fleet.cli.arguments import moment_of, open_client

app = typer.Typer(add_completion=False)


@app.command()
def outcomes(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The model.")],
    *,
    since: Annotated[
        str, typer.Option("--since", metavar="DATE", help="Decisions from then on, or of the last so long.")
    ] = "30d",
    until: Annotated[str | None, typer.Option("--until", metavar="DATE", help="And before then; else now.")] = None,
    site: Annotated[str | None, typer.Option("--site", metavar="NAME", help="Only of this site.")] = None,
    release: Annotated[int | None, typer.Option("--release", metavar="N", min=1, help="Only of this release.")] = None,
    json: Json = False,
) -> None:
    """Show how often releases were right, of the decisions whose outcome somebody told.

    The interval is that of 95 per cent. Where several sources told of one decision, what was told last counts.
    `slipway fleet tell` tells outcomes.
    """
    now = datetime.now(UTC)
    begin = moment_of(since, "--since", now, ahead=False)
    end = now if until is None else moment_of(until, "--until", now, ahead=False)
    asked = {"model": model, "since": begin.isoformat(), "until": end.isoformat()}
    found = [
        one
        for one in open_client().get("/v1/precision", **asked)["precision"]
        if site in (None, one["site"]) and release in (None, one["release"])
    ]
    if json:
        print_json({"precision": found})
    elif found:
        print_table(("release", "site", "right", "of", "share", "between"), [_row(one) for one in found])
    else:
        say(f"Nobody has told an outcome of {model} from {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC.")


def _row(one: dict[str, Any]) -> list[str]:
    return [
        str(one["release"] or "not known yet"),
        one["site"] or "-",
        str(one["right"]),
        str(one["known"]),
        f"{one['share']:.1%}",
        f"{one['low']:.1%} and {one['high']:.1%}",
    ]
