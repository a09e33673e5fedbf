"""`slipway compare`: runs side by side, as tables here or as a page to keep."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from slipway.platform.cli.output import Json, print_json, print_table, say
from slipway.platform.cli.session import load_settings

if TYPE_CHECKING:
    from slipway.platform.runs.comparing.comparison import Comparison, Differing
    from slipway.platform.runs.comparing.measured import Measured

app = typer.Typer(add_completion=False)

SHOWN: Final = 40
"""Lines of a table that a person is shown; --json and the report have all."""
LONG: Final = ("code", "lock")
"""Parts whose lines are only counted without --inputs."""


@app.command()
def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN…", help="Names of runs, or the beginnings of their keys.")],
    inputs: Annotated[
        bool, typer.Option("--inputs", help="List every config key, file, lock line and shard that differs.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write a self-contained HTML report.")
    ] = None,
    json: Json = False,
) -> None:
    """Compare runs: what went in, their metrics with intervals for each slice, their curves.

    The first run is what the others are held against. `better` and `worse` are said where the 95 % intervals do not
    meet; where they do, the runs may differ all the same.
    """
    from slipway.platform.errors import WrongUse
    from slipway.platform.runs.comparing.comparison import compare as gather
    from slipway.platform.runs.find import find
    from slipway.platform.runs.standing import Here
    from slipway.platform.runs.tracking.tracker import open_tracker
    from slipway.platform.store import open_store

    if len(runs) < 2:  # noqa: PLR2004 - a pair
        raise WrongUse("One run cannot be compared.", mend="Name two or more: slipway compare A B")
    loaded = load_settings()
    store = open_store(loaded.settings.store, loaded.settings.s3)
    keys = list(dict.fromkeys(find(store, run) for run in runs))
    if len(keys) < 2:  # noqa: PLR2004 - a pair
        raise WrongUse(
            f"{' and '.join(f'`{run}`' for run in runs)} are one piece of work.",
            mend="`slipway why RUN` tells its attempts.",
        )
    found = gather(
        store,
        keys,
        here=Here.at(loaded.root),
        open_tracker=lambda: open_tracker(loaded.settings.mlflow, loaded.root),
    )
    if output is not None:
        _write(found, output)
    if json:
        print_json(found.as_data())
    elif output is None:
        _print(found, inputs=inputs)


def _write(found: "Comparison", target: Path) -> None:
    """The report, as a whole or not at all."""
    from datetime import UTC, datetime

    from slipway.platform.errors import WrongUse
    from slipway.platform.runs.comparing.report import report

    if target.is_dir():
        raise WrongUse(f"{target} is a folder.", mend=f"Name the file: -o {target / 'report.html'}")
    if not target.parent.is_dir():
        raise WrongUse(f"{target.parent} is no folder to write {target.name} to.", mend=f"mkdir -p {target.parent}")
    beside = target.with_name(f".{target.name}.part")
    try:
        beside.write_text(report(found, datetime.now(UTC)), encoding="utf-8")
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    say(f"{target}: {len(found.sides)} runs, {target.stat().st_size:,} bytes; open it in any browser.")


def _print(found: "Comparison", *, inputs: bool) -> None:
    names = [side.name for side in found.sides]
    for remark in found.remarks:
        say(remark)
    _print_inputs([*found.inputs, *(found.shards if inputs else [])], names, whole=inputs)
    typer.echo()
    if not found.measures:
        states = ", ".join(f"{side.name} is {side.standing.state or 'not begun'}" for side in found.sides)
        typer.echo(f"No run has been judged yet: {states}.")
        return
    _print_measures(found.measures, names)


def _print_inputs(rows: "list[Differing]", names: list[str], *, whole: bool) -> None:
    from slipway.platform.runs.comparing.comparison import SHARDS
    from slipway.platform.runs.comparing.report import short_name, value_text

    listed = [row for row in rows if whole or row.part not in LONG]
    if listed:
        told = [
            [
                row.part,
                short_name(row.name),
                *(value_text(value, size=row.part == SHARDS) or "-" for value in row.values),
            ]
            for row in listed[:SHOWN]
        ]
        print_table(("part", "what", *names), told)
    counts = Counter(row.part for row in rows if row not in listed)
    if counts:
        left = " and ".join(f"{count} of the {part}" for part, count in counts.items())
        say(f"Lines that differ as well: {left}; --inputs lists them.")
    if len(listed) > SHOWN:
        say(f"{len(listed) - SHOWN:,} more; --json or -o shows all.")


def _print_measures(measures: "list[Measured]", names: list[str]) -> None:
    """All metrics over everything, and the headline for each slice."""
    from slipway.platform.runs.comparing.report import measure_text

    shown = [one for one in measures if one.headline or not one.column]
    rows = []
    for one in shown:
        cells = [measure_text(one.values[0])]
        for place in range(1, len(names)):
            change = one.change(place)
            better = one.better(place)
            verdict = "" if better is None else " better" if better else " worse"
            cells.append(f"{measure_text(one.values[place])}{'' if change is None else f' {change:+.4f}'}{verdict}")
        where = f"{one.column.removeprefix('slice_')} = {one.slice}" if one.column else "all"
        rows.append([where, one.metric, *cells])
    print_table(("slice", "metric", *names), rows[:SHOWN])
    if len(rows) > SHOWN or len(shown) < len(measures):
        say(f"{len(measures) - min(len(rows), SHOWN):,} more lines; --json or -o shows all.")
