"""`slipway fleet history`: what ran where, and who changed what."""

from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from slipway.platform.cli.output import Json, print_json, print_table, say
from slipway.serving.fleet.cli.arguments import day_and_time, device_names, moment_of, open_client

app = typer.Typer(add_completion=False)
MOST: Final = 10_000


@app.command()
def history(
    device: Annotated[
        str | None,
        typer.Argument(metavar="[DEVICE]", help="Only of this device.", autocompletion=device_names),
    ] = None,
    *,
    at: Annotated[str | None, typer.Option("--at", metavar="DATE", help="What ran at that moment.")] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=MOST, help="At most so many.")] = 1000,
    json: Json = False,
) -> None:
    """Show which release ran on which device and when, and who enrolled and revoked it; the newest first."""
    moment = None if at is None else moment_of(at, "--at", datetime.now(UTC), ahead=False)
    asked = {"device": device, "at": moment.isoformat() if moment else None, "limit": limit}
    found = open_client().get("/v1/history", **asked)
    if json:
        print_json(found)
        return
    if found["ran"]:
        print_table(
            ("device", "model", "release", "from", "until"),
            [
                [
                    one["device"],
                    one["model"],
                    str(one["release"] or "-"),
                    day_and_time(one["begin"]),
                    day_and_time(one["end"]) if one["end"] else "now",
                ]
                for one in found["ran"]
            ],
        )
        if len(found["ran"]) == limit:
            say(f"The newest {limit:,}; there may be more: --limit shows up to {MOST:,}, and a DEVICE its own.")
    else:
        say("Nothing ran." if moment else "Nothing is known to have run.")
    if found["changes"]:
        say("")
        print_table(
            ("when", "what", "device", "who", "about"),
            [
                [day_and_time(one["at"]), one["what"], one["device"] or "-", one["person"], _about(one["about"])]
                for one in found["changes"]
            ],
        )


def _about(about: dict[str, object]) -> str:
    if "reason" in about:
        return str(about["reason"])
    if "many" in about:
        return f"{about['many']} made"
    return f"class {about['device_class']}" if "device_class" in about else "-"
