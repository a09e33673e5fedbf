"""What `slipway flow` shows: how a flow goes on, what it came to, and what one would do."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import typer

from slipway.platform.cli.output import print_fields, print_table, say

if TYPE_CHECKING:
    from rich.status import Status

    from slipway.pipelines.flows.planning import Outlook
    from slipway.pipelines.flows.running import Display, Ran
    from slipway.pipelines.steps.step import Told

COLUMNS: Final = ("step", "how", "what", "cost", "took")
DIGITS: Final = 12


@contextmanager
def display() -> "Iterator[Display]":
    """The one that fits where standard error leads."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    spinner = Spinner()
    try:
        yield spinner
    finally:
        spinner.stop()


class Lines:
    """A line for whatever happens; steps that find all done say nothing."""

    def begin(self, step: str) -> None:
        """Say so only with what happens."""
        self._step = step

    def note(self, line: str) -> None:
        """A line."""
        say(f"{self._step}: {line}")

    def end(self, told: "Told") -> None:
        """A line, unless nothing was done."""
        from slipway.pipelines.steps.step import How

        if told.how not in (How.FOUND, How.SKIPPED):
            say(f"{told.step}: {told.how}. {told.line}")


class Spinner:
    """A line that moves; it appears with the first thing that happens, because finding all done takes no time."""

    def __init__(self) -> None:
        self._step = ""
        self._status: Status | None = None

    def begin(self, step: str) -> None:
        """The next step."""
        self._step = step

    def note(self, line: str) -> None:
        """What happens in it."""
        from rich.text import Text

        text = Text.assemble((self._step, "bold"), f": {line}")
        if self._status is None:
            from rich.console import Console

            self._status = Console(stderr=True).status(text)
            self._status.start()
        self._status.update(text)

    def end(self, told: "Told") -> None:
        """The summary says it."""

    def stop(self) -> None:
        """Take it away."""
        if self._status is not None:
            self._status.stop()


def show_ran(ran: "Ran") -> None:
    """The summary: what was done, what was there, what it cost, where to look."""
    rows = [_row(one) for one in ran.told]
    if ran.error is not None:
        rows[-1][1] = "failed"
    print_table(COLUMNS, [*rows, *([name, "", "", "", ""] for name in ran.left)])
    typer.echo()
    if links := _links(ran.told):
        print_fields(links)
        typer.echo()
    typer.echo(_sentence(ran))
    if ran.told and not ran.error and ran.last.mend:
        say(ran.last.mend)


def show_outlook(outlook: "Outlook") -> None:
    """What would be done."""
    from slipway.pipelines.flows.table import FLOWS
    from slipway.platform.telling import money

    if outlook.told:
        print_table(("step", "how", "what"), [[one.step, one.how.value, one.line] for one in outlook.told])
        typer.echo()
    several = len(FLOWS[outlook.flow]) > 1
    step = f"{outlook.next.step}: " if several and outlook.next and not outlook.error else ""
    typer.echo(f"{outlook.flow} of {outlook.ask.model}: {step}{outlook.line}")
    if outlook.unasked:
        typer.echo(f"Where nobody asks: {outlook.unasked.removesuffix('.')}.")
    if outlook.price is not None and outlook.price[0]:
        typer.echo(f"It would cost at most {money(*outlook.price)}, by earlier runs.")
    typer.echo()


def ran_data(ran: "Ran") -> dict[str, Any]:
    """For scripts."""
    return {
        "flow": ran.flow,
        "model": ran.ask.model,
        "steps": [one.as_data() for one in ran.told],
        "left": list(ran.left),
        "values": dict(ran.values),
        "nothing_done": ran.nothing_done,
        "costs": {currency: str(cost) for currency, cost in ran.costs.items()},
        "seconds": round(ran.seconds, 3),
        "error": str(ran.error) if ran.error else None,
    }


def outlook_data(outlook: "Outlook") -> dict[str, Any]:
    """For scripts."""
    price = outlook.price
    return {
        "flow": outlook.flow,
        "model": outlook.ask.model,
        "steps": [one.as_data() for one in outlook.told],
        "line": outlook.line,
        "next": outlook.next.step if outlook.next else None,
        "unasked": outlook.unasked or None,
        "price": {"cost": str(price[0]), "currency": price[1]} if price else None,
        "error": str(outlook.error) if outlook.error else None,
    }


def _row(told: "Told") -> list[str]:
    from slipway.platform.telling import duration, money

    cost = money(told.cost, told.currency) if told.cost else ""
    return [told.step, told.how.value, told.line, cost, duration(told.seconds) if told.seconds >= 1 else ""]


def _links(told: "Sequence[Told]") -> Mapping[str, str]:
    """Where to look: what was done now; where all was there, the end of it."""
    from slipway.pipelines.steps.step import How

    done = [one for one in told if one.how not in (How.FOUND, How.SKIPPED)] or list(told[-1:])
    return {title: place for one in done for title, place in one.links.items()}


def _sentence(ran: "Ran") -> str:
    from slipway.pipelines.steps.step import How
    from slipway.platform.telling import duration, money

    if ran.nothing_done:
        return f"Nothing was to be done: {_why(ran)}."
    cost = ", ".join(money(amount, currency) for currency, amount in ran.costs.items())
    spent = f"{duration(ran.seconds)}, {cost or 'free'}"
    ends = {
        How.WAITING: f"It waits: {ran.last.line}",
        How.REFUSED: f"It ends here: {ran.last.line}",
        How.UNDER_WAY: ran.last.line,
        How.TO_DO: f"It is not at its end: {ran.last.step} {'failed' if ran.error else 'is to do'}",
    }
    end = ends.get(ran.last.how, f"{ran.flow} of {ran.ask.model} is done.")
    return f"{end.removesuffix('.')}. ({spent})"


def _why(ran: "Ran") -> str:
    """Why everything was there."""
    from slipway.pipelines.steps.step import How

    skipped = next((one for one in ran.told if one.how is How.SKIPPED), None)
    if skipped is not None:
        line = skipped.line.removesuffix(".")
        return f"{line[:1].lower()}{line[1:]}"
    values = ran.values
    if "run_name" not in values:
        return ran.last.line.removesuffix(".")
    return (
        f"{values['run_name']} was trained with this code, config and lock on this snapshot "
        f"({values['snapshot'][:DIGITS]}), and {ran.last.line.removesuffix('.')}"
    )
