"""`slipway model promote`: make a version champion."""

from typing import TYPE_CHECKING, Annotated

import typer

from slipway.platform.cli.model.arguments import Reason, Request, Version, open_desk
from slipway.platform.cli.output import DryRun, Json, Yes, print_json, say
from slipway.platform.cli.session import confirm_change

if TYPE_CHECKING:
    from slipway.platform.registry.finding import Picked
    from slipway.platform.registry.promoting import Promoted

app = typer.Typer(add_completion=False)

Override = Annotated[
    bool, typer.Option("--override", help="Past a refusal: takes the role override and a reason that everyone sees.")
]


@app.command()
def promote(
    version: Version,
    override: Override = False,
    reason: Reason = "",
    request: Request = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Make a version champion: it has passed against today's champion, and has its approvals.

    The ledger says it first, then MLflow's alias follows. It takes the role releaser. Promoting the champion again
    changes nothing.
    """
    from slipway.platform.registry import promoting as rules

    desk = open_desk()
    if override:
        rules.check_reason(reason)
    if dry_run:
        picked, refused = rules.outlook(desk, version, overriding=override)
        _tell_plan(picked, str(refused).splitlines() if refused else [], json=json)
        if refused:
            raise refused
        return
    confirm_change(desk.loaded, f"{'override the rules and ' * override}make {version} champion", yes)
    if override:
        say("This goes past the rules: reason and refusals will stand in the ledger and on the card.")
        done = rules.override(desk, version, reason=reason, request=request)
    else:
        done = rules.promote(desk, version, request=request)
    _tell(done, json)


def _tell_plan(picked: "Picked", against: list[str], *, json: bool) -> None:
    champion = picked.standing.champion
    is_it = champion == picked.record.bundle
    if json:
        print_json({"version": picked.name, "champion": champion, "is_champion": is_it, "against": against})
        return
    if against:
        say("This would be refused. Nothing was changed.")
    elif is_it:
        say(f"{picked.name} is champion: this would change nothing.")
    else:
        instead = f" instead of version {picked.standing.versions[champion].number}" if champion else ""
        say(f"This would make {picked.name} champion{instead}. Nothing was changed.")


def _tell(done: "Promoted", json: bool) -> None:
    written = done.written
    if json:
        entry = written.entry.model_dump(mode="json") if written else None
        print_json(
            {"version": done.picked.name, "changed": written is not None, "replaced": done.replaced, "entry": entry}
        )
    elif written is None:
        typer.echo(f"{done.picked.name} is champion already.")
    else:
        old = done.picked.standing.versions[done.replaced].number if done.replaced else None
        instead = f" instead of version {old}" if old else ""
        typer.echo(f"{done.picked.name} is champion{instead}: entry {written.entry.number}.")
