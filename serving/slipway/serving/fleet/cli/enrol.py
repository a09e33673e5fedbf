"""`slipway fleet enrol`: one-time tokens for machines that become devices."""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from slipway.platform.cli.output import DryRun, Json, Yes, print_json, say
from slipway.platform.cli.session import confirm_change, load_settings
from slipway.platform.errors import WrongUse
from slipway.serving.fleet.cli.arguments import moment_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slipway.platform.settings import Loaded
    from slipway.serving.fleet.cli.tokens import Made

app = typer.Typer(add_completion=False)
WEEK: Final = "7d"


@app.command()
def enrol(  # noqa: PLR0913 - options, which people write by name
    *,
    name: Annotated[str | None, typer.Option("--id", metavar="ID", help="Only a device of this id may use it.")] = None,
    device_class: Annotated[
        str | None, typer.Option("--class", metavar="NAME", help="Only a device of this class may use it.")
    ] = None,
    site: Annotated[str | None, typer.Option("--site", metavar="NAME", help="Where the device will be.")] = None,
    cohort: Annotated[
        list[str] | None, typer.Option("--cohort", metavar="NAME", help="A cohort of the device; may repeat.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option("--model", metavar="NAME", help="A model that it follows; may repeat.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="It counts until then, or for so long; else 7d.")
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="A token for each row: columns id, class, site, cohorts, models."),
    ] = None,
    withdraw: Annotated[
        list[str] | None,
        typer.Option(
            "--withdraw",
            metavar="TOKEN",
            help="Make none; this one, or the one whose sha256 begins so, counts no more; may repeat.",
        ),
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why it is withdrawn.")] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Make tokens, each for one machine: `slipway-edge enrol --fleet URL --token TOKEN --class C` uses it there.

    It takes the role operator. A token is shown this once: the service knows only its sha256. Of a CSV all rows get
    one, or none does; the answer is CSV again. One that nobody has used yet can be withdrawn.
    """
    from slipway.serving.fleet.cli import tokens, withdrawing
    from slipway.serving.fleet.cli.client import FleetClient

    loaded, now = load_settings(), datetime.now(UTC)
    if withdraw or reason is not None:
        _check_alone(withdraw, others=any((name, device_class, site, cohort, model, until, table)))
        withdrawing.withdraw(loaded, withdraw or (), reason, dry_run=dry_run, yes=yes, json=json)
        return
    end = moment_of(until or WEEK, "--until", now, ahead=True)
    if end <= now:
        raise WrongUse(f"--until {until} is over already.")
    wish = tokens.Wish(name, device_class, site, tuple(cohort or ()), tuple(model or ()))
    wishes = [wish] if table is None else tokens.wishes_in(table, wish)
    root = _root(loaded)
    made = list(tokens.made(wishes, root, end))
    if dry_run:
        if json:
            print_json({"until": end, "tokens": [_plain(one) for one in made], "dry_run": True})
        else:
            say(f"This would make {_many(len(made))} until {end:%Y-%m-%d %H:%M %Z}. Nothing was changed.")
        return
    confirm_change(loaded, f"make {_many(len(made))} for new devices", yes)
    client = FleetClient.of(loaded)
    from base64 import b64encode

    client.post("/v1/tokens", {"root": b64encode(root).decode(), "tokens": [dict(one.body) for one in made]})
    _tell(loaded, made, end, json=json, as_csv=table is not None)


def _check_alone(withdraw: "Sequence[str] | None", *, others: bool) -> None:
    if not withdraw or others:
        raise WrongUse(
            "--withdraw goes with --reason and with nothing that a new token has.",
            mend="`slipway fleet enrol --withdraw TOKEN --reason WHY`.",
        )


def _root(loaded: "Loaded") -> bytes:
    """The channel's newest root metadata as this machine sees it; the service is not asked whom devices will trust."""
    from slipway.platform.registry.desk import Desk
    from slipway.serving.release.opening import open_repository

    return open_repository(Desk.of(loaded)).root_bytes()


def _many(count: int) -> str:
    return "a token" if count == 1 else f"{count} tokens"


def _tell(loaded: "Loaded", made: "Sequence[Made]", end: datetime, *, json: bool, as_csv: bool) -> None:
    if json:
        print_json({"until": end, "tokens": [{"token": one.token, **_plain(one)} for one in made]})
    elif as_csv:
        typer.echo(_csv(made), nl=False)
    else:
        typer.echo(made[0].token)
        address = loaded.settings.fleet.url
        say(f"It counts once, until {end:%Y-%m-%d %H:%M %Z}, and is shown this once. On the machine:")
        wish = made[0].wish
        bound = f"--class {wish.device_class or 'CLASS'}{f' --id {wish.id}' if wish.id else ''}"
        say(f"slipway-edge enrol --fleet {address} --token {made[0].token} {bound}")


def _plain(one: "Made") -> dict[str, object]:
    wish = one.wish
    lists = {"cohorts": list(wish.cohorts), "models": list(wish.models)}
    return {"id": wish.id, "class": wish.device_class, "site": wish.site, **lists}


def _csv(made: "Sequence[Made]") -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("id", "class", "site", "cohorts", "models", "token"))
    for one in made:
        wish = one.wish
        lists = (" ".join(wish.cohorts), " ".join(wish.models))
        writer.writerow((wish.id or "", wish.device_class or "", wish.site or "", *lists, one.token))
    return out.getvalue()
