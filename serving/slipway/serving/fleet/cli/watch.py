"""`slipway rollout watch`: what the controller thinks of a rollout now, live."""

import select
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from slipway.platform.cli.model.arguments import open_desk
from slipway.platform.cli.output import Json, print_json, rich_table, say
from slipway.serving.fleet.cli.control import open_store, zones
from slipway.serving.release.cli.arguments import Model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from slipway.serving.fleet.controller.judgement import Judgement
    from slipway.serving.fleet.controller.leading import Led

app = typer.Typer(add_completion=False)
COLUMNS = ("measure", "slice", "difference", "at least", "at most", "limit", "devices", "rest", "finding")


@app.command()
def watch(
    model: Model,
    *,
    every: Annotated[float, typer.Option("--every", min=0.1, metavar="SECONDS", help="How often to look.")] = 5.0,
    once: Annotated[bool, typer.Option("--once", help="Look once, and end.")] = False,
    json: Json = False,
) -> None:
    """Show how a wave does, with all numbers, until the rollout is over. Nothing is changed.

    Into a pipe goes a line for each change. --json gives one look.
    """
    from slipway.serving.fleet.controller.gathering import Gatherer
    from slipway.serving.fleet.controller.leading import look
    from slipway.serving.release.folding import known_rollout

    name = known_rollout(open_desk(), model)[0].model
    with open_store() as store:
        gatherer = Gatherer(store, zones)

        def now() -> "Led":
            return look(open_desk(), gatherer, name)

        if json:
            print_json(now().as_data())
        elif once or not sys.stdout.isatty():
            _plainly(now, every, once=once)
        else:
            _live(now, every)


def _looks(look: "Callable[[], Led]", every: float) -> "Iterator[Led]":
    """Until nothing is led any more, or nobody reads any more. What fails after a look that did not is tried again."""
    from slipway.serving.fleet.controller.leading import TROUBLE

    found = look()
    trouble = ""
    while True:
        if not trouble:
            yield found
            if found.judgement is None:
                return
        time.sleep(every)
        if _reader_gone():
            return
        try:
            found, trouble = look(), ""
        except TROUBLE as error:
            if trouble != str(error):
                say(f"{error} Trying again every {every:g} s.")
            trouble = str(error)


def _reader_gone() -> bool:
    """Whether the other end of the pipe is closed, as after `| head`: lines that never come would not tell."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
    except (OSError, ValueError):  # no pipe
        return False
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _plainly(look: "Callable[[], Led]", every: float, *, once: bool) -> None:
    before = ""
    try:
        for found in _looks(look, every):
            if found.line != before:
                typer.echo(found.line)
                before = found.line
            if once:
                for line in _lines(found.judgement) if found.judgement else ():
                    typer.echo(line)
                return
    except KeyboardInterrupt:
        say("Ended. The rollout goes on.")


def _live(look: "Callable[[], Led]", every: float) -> None:
    from rich.console import Console, Group
    from rich.live import Live

    console = Console()
    try:
        with Live(console=console, auto_refresh=False) as live:
            for found in _looks(look, every):
                table = rich_table(COLUMNS, _cells(found.judgement), console.width)
                live.update(Group(found.line, table), refresh=True)
    except KeyboardInterrupt:
        say("Ended. The rollout goes on.")


def _lines(judgement: "Judgement") -> list[str]:
    numbers = judgement.numbers
    return [
        f"  {numbers.running:,} of {numbers.wave_devices:,} devices run it, {numbers.soaked:,} for the soak",
        f"  {numbers.decisions:,} decisions in {numbers.exposure_hours:,.1f} h of device time",
        f"  {numbers.silent:,} devices of the wave are silent, {numbers.reverted:,} went back by themselves",
        *(
            f"  {runs:,} of {told:,} devices of the class {name} run it"
            for name, (runs, told) in numbers.behind.items()
        ),
        *(f"  {one.told}" for one in numbers.compared),
    ]


def _cells(judgement: "Judgement | None") -> list[list[str]]:
    if judgement is None:
        return []
    return [
        [
            one.measure,
            one.slice or "all",
            one.figure(one.estimate),
            one.figure(one.low),
            one.figure(one.high),
            one.figure(one.limit),
            f"{one.devices:,}",
            f"{one.rest:,}",
            one.finding.value,
        ]
        for one in judgement.numbers.compared
    ]
