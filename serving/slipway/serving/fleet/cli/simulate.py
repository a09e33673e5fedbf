"""`slipway fleet simulate`: many devices through bad days, in a few minutes and without touching anything."""

import logging
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from slipway.platform.cli.output import Json, print_json, print_table, say
from slipway.platform.errors import WrongUse
from slipway.platform.names import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slipway.serving.fleet.simulation.simulating import Outcome, Progress

app = typer.Typer(add_completion=False)
ALL, LIST = "all", "list"
COLUMNS = ("scenario", "devices", "switches", "starts", "refused", "decisions", "unwritten")
EVERY_S: Final = 2.0


@app.command()
def simulate(
    *,
    devices: Annotated[int, typer.Option("--devices", metavar="N", min=1, max=100_000, help="How many.")] = 50,
    scenario: Annotated[
        list[str] | None,
        typer.Option("--scenario", metavar="NAME", help="What goes wrong; may repeat; `list` tells which there are."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="The same seed lives the same days.")] = 0,
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE", help="Draw what ran where, as SVG.")
    ] = None,
    json: Json = False,
) -> None:
    """Live through bad days with many devices, and hold what must always be true.

    Agents, the channel's client, telemetry, the fleet service with its store, and controllers with their ledger are the
    real ones; clock, network, disk and runtime are simulated.
    Nothing of this project is read or changed. Exit code 1 says that something did not hold, and how to see it again.
    """
    from slipway.serving.fleet.simulation.own_channel import OwnChannel
    from slipway.serving.fleet.simulation.picture import picture as drawn
    from slipway.serving.fleet.simulation.place import place
    from slipway.serving.fleet.simulation.simulating import simulate as live

    names = scenario or [ALL]
    if LIST in names:
        _tell_scenarios(json=json)
        return
    _check(names, picture)
    with _quiet(), place() as folder:
        channel = OwnChannel(folder)
        outcome = live(
            channel,
            folder / "devices",
            begin=channel.begin,
            devices=devices,
            scenarios=names,
            seed=seed,
            told=_Pace(),
        )
    if picture is not None:
        picture.write_text(drawn(outcome))
        say(f"What ran where: {picture}")
    again = " ".join(f"--scenario {name}" for name in names)
    _tell(outcome, f"slipway fleet simulate --devices {devices} {again} --seed {seed}", json=json)
    raise typer.Exit(1 if outcome.broken else 0)


@contextmanager
def _quiet() -> "Iterator[None]":
    """Thousands of bad days are what was asked for: nobody wants to read of each."""
    logs = [logging.getLogger(name) for name in ("slipway.serving.edge", "slipway.serving.channel")]
    before = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for log, level in zip(logs, before, strict=True):
            log.setLevel(level)


def _check(names: list[str], picture: Path | None) -> None:
    """Before minutes of work, not after."""
    from slipway.serving.fleet.simulation.scenarios import SCENARIOS

    for name in names:
        if name != ALL and name not in SCENARIOS:
            known = (ALL, *SCENARIOS)
            raise WrongUse(f"There is no scenario `{name}`.", mend=suggestion(name, known))
    if picture is not None and not picture.parent.is_dir():
        raise WrongUse(f"There is no folder {picture.parent} for the picture.", mend="Make it, or name another.")


def _tell_scenarios(*, json: bool) -> None:
    from slipway.serving.fleet.simulation.scenarios import SCENARIOS

    if json:
        print_json([{"scenario": name, "about": one.about} for name, one in SCENARIOS.items()])
    else:
        print_table(("scenario", "what goes wrong"), [(name, one.about) for name, one in SCENARIOS.items()])


class _Pace:
    """Says how far it is, now and then."""

    def __init__(self) -> None:
        self._next = time.monotonic() + EVERY_S

    def __call__(self, told: "Progress") -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY_S
            say(f"Day {told.day:.0f} of {told.days:.0f}, {told.steps:,} steps.")


def _tell(outcome: "Outcome", again: str, *, json: bool) -> None:
    pace = outcome.devices * outcome.days / max(outcome.seconds, 1e-9)
    if json:
        print_json(
            {
                "devices": outcome.devices,
                "seed": outcome.seed,
                "days": outcome.days,
                "steps": outcome.steps,
                "processor_seconds": round(outcome.seconds, 2),
                "devices_a_second": round(outcome.devices / max(outcome.seconds, 1e-9), 2),
                "device_days_a_second": round(pace, 1),
                "scenarios": [vars(one) for one in outcome.lots],
                "controllers": [vars(one) for one in outcome.acts],
                "history": [{"day": one.day, "active": one.active} for one in outcome.history],
                "broken": outcome.broken,
                "again": again,
            }
        )
        return
    rows = [
        (one.scenario, one.devices, one.switches, one.boots, one.refused, f"{one.decided:,}", f"{one.died:,}")
        for one in outcome.lots
    ]
    print_table(COLUMNS, [tuple(map(str, row)) for row in rows])
    if outcome.acts:
        acts = [(f"{one.day:.2f}", one.what, str(one.release), one.why) for one in outcome.acts]
        print_table(("day", "controllers", "release", "why"), acts)
    say(
        f"{outcome.devices} devices, {outcome.days:g} days each, {outcome.steps:,} steps in {outcome.seconds:.1f} s of "
        f"processor time: {outcome.devices / max(outcome.seconds, 1e-9):.1f} devices a second."
    )
    if outcome.broken:
        say(f"NOT HELD: {outcome.broken}")
        say(f"Again: {again}")
    else:
        say(
            "Everything held: what ran was signed, fresh, for its device and proven; bad releases stayed in their "
            "first waves; the service knows what devices decided; all devices came to the last release."
        )
