"""`slipway rollout advance`, `approve`, `pause`, `resume` and `sample`."""

from typing import TYPE_CHECKING, Annotated

import typer

from slipway.platform.cli.model.arguments import open_desk
from slipway.platform.cli.output import DryRun, Json, Yes, print_json
from slipway.platform.cli.session import confirm_change
from slipway.serving.release.cli.arguments import (
    Cohort,
    Model,
    Reason,
    Request,
    Share,
    channel_data,
    release_data,
    tell_channel,
    tell_dry,
)

if TYPE_CHECKING:
    from slipway.serving.release.moving import Move

app = typer.Typer(add_completion=False)


@app.command()
def advance(  # noqa: PLR0913 - options, which people write by name
    model: Model,
    *,
    share: Share = None,
    cohort: Cohort = None,
    finish: Annotated[
        bool, typer.Option("--finish", help="To all devices for good: later releases are led back to this one.")
    ] = False,
    reason: Reason = "",
    request: Request = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Let more devices have what is on its way, or all of them for good. It takes the role releaser or rollout-service.

    A wave is said in full: without --cohort it is of all devices, without --share it is the whole cohort.
    """
    from slipway.platform.errors import WrongUse
    from slipway.serving.release.asking import wave_asked
    from slipway.serving.release.moving import advancing, finishing

    asked = share is not None or cohort is not None
    if finish == asked:
        raise WrongUse(
            "Expected either --finish, or --share or --cohort.",
            mend=f"`slipway rollout advance {model} --share 50`, or `slipway rollout advance {model} --finish`.",
        )
    wanted = finishing() if finish else advancing(wave_asked(share, cohort))
    _move(model, wanted, (reason, request), dry_run=dry_run, yes=yes, json=json)


@app.command()
def approve(
    model: Model,
    *,
    reason: Reason = "",
    request: Request = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Approve the last step of a rollout, where its plan asks for that. It takes the role approver.

    Who began the rollout does not count.
    """
    from slipway.serving.release.moving import agreeing

    person = open_desk().signer.person.name
    _move(model, agreeing(person), (reason, request), dry_run=dry_run, yes=yes, json=json)


@app.command()
def pause(
    model: Model,
    *,
    reason: Reason = "",
    request: Request = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Let no more devices begin with what is on its way; who has it keeps it."""
    from slipway.serving.release.moving import pausing

    _move(model, pausing(), (reason, request), dry_run=dry_run, yes=yes, json=json)


@app.command()
def resume(
    model: Model,
    *,
    reason: Reason = "",
    request: Request = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Let a rollout go on after a pause."""
    from slipway.serving.release.moving import resuming

    _move(model, resuming(), (reason, request), dry_run=dry_run, yes=yes, json=json)


@app.command()
def sample(  # noqa: PLR0913 - options, which people write by name
    model: Model,
    *,
    per_day: Annotated[
        int,
        typer.Option("--per-day", metavar="N", min=0, help="At most so many pictures a day and device; 0 for none."),
    ],
    share: Annotated[
        float, typer.Option("--share", metavar="PERCENT", min=0, max=100, help="Of all decisions, whatever they are.")
    ] = 0.0,
    confidence_below: Annotated[
        float | None, typer.Option("--confidence-below", min=0, max=1, help="Decisions that are less sure than this.")
    ] = None,
    novelty_above: Annotated[
        float | None,
        typer.Option("--novelty-above", min=0, help="Decisions that are further from the reference than this."),
    ] = None,
    reason: Reason = "",
    request: Request = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Say which pictures devices keep for labelling, whatever they run. It takes the role releaser or operator.

    A policy is said in full, and takes the place of the one before.
    """
    from slipway.serving.release.asking import sampling_asked
    from slipway.serving.release.moving import sampling

    wanted = sampling(sampling_asked(share, confidence_below, novelty_above, per_day))
    _move(model, wanted, (reason, request), dry_run=dry_run, yes=yes, json=json)


def _move(model: str, wanted: "Move", why: tuple[str, str | None], *, dry_run: bool, yes: bool, json: bool) -> None:
    from slipway.platform.cli.data.meter import meter
    from slipway.serving.release.folding import known_rollout
    from slipway.serving.release.moving import move, outlook
    from slipway.serving.release.opening import open_repository
    from slipway.serving.release.wording import sampling, standing

    desk, (reason, request) = open_desk(), why
    rollout, _ = known_rollout(desk, model)
    if dry_run:
        told = {"model": rollout.model, "action": wanted.action.value}
        tell_dry(told, f"{wanted.words} {model}", outlook(desk, rollout, wanted, request), json=json)
        return
    confirm_change(desk.loaded, f"{wanted.words} {model}", yes)
    with meter() as shown:
        done = move(
            desk, open_repository(desk), model, wanted, reason=reason, request=request, told=shown.note, meter=shown
        )
    number = done.written.entry.number
    if json:
        rollout = done.rollout
        sides = {"base": release_data(rollout.base), "target": release_data(rollout.target)}
        print_json({"entry": number, "before": done.before, **sides, **channel_data(done.converged)})
        return
    said = sampling(done.rollout.sampling) if wanted.action.value == "sample" else standing(done.rollout)
    typer.echo(f"{model}: {said}{', already' * done.before}: entry {number}.")
    tell_channel(done.converged)
