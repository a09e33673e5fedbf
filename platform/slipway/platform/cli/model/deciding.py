"""`slipway model approve`, `reject` and `comment`: a person's word on a version, which stands in the ledger."""

from typing import TYPE_CHECKING, Annotated

import typer

from slipway.platform.cli.model.arguments import Reason, Request, Version, open_desk
from slipway.platform.cli.output import DryRun, Json, Yes, print_json, say
from slipway.platform.cli.session import confirm_change

if TYPE_CHECKING:
    from slipway.platform.registry.approving import Said

app = typer.Typer(add_completion=False)


@app.command()
def approve(
    version: Version,
    reason: Reason = "",
    verdict: Annotated[
        str | None,
        typer.Option("--verdict", metavar="KEY", help="The verdict that you looked at [default: the one that holds]."),
    ] = None,
    request: Request = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Approve a version on the verdict that holds against today's champion.

    It takes the role approver, and somebody who neither trained the version nor last wrote the model's code or config.
    """
    from slipway.platform.registry.approving import approve as decide
    from slipway.platform.registry.approving import missing, outlook

    desk = open_desk()
    if dry_run:
        picked, refused = outlook(desk, version, verdict=verdict, request=request)
        if json:
            print_json({"version": picked.name, "against": str(refused or "")})
        else:
            say(f"This would {'be refused' if refused else f'approve {picked.name}'}. Nothing was changed.")
        if refused:
            raise refused
        return
    confirm_change(desk.loaded, f"approve {version}", yes)
    said = decide(desk, version, verdict=verdict, request=request, reason=reason)
    _tell(said, json)
    if json:
        return
    rests_on = said.written.entry.decision.subjects.get("verdict", "")
    if said.picked.standing.champion == said.picked.record.bundle:
        say(f"{said.picked.name} is champion.")
    elif why := missing(desk, said.picked, rests_on):
        say(why)
    else:
        say(f"`slipway model promote {said.picked.name}`, by somebody who is releaser, makes it champion.")


@app.command()
def reject(version: Version, reason: Reason, dry_run: DryRun = False, yes: Yes = False, json: Json = False) -> None:
    """Reject a version: it is not promoted, until whoever rejected it approves it."""
    from slipway.platform.identity import Role
    from slipway.platform.registry.approving import reject as decide
    from slipway.platform.registry.finding import pick

    desk = open_desk()
    if dry_run:
        name, lacking = pick(desk, version).name, desk.lacking(Role.APPROVER)
        say(f"This would {'be refused' if lacking else f'reject {name}'}. Nothing was changed.")
        if lacking:
            raise lacking
        return
    confirm_change(desk.loaded, f"reject {version}", yes)
    _tell(decide(desk, version, reason=reason), json)


@app.command()
def comment(version: Version, reason: Reason, json: Json = False) -> None:
    """Leave a remark on a version; anybody with a key may."""
    from slipway.platform.registry.approving import comment as decide

    _tell(decide(open_desk(), version, reason=reason), json)


def _tell(said: "Said", json: bool) -> None:
    entry = said.written.entry
    if json:
        print_json({**entry.model_dump(mode="json"), "before": said.before, "approved_by": list(said.approvers)})
        return
    words = {"approve": "approved", "reject": "rejected", "comment": "commented"}
    again = " already" if said.before else ""
    typer.echo(
        f"{said.picked.name} is{again} {words[entry.decision.action]} by {entry.decision.actor}: entry {entry.number}."
    )
