"""What is seen of a sweep: a table that is redrawn in a terminal, a line for each trial elsewhere."""

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from slipway.platform.cli.output import say

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

    from slipway.training.sweep.records import Outcome, Trial
    from slipway.training.sweep.running import Stand, Watcher

REDRAW: Final = 0.5
LONGEST_REASON: Final = 60


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
        place = f"; best {best.outcome.score:.4f}, trial {best.trial.number}" if best and best.outcome else ""
        say(f"trial {trial.number}: {outcome.metric} {outcome.score:.4f} after {outcome.seconds:.0f} s{place}")

    def interrupted(self, trial: "Trial") -> None:
        """Say that it can be gone on with."""
        say(f"trial {trial.number}: stopped, behind its last checkpoint")

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

    def interrupted(self, trial: "Trial") -> None:
        """The table shows it."""

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


def rows_of(stands: "Sequence[Stand]", keys: Sequence[str]) -> list[list[str]]:
    """A row for each trial: number, values, state, score, run."""
    rows = []
    for one in stands:
        outcome = one.outcome
        score = "" if outcome is None or outcome.score is None else f"{outcome.score:.4f}"
        run = (outcome.name if outcome.state == "done" else outcome.reason[:LONGEST_REASON]) if outcome else ""
        values = [one.trial.values.get(key, "") for key in keys]
        rows.append([str(one.trial.number), *values, _state(one), score, run])
    return rows


def _state(one: "Stand") -> str:
    if one.outcome is not None:
        return one.outcome.state
    return "unfinished" if one.since is None else f"{time.monotonic() - one.since:.0f} s"


def _drawn(stands: "Sequence[Stand]") -> "Table":
    from rich.table import Table

    keys = list(stands[0].trial.values) if stands else []
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("trial", *keys, "state", "score", "run"):
        table.add_column(column)
    for row in rows_of(stands, keys):
        table.add_row(*row)
    return table


def _values(trial: "Trial") -> str:
    return " ".join(f"{key}={value}" for key, value in trial.values.items())
