"""Printing for people and for scripts.

In a terminal rich draws tables; into a pipe goes plain aligned text without colour; `--json` gives data. Results go to
standard output, everything said along the way to standard error.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from rich.table import Table

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, also in a protected context.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")]

BROKEN: Final = 8
"""Characters that stay together even where a terminal is too narrow for all words."""

STYLES = {
    "ok": "green",
    "warning": "yellow",
    "failed": "bold red",
    "skipped": "dim",
    "pending": "yellow",
    "running": "cyan",
    "done": "green",
    "lost": "bold red",
    "resumable": "yellow",
    "cancelled": "dim",
    "found": "dim",
    "not needed": "dim",
    "under way": "cyan",
    "waiting": "yellow",
    "to do": "yellow",
    "refused": "bold red",
}


def print_json(value: Any) -> None:  # noqa: ANN401 - whatever json can write
    """Data for scripts."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: object) -> str:
    """A moment in the form that records have it in; else as text."""
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under headings; a cell that is one of the words of `STYLES` is coloured in a terminal."""
    if sys.stdout.isatty():
        _print_rich_table(columns, rows)
        return
    widths = [max(len(row[index]) for row in (columns, *rows)) for index in range(len(columns))]
    for row in ([column.upper() for column in columns], *rows):
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def widths(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """How wide the columns are that fit into `width` together: the widest give way first.

    A column is wrapped between words as long as that is enough; only then the widest words are broken.
    """
    cells = [[column, *(row[index] for row in rows)] for index, column in enumerate(columns)]
    found = [max(map(len, column)) for column in cells]
    words = [max(max(map(len, cell.split()), default=1) for cell in column) for column in cells]
    for least in (words, [min(word, BROKEN) for word in words]):
        while sum(found) > width and (free := [i for i, wide in enumerate(found) if wide > least[i]]):
            found[max(free, key=lambda i: found[i])] -= 1
    return found


def print_fields(fields: Mapping[str, str]) -> None:
    """Names with their values, one a line."""
    width = max(map(len, fields), default=0)
    for name, value in fields.items():
        typer.echo(f"{name.ljust(width)}  {value}".rstrip())


def say(message: str) -> None:
    """A remark along the way, to standard error."""
    typer.echo(message, err=True)


def _print_rich_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console

    console = Console()
    console.print(rich_table(columns, rows, console.width))


def rich_table(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> "Table":
    """A table for a terminal of that width."""
    from rich.table import Table
    from rich.text import Text

    natural = widths(columns, rows, width)
    gap = 2 if sum(natural) + 2 * (len(columns) - 1) <= width else 1
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, gap, 0, 0))
    for column, wide in zip(columns, widths(columns, rows, width - gap * (len(columns) - 1)), strict=True):
        table.add_column(column, overflow="fold", width=wide)
    for row in rows:
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    return table
