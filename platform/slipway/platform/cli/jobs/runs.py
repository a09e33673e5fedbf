"""`slipway runs`: which runs there are, those under way first."""

import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from slipway.platform.cli.jobs.arguments import model_names, open_desk
from slipway.platform.cli.output import Json, print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from slipway.platform.jobs.listing import Row

app = typer.Typer(add_completion=False)

PLAIN: Final = frozenset({"train", "script"})
"""Kinds of work that a table need not name."""
COLUMNS: Final = ("name", "model", "state", "by", "target", "since", "took", "cost", "how far")
INTERVAL: Final = 2.0
REASON: Final = 48
"""Characters of a reason in a table; `slipway show` has all."""


@app.command()
def runs(
    *,
    active: Annotated[bool, typer.Option("--active", help="Only those under way, or to be taken up again.")] = False,
    mine: Annotated[bool, typer.Option("--mine", help="Only those that you started or want.")] = False,
    team: Annotated[str | None, typer.Option(help="Only those of this team's models.")] = None,
    model: Annotated[str | None, typer.Option(help="Only those of this model.", autocompletion=model_names)] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many that have ended.")] = 20,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show it anew every other second.")] = False,
    json: Json = False,
) -> None:
    """List the runs under way, and the latest that have ended.

    Times are UTC. Cost and time are over all attempts so far.
    """
    from slipway.platform.jobs import listing
    from slipway.platform.names import nearest
    from slipway.platform.runs import index

    desk = open_desk()
    wanted = listing.Wanted(active, model, team, desk.person if mine else None, limit)

    def look() -> "list[Row]":
        return listing.runs(desk.store, desk.here, wanted)

    if watch and not json and sys.stdout.isatty():
        _watch(look)
        return
    rows = look()
    if json:
        print_json([row.as_data() for row in rows])
    elif rows:
        print_table(COLUMNS, [cells(row) for row in rows])
    else:
        say(_nothing(active=active, asked=any((mine, team, model))))
        for kind, value in (("model", model), ("team", team)):
            if value is not None and (close := nearest(value, index.values(desk.store, kind))) not in (None, value):
                say(f"Did you mean --{kind} {close}?")
    if watch:
        say("--watch needs a terminal: this is how it is now.")


def cells(row: "Row") -> list[str]:
    """A row of the table."""
    from slipway.platform.telling import duration, money

    entry = row.entry
    return [
        entry.name,
        entry.model if entry.kind in PLAIN else f"{entry.model} ({entry.kind})",
        entry.state.value,
        entry.person,
        f"{entry.target} x {entry.nodes}" if entry.nodes > 1 else entry.target,
        f"{entry.created:%m-%d %H:%M}",
        duration(row.seconds),
        money(row.cost, row.currency) if row.cost else "",
        _how_far(row),
    ]


def _how_far(row: "Row") -> str:
    from slipway.platform.telling import ended

    entry = row.entry
    if row.awaiting:
        return "to be taken up again"
    if row.under_way:
        step = f"step {row.step:,} of {row.steps:,}" if row.steps else ""
        return ", ".join(filter(None, (row.phase, step))) or entry.reason
    if entry.value is not None:
        return f"{entry.headline} {entry.value:.4f}"
    if entry.state.value == "done":
        return ""
    told = ended(entry.cause, entry.reason)
    return told if len(told) <= REASON else f"{told[: REASON - 1]}…"


def _nothing(*, active: bool, asked: bool) -> str:
    if active:
        return "Nothing is under way."
    return "No run is like that." if asked else "There is no run yet: `slipway train MODEL` or `slipway submit MODEL`."


def _watch(look: "Callable[[], Sequence[Row]]") -> None:
    import time
    from datetime import UTC, datetime

    from rich.console import Console
    from rich.live import Live

    from slipway.platform.cli.output import rich_table
    from slipway.platform.errors import SlipwayError

    def draw() -> object:
        try:
            return rich_table(COLUMNS, [cells(row) for row in look()], console.width)
        except SlipwayError as error:
            return f"{datetime.now(UTC):%H:%M:%S}: {error}"

    console = Console()
    with Live(console=console, refresh_per_second=2, screen=False) as live:
        while True:
            live.update(draw(), refresh=True)  # type: ignore[arg-type]
            time.sleep(INTERVAL)
