"""What is seen of a sweep: a table that is redrawn in a terminal, a line for each trial elsewhere."""

import sys
import time
from typing import TYPE_CHECKING, Final

from slipway.platform.cli.output import say
from slipway.platform.telling import money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.live import Live
    from rich.table import Table

    from slipway.training.sweep.records import Outcome, Trial
    from slipway.training.sweep.running import Stand, Watcher
    from slipway.training.sweep.trial import Bill

REDRAW: Final = 0.5
LONGEST_REASON: Final = 60
STOPPED: Final = "stopped, behind its last checkpoint"


def display() -> "Watcher":
    """The one that suits where standard error goes."""
    return Drawn() if sys.stderr.isatty() else Told()


class Told:
    """A line for everything that happens."""

    def began(self, trial: "Trial") -> None:
        """Say what is tried."""
        say(f"trial {trial.number}: {_values(trial)}")

    def ended(self, trial: "Trial", outcome: "Outcome", best: "Stand | None") -> None:
        """Say what came of it."""
        if outcome.score is None:
            say(f"trial {trial.number}: failed: {outcome.reason}")
            return
        cost = f", {_cost(outcome)}" if outcome.cost else ""
        place = f"; best {best.outcome.score:.4f}, trial {best.trial.number}" if best and best.outcome else ""
        say(f"trial {trial.number}: {outcome.metric} {outcome.score:.4f} after {outcome.seconds:.0f} s{cost}{place}")

    def interrupted(self, trial: "Trial", reason: str) -> None:
        """Say that it can be gone on with."""
        say(f"trial {trial.number}: {reason or STOPPED}")

    def note(self, text: str) -> None:
        """Say it."""
        say(text)

    def beat(self, stands: "Sequence[Stand]") -> None:
        """Nothing: lines are for what happens."""


class Drawn:
    """A table of all trials, redrawn now and then."""

    def __init__(self) -> None:
        self._live: Live | None = None
        self._drawn = 0.0

    def began(self, trial: "Trial") -> None:
        """The table shows it."""

    def ended(self, trial: "Trial", outcome: "Outcome", best: "Stand | None") -> None:
        """The table shows it."""

    def interrupted(self, trial: "Trial", reason: str) -> None:
        """A line above the table: the table only says that it is unfinished."""
        self.note(f"trial {trial.number}: {reason or STOPPED}")

    def note(self, text: str) -> None:
        """A line above the table."""
        if self._live is None:
            say(text)
        else:
            self._live.console.print(text, markup=False, highlight=False)

    def beat(self, stands: "Sequence[Stand]") -> None:
        """Redraw, and put the terminal in order when nothing runs any more."""
        from rich.console import Console
        from rich.live import Live

        over = all(one.since is None for one in stands)
        if self._live is None:
            if over:
                return
            self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=True)
            self._live.start()
        if over or time.monotonic() - self._drawn >= REDRAW:
            self._live.update(_drawn(stands), refresh=True)
            self._drawn = time.monotonic()
        if over:
            self._live.stop()
            self._live = None


def table_of(stands: "Sequence[Stand]", metric: str = "score") -> tuple[list[str], list[list[str]]]:
    """Headings and a row for each trial: number, values, state, score, run; where it is and its cost, where told."""
    keys = list(stands[0].trial.values) if stands else []
    bills = [_bill(one) for one in stands]
    placed, priced = any(one.where for one in bills), any(one.currency for one in bills)
    columns = ["trial", *keys, "state", metric, "run", *["where"][: int(placed)], *["cost"][: int(priced)]]
    rows = []
    for one, bill in zip(stands, bills, strict=True):
        outcome = one.outcome
        score = "" if outcome is None or outcome.score is None else f"{outcome.score:.4f}"
        run = (outcome.name if outcome.state == "done" else outcome.reason[:LONGEST_REASON]) if outcome else ""
        values = [one.trial.values.get(key, "") for key in keys]
        row = [str(one.trial.number), *values, _state(one), score, run]
        rows.append([*row, *[bill.where][: int(placed)], *[_cost(bill)][: int(priced)]])
    return columns, rows


def _bill(one: "Stand") -> "Bill | Outcome":
    """Whatever says where it is and what it costs."""
    return one.outcome or one.glance.bill


def _cost(bill: "Bill | Outcome") -> str:
    return money(bill.cost, bill.currency) if bill.currency else ""


def _state(one: "Stand") -> str:
    if one.outcome is not None:
        return one.outcome.state
    if one.since is None:
        return "unfinished"
    since = f"{time.monotonic() - one.since:.0f} s"
    return f"{since}, {one.glance.words}" if one.glance.words else since


def _drawn(stands: "Sequence[Stand]") -> "Table":
    from rich.table import Table

    columns, rows = table_of(stands)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*row)
    return table


def _values(trial: "Trial") -> str:
    return " ".join(f"{key}={value}" for key, value in trial.values.items())
