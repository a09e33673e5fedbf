"""Tables in terminals: wrapped between words as long as that is enough, and never wider than the terminal."""

import io

import pytest
from rich.console import Console

from slipway.platform.cli.output import rich_table

COLUMNS = ("name", "model", "state", "by", "target", "since", "took", "cost", "how far")
LONG = "train, step 1,240 of 100,000"
ROWS = [
    [
        "crimson-heron-412",
        "bay-occupancy",
        "running",
        "ada",
        "local x 2",
        "11-20 21:09",
        "3 min 20 s",
        "USD 3.60",
        LONG,
    ],
    ["quiet-owl-1", "vehicle-reid", "done", "grace", "gpu-l4", "11-20 21:09", "1 h 20 min", "", "accuracy 0.9233"],
]


def drawn(width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(rich_table(COLUMNS, ROWS, width))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize("width", [80, 100, 130])
def test_words_stay_whole_where_there_is_room_for_them(width: int) -> None:
    lines = drawn(width)
    words = {word for line in lines for word in line.split()}
    assert words >= {word for row in ROWS for cell in row for word in cell.split()}
    assert max(map(len, lines)) <= width


def test_a_wide_terminal_has_a_line_for_each_row() -> None:
    assert len(drawn(200)) == 1 + len(ROWS)


def test_a_narrow_terminal_breaks_long_words_and_not_short_ones() -> None:
    lines = drawn(70)
    assert max(map(len, lines)) <= 70
    assert any("running" in line for line in lines)
