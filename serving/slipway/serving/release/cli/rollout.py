"""`slipway rollout`: leading a release to all devices, and back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slipway.platform.cli.model.arguments import open_desk, version_names
from slipway.platform.cli.output import DryRun, Json, Yes, print_json, say
from slipway.platform.cli.session import confirm_change
from slipway.serving.fleet.cli import watch
from slipway.serving.release.cli import rollback, rollout_looking, rollout_moving
from slipway.serving.release.cli.arguments import Cohort, Request, Share, channel_data, release_data, tell_channel

if TYPE_CHECKING:
    from slipway.serving.release.rollouts import Released
    from slipway.serving.release.starting import Outlook, Started, Wanted

app = typer.Typer(add_completion=False, help="Lead a release to all devices in waves, and back.")


@app.command()
def start(  # noqa: PLR0913 - options, which people write by name
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL[@champion]",
            help="A model: its champion is released; or MODEL/3, where that is champion.",
            autocompletion=version_names,
        ),
    ],
    *,
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan",
            metavar="FILE",
            help="Waves, limits and approvals; else rollout.yaml in the model's folder, else fleet.plan.",
        ),
    ] = None,
    by_hand: Annotated[bool, typer.Option("--by-hand", help="By no plan: a person leads it.")] = False,
    share: Share = None,
    cohort: Cohort = None,
    minimum_agent: Annotated[
        str, typer.Option("--minimum-agent", metavar="VERSION", help="The oldest agent that may run it.")
    ] = "0.0.0",
    request: Request = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Release the champion: sign it, and tell the devices of the first wave to run it.

    It takes the role releaser. The way back is drilled first: the release that devices run now is fetched and verified
    from the channel as a device would. Starting the same again changes nothing.
    """
    from slipway.platform.cli.data.meter import meter
    from slipway.serving.release import starting
    from slipway.serving.release.opening import open_sides

    desk = open_desk()
    by = plan, desk.loaded.settings.fleet.plan, by_hand
    wanted = _wanted(model, by, (share, cohort), (minimum_agent, request))
    sides = open_sides(desk)
    if dry_run:
        picked = starting.pick_champion(desk, model)
        if there := starting.released_before(desk, picked, wanted):
            otherwise = starting.otherwise(desk, there, wanted)
            _tell_there(there, otherwise, json=json)
            raise typer.Exit(1 if otherwise else 0)
        starting.check_may(desk, picked)
        with meter() as shown:
            outlook = starting.look(desk, model, sides, shown)
        _tell_outlook(outlook, wanted, json=json)
        if outlook.refusal is not None:
            raise outlook.refusal
        return
    confirm_change(desk.loaded, f"release {model} to devices", yes)
    with meter() as shown:
        done = starting.start(desk, model, sides, wanted, shown, shown.note)
    _tell(done, json=json)
    raise typer.Exit(1 if done.otherwise else 0)


def _wanted(
    model: str,
    by: tuple[Path | None, Path | None, bool],
    to: tuple[float | None, str | None],
    rest: tuple[str, str | None],
) -> "Wanted":
    from slipway.platform.registry.finding import model_of
    from slipway.serving.release.asking import agent_asked, plan_asked, wave_asked
    from slipway.serving.release.starting import Wanted

    (file, usual, by_hand), (share, cohort), (minimum_agent, request) = by, to, rest
    said = share is not None or cohort is not None
    plan = plan_asked(model_of(model), file, usual=usual, by_hand=by_hand, said=said)
    wave = plan.waves[0].wave if plan else wave_asked(share, cohort)
    return Wanted(wave, agent_asked(minimum_agent), request, plan, said=said or file is not None)


def _tell_there(released: "Released", otherwise: str, *, json: bool) -> None:
    name = f"{released.model}/{released.version}"
    if json:
        wave = released.wave.model_dump(mode="json", exclude={"seed"})
        named = {"version": name, "release": released.number, "wave": wave}
        print_json({**named, "before": True, "otherwise": otherwise, "drilled": None, "against": []})
        return
    typer.echo(f"{name} is release {released.number} already: entry {released.written.entry.number}.")
    if otherwise:
        say(otherwise)
    say("Nothing was changed.")


def _tell_outlook(outlook: "Outlook", wanted: "Wanted", *, json: bool) -> None:
    from slipway.serving.release.wording import wave

    name, against = outlook.picked.name, [f"{one.why}." for one in outlook.against]
    if json:
        named = {
            "version": name,
            "release": outlook.number,
            "wave": wanted.wave.model_dump(mode="json", exclude={"seed"}),
        }
        print_json(
            {
                **named,
                "before": False,
                "drilled": outlook.drilled.release if outlook.drilled else None,
                "against": against,
            }
        )
    elif against:
        say("This would be refused. Nothing was changed.")
    else:
        drilled = (
            f"{outlook.drilled.told[:1].upper()}{outlook.drilled.told[1:]}."
            if outlook.drilled
            else "There is no way back yet."
        )
        say(
            f"This would release {name} as release {outlook.number} {wave(wanted.wave)}. {drilled} Nothing was changed."
        )


def _tell(done: "Started", *, json: bool) -> None:
    from slipway.serving.release.wording import plan_told, wave

    released = done.released
    if json:
        drilled = {"release": done.drilled.release, "files": done.drilled.files} if done.drilled else None
        print_json(
            {
                "release": release_data(released),
                "before": done.before,
                "otherwise": done.otherwise,
                "drilled": drilled,
                **channel_data(done.converged),
            }
        )
        return
    name = f"{released.model}/{released.version}"
    if done.before:
        typer.echo(f"{name} is release {released.number} already: entry {released.written.entry.number}.")
        if done.otherwise:
            say(done.otherwise)
    else:
        if done.drilled:
            say(f"{done.drilled.told[:1].upper()}{done.drilled.told[1:]}.")
        typer.echo(
            f"{name} is release {released.number}, {wave(released.wave)}: entry {released.written.entry.number}."
        )
        if released.plan:
            say(f"It goes by its plan: {plan_told(released.plan)}.")
            say(f"`slipway fleet control` leads it; `slipway rollout watch {released.model}` shows how it does.")
        else:
            say(f"`slipway rollout advance {released.model} --finish` makes it everybody's.")
    tell_channel(done.converged)


for part in (rollout_moving.app, rollout_looking.app, watch.app):
    app.add_typer(part)
app.command("undo")(rollback.undo)
