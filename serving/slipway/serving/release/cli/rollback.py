"""`slipway rollout undo`, and the same as `slipway rollback`: one entry takes a release out of the field."""

from typing import TYPE_CHECKING, Annotated

import typer

from slipway.platform.cli.model.arguments import open_desk
from slipway.platform.cli.output import DryRun, Json, Yes, print_json, say
from slipway.platform.cli.session import confirm_change
from slipway.serving.release.cli.arguments import Model, Reason, Request, channel_data, release_data, tell_channel

if TYPE_CHECKING:
    from slipway.serving.release.undoing import Outlook, Undone

app = typer.Typer(add_completion=False)


@app.command("rollback")
def undo(
    model: Model,
    *,
    reason: Reason,
    release: Annotated[
        int | None, typer.Option("--release", metavar="NUMBER", min=1, help="Only if this is what devices should run.")
    ] = None,
    request: Request = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Undo what is on its way, else what was released last: devices, champion and MLflow go back by one decision.

    It takes the role releaser or on-call, and a reason. The version is quarantined: it is released again only after a
    new approval. The same undo, made again, changes nothing until something has gone forward.
    """
    from slipway.platform.cli.data.meter import meter
    from slipway.serving.release.folding import known_rollout
    from slipway.serving.release.opening import open_repository
    from slipway.serving.release.undoing import look
    from slipway.serving.release.undoing import undo as take_out

    desk = open_desk()
    if dry_run:
        model = known_rollout(desk, model)[0].model
        _tell_plan(model, look(desk, model, reason=reason, release=release, request=request), json=json)
        return
    confirm_change(desk.loaded, f"undo the release of {model}", yes)
    with meter() as shown:
        done = take_out(
            desk, lambda: open_repository(desk), model,
            reason=reason, release=release, request=request, told=shown.note, meter=shown,
        )  # fmt: skip
    if json:
        sides = {"base": release_data(done.rollout.base), "target": release_data(done.rollout.target)}
        told = {"entry": done.written.entry.number, "before": done.before, "alias": done.alias}
        print_json({**told, **sides, **channel_data(done.converged)})
        return
    _tell(model, done)


def _tell_plan(model: str, found: "Outlook", *, json: bool) -> None:
    from slipway.serving.release.wording import named

    there, wanted = found.before, found.wanted
    if json:
        gone, back = (wanted.gone.number, wanted.back.number) if wanted else (None, None)
        print_json({"model": model, "before": there is not None, "undoes": gone, "back_to": back})
    elif there:
        say(f"This would change nothing: entry {there.entry.number} undid it. What is not shown yet would be.")
    elif wanted is None:
        say("This would return champion to the version before; devices run what they run. Nothing was changed.")
    else:
        say(
            f"This would take {named(wanted.gone)} out of the field and quarantine it; devices go back to "
            f"{named(wanted.back)}. Nothing was changed."
        )


def _can_go(model: str, release: int) -> bool:
    """Whether an undo of this release would not be refused."""
    from slipway.platform.registry.desk import Refused
    from slipway.serving.release.folding import known_rollout
    from slipway.serving.release.undoing import plan

    try:
        plan(*known_rollout(open_desk(), model), release)
    except Refused:
        return False
    return True


def _tell(model: str, done: "Undone") -> None:
    from slipway.platform.registry.decisions import RELEASE
    from slipway.serving.release.rules import number_in
    from slipway.serving.release.wording import standing

    decision, number = done.written.entry.decision, done.written.entry.number
    gone = number_in(decision, RELEASE)
    version = decision.subjects.get("version", "?")
    what = f"release {gone} is undone" if gone else "champion alone went back, devices run what they ran"
    typer.echo(f"{model}: {what}{' already' * done.before}, version {version} is champion: entry {number}.")
    if done.rollout.releases:
        say(f"{model}: {standing(done.rollout)}.")
    if gone is None and (base := done.rollout.base) and _can_go(model, base.number):
        say(f"`slipway rollback {model} --release {base.number} --reason …` takes that out of the field, too.")
    if done.converged is not None:
        tell_channel(done.converged)
    if done.alias:
        say(done.alias)
