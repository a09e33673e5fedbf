"""`slipway incident`: what changed, what runs where, what is wrong now, and the safest next command, on one screen."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from slipway.platform.cli.model.arguments import model_names
from slipway.platform.cli.output import Json, print_json, print_table, say
from slipway.platform.cli.session import load_settings
from slipway.platform.errors import WrongUse
from slipway.serving.fleet.cli.arguments import moment_of

if TYPE_CHECKING:
    from slipway.serving.fleet.incident.gathering import Group, Incident

app = typer.Typer(add_completion=False)
MOST_CHANGES: Final = 15
MOST_GROUPS: Final = 20


@app.command()
def incident(
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="Only this model.", autocompletion=model_names)
    ] = None,
    *,
    site: Annotated[str | None, typer.Option("--site", metavar="NAME", help="Only this site.")] = None,
    since: Annotated[str, typer.Option("--since", metavar="SPAN", help="How far back: 24h, 7d, or a date.")] = "24h",
    json: Json = False,
) -> None:
    """Show what changed lately, what runs where, what is wrong now, and the safest next command.

    It reads ledger, channel and the fleet store's database, so it works while the service is down, and also where there
    is no fleet store. Nothing is changed. With the command it says whether you may.
    """
    from slipway.platform.registry.desk import Desk
    from slipway.platform.registry.finding import model_of, standing_named, whole
    from slipway.serving.fleet.incident.changes import Scope
    from slipway.serving.fleet.incident.gathering import incident as gather

    if model is not None and site is not None:
        raise WrongUse("A model and --site are two questions.", mend="Ask one after the other.")
    loaded, now = load_settings(), datetime.now(UTC)
    begin = moment_of(since, "--since", now, ahead=False)
    if begin > now:
        raise WrongUse(f"--since {since} is still to come.", mend="Such as 24h, 7d or a date in the past.")
    if model is not None:
        if not whole(model):
            raise WrongUse(f"`{model}` names a version.", mend=f"Write `{model_of(model)}`.")
        standing_named(Desk.of(loaded), model)
    found = gather(loaded, Scope(begin, model, site))
    if json:
        print_json(_data(found))
    else:
        _show(found)


def _show(found: "Incident") -> None:
    from slipway.platform.ledger.describing import moment, plain

    typer.echo(f"Since {moment(found.scope.since)} UTC; now {moment(found.now)} UTC.")
    for model, state in found.states.items():
        typer.echo(f"{model}: {plain(state)}.")
    typer.echo("\nCHANGED")
    for change in found.changes[:MOST_CHANGES]:
        typer.echo(f"  {moment(change.at)}  {change.where:8}{plain(change.what)}")
    _more(
        len(found.changes) - MOST_CHANGES,
        "change",
        "a shorter --since shows fewer, `slipway ledger list` all decisions",
    )
    if not found.changes:
        typer.echo("  nothing")
    typer.echo("\nRUNS")
    if found.runs:
        columns = ("model", "site", "release", "devices", "silent", "agent", "right")
        print_table(columns, [_row(one) for one in found.runs[:MOST_GROUPS]])
        _more(len(found.runs) - MOST_GROUPS, "line", "a model or --site shows fewer")
    else:
        typer.echo("  nothing is known" if found.runs is None else "  no device")
    typer.echo("\nWRONG NOW")
    for one in found.wrong:
        quiet = f" (silenced until {moment(one.silence.until)})" if one.silence else ""
        typer.echo(f"  {one.notice.weight.value}: {plain(one.notice.title)}{quiet}")
        typer.echo(f"    {plain(one.notice.text)}")
    if not found.wrong:
        typer.echo("  nothing is known to be wrong")
    typer.echo("\nNEXT")
    typer.echo(f"  {plain(found.advice.command)}")
    typer.echo(f"  {plain(found.advice.why)}")
    if found.may:
        typer.echo(f"  {plain(found.may)}")
    for remark in found.remarks:
        say(f"Not looked at: {remark}")


def _more(count: int, what: str, how: str) -> None:
    if count > 0:
        typer.echo(f"  and {count:,} {what}{'s' * (count != 1)} more: {how}")


def _row(one: "Group") -> list[str]:
    right = one.precision
    return [
        one.model,
        one.site,
        str(one.release or "none"),
        f"{one.devices:,}",
        f"{one.silent:,}",
        ", ".join(one.agents),
        f"{right.share * 100:.0f} % of {right.known:,}" if right else "-",
    ]


def _data(found: "Incident") -> dict[str, Any]:
    return {
        "since": found.scope.since,
        "now": found.now,
        "rollouts": found.states,
        "changes": [vars(one) for one in found.changes],
        "runs": None
        if found.runs is None
        else [
            {
                **vars(one),
                "precision": {"right": one.precision.right, "known": one.precision.known} if one.precision else None,
            }
            for one in found.runs
        ],
        "wrong": [
            {**vars(one.notice), "weight": one.notice.weight.value, "silenced": one.silence is not None}
            for one in found.wrong
        ],
        "next": {"command": found.advice.command, "why": found.advice.why, "may": found.may},
        "remarks": found.remarks,
    }
