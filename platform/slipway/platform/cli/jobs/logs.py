"""`slipway logs`: what an attempt's process printed, and prints."""

import sys
from typing import Annotated

import typer

from slipway.platform.cli.jobs.arguments import Run, open_desk
from slipway.platform.cli.output import say

app = typer.Typer(add_completion=False)


@app.command()
def logs(
    run: Run,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until it ends.")] = False,
    attempt: Annotated[int | None, typer.Option(min=1, help="Another attempt than the last one.")] = None,
    node: Annotated[int, typer.Option(min=0, help="Another node than the first one.")] = 0,
    tail: Annotated[int | None, typer.Option("--tail", "-n", min=0, help="Only the last lines.")] = None,
) -> None:
    """Print a run's log. With -f it goes on with the next attempt when one ends and the work is taken up again."""
    from slipway.platform.jobs.logs import Wanted, Watch, follow_log, read_log
    from slipway.platform.runs.find import find

    desk = open_desk()
    key = find(desk.store, run)
    wanted = Wanted(attempt, node, tail)
    if not follow:
        text = read_log(desk.store, key, wanted, desk.fallback(key))
        _write(text)
        if not text:
            say(f"{run} has printed nothing yet.")
        return
    try:
        for piece in follow_log(desk.store, key, desk.here, wanted, Watch(), desk.fallback(key)):
            _write(piece.text)
            if piece.remark:
                say(piece.remark)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _write(text: bytes) -> None:
    """As it was printed, whatever it is."""
    if text:
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
