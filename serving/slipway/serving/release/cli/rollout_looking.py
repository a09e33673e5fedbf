"""`slipway rollout status`, `history` and `schema`: where a rollout stands, how it came to that, what a plan says."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from slipway.platform.cli.model.arguments import model_names, open_desk
from slipway.platform.cli.output import Json, print_fields, print_json, print_table, say
from slipway.serving.release.cli.arguments import Model, release_data

if TYPE_CHECKING:
    from slipway.platform.ledger.entry import Written
    from slipway.serving.release.rollouts import Rollout
    from slipway.serving.release.watching import Standing

app = typer.Typer(add_completion=False)


@app.command()
def status(
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="Only this model.", autocompletion=model_names)
    ] = None,
    json: Json = False,  # noqa: FBT002 - an option, which people write by name
) -> None:
    """Say what devices should run, what is on its way to them, and whether the channel says so."""
    from slipway.serving.release.watching import standing_of, standings

    desk = open_desk()
    found = [standing_of(desk, model)] if model else list(standings(desk))
    if next(iter(desk.store.list()), None) is None:
        say(f"The store at {desk.store.url} holds nothing yet: is it the one that is meant?")
    if json:
        told = [_data(one) for one in found]
        print_json(told[0] if model else told)
    elif model:
        print_fields(found[0].fields)
    elif found:
        columns = ("model", "champion", "devices run", "on its way", "state", "channel")
        print_table(columns, [list(one.row) for one in found])
    else:
        say("Nothing was released yet. `slipway rollout start MODEL` releases a champion.")


@app.command()
def history(
    model: Model,
    json: Json = False,  # noqa: FBT002 - an option, which people write by name
) -> None:
    """List all that was decided about a model's releases; what changed nothing is told with the reason."""
    from slipway.platform.ledger.describing import by, moment, plain
    from slipway.serving.release.folding import known_rollout

    rollout = known_rollout(open_desk(), model)[0]
    told = _told(rollout)
    if json:
        print_json([_step_data(*one) for one in told])
    elif told:
        columns = ("entry", "at (UTC)", "release", "what", "who", "why")
        print_table(
            columns,
            [
                [
                    str(written.entry.number),
                    moment(written.entry.at),
                    release,
                    what,
                    by(written),
                    plain(written.entry.decision.reason),
                ]
                for written, release, what in told
            ],
        )
    else:
        say(f"Nothing of {model} was released yet. `slipway rollout start {model}` releases its champion.")


@app.command()
def schema() -> None:
    """Print the JSON schema of a plan, for editors."""
    from slipway.serving.release.plan import Plan

    print_json(Plan.model_json_schema())


def _told(rollout: "Rollout") -> list[tuple["Written", str, str]]:
    """Entry, release, what it did."""
    steps = [(step.written, str(step.release or ""), step.what) for step in rollout.steps]
    void = [
        (one.written, one.written.entry.decision.subjects.get("release", ""), f"changes nothing: {one.why}")
        for one in rollout.void
    ]
    return sorted([*steps, *void], key=lambda one: one[0].entry.number)


def _step_data(written: "Written", release: str, what: str) -> dict[str, Any]:
    from slipway.platform.ledger.describing import as_data

    return {**as_data(written), "release": release, "what": what}


def _data(one: "Standing") -> dict[str, Any]:
    rollout, target, frozen = one.rollout, one.rollout.target, one.rollout.frozen_at(one.now)
    return {
        "model": rollout.model,
        "state": rollout.state,
        "champion": one.champion,
        "base": release_data(rollout.base),
        "target": release_data(rollout.target),
        "wave": rollout.wave.model_dump(mode="json") if rollout.target else None,
        "paused": rollout.paused is not None,
        "plan": target.plan.model_dump(mode="json") if target and target.plan else None,
        "approved_by": [written.signer for written in rollout.agreed],
        "frozen_until": frozen.until if frozen else None,
        "pins": [held.pin.model_dump(mode="json") for held in rollout.pins_at(one.now)],
        "floor": rollout.floor,
        "sampling": rollout.sampling.model_dump(mode="json"),
        "pointer": one.pointer.model_dump(mode="json") if one.pointer else None,
        "shown": one.shown,
        "problem": one.problem,
    }
