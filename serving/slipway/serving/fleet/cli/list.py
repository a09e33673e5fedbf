"""`slipway fleet list`: devices, and what they run."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from slipway.platform.cli.output import Json, print_json, print_table, say
from slipway.serving.fleet.cli.arguments import ago, day_and_time, open_client

app = typer.Typer(add_completion=False)
COLUMNS = ("device", "site", "class", "runs", "heard", "agent")


@app.command()
def list_devices(
    *,
    site: Annotated[str | None, typer.Option("--site", metavar="NAME", help="Only devices of this site.")] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="Only those that run this model.")
    ] = None,
    release: Annotated[
        int | None, typer.Option("--release", metavar="N", min=1, help="And this release of it.")
    ] = None,
    search: Annotated[str, typer.Option("--search", metavar="TEXT", help="Only ids with this text in them.")] = "",
    silent: Annotated[bool, typer.Option("--silent", help="Only those that have said nothing for too long.")] = False,
    tokens: Annotated[bool, typer.Option("--tokens", help="The tokens that could still be used, instead.")] = False,
    json: Json = False,
) -> None:
    """List devices that are not revoked, and what each runs now."""
    client = open_client()
    if tokens:
        _tell_tokens(client.get("/v1/tokens")["tokens"], json=json)
        return
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        page = client.get("/v1/devices", site=site, model=model, release=release, search=search, after=after)
        found += page["devices"]
        after = page["after"]
        if after is None:
            break
    shown = [one for one in found if one["silent"] or not silent]
    if json:
        print_json({"devices": shown})
        return
    now = datetime.now(UTC)
    if shown:
        print_table(COLUMNS, [_row(one, now) for one in shown])
    quiet = sum(one["silent"] for one in found)
    many = "1 device" if len(found) == 1 else f"{len(found)} devices"
    say(f"{many}, {quiet} of them silent." if found else "There is no such device.")


def _row(device: dict[str, Any], now: datetime) -> list[str]:
    heard = ago(device["heard_at"], now)
    return [
        device["id"],
        device["site"] or "-",
        device["device_class"],
        ", ".join(map(runs, device["running"])) or "-",
        f"{heard}, silent" if device["silent"] else heard,
        device["agent"] or "-",
    ]


def runs(one: dict[str, Any]) -> str:
    """What one model does, in few words."""
    from slipway.serving.edge.agent.state import Phase

    said = f"{one['model']} {one['release'] or '-'}"
    return said if one["phase"] == Phase.SETTLED.value else f"{said} ({one['phase']})"


def _tell_tokens(tokens: list[dict[str, Any]], *, json: bool) -> None:
    if json:
        print_json({"tokens": tokens})
        return
    if not tokens:
        say("There is no token that could be used.")
        return
    print_table(
        ("token", "for", "class", "site", "cohorts", "models", "made by", "until"),
        [
            [
                one["digest"][:12],
                one["device"] or "any id",
                one["device_class"] or "any",
                one["site"] or "-",
                ", ".join(one["cohorts"]) or "-",
                ", ".join(one["models"]),
                one["made_by"],
                day_and_time(one["until"]),
            ]
            for one in tokens
        ],
    )
