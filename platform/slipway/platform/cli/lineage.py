"""`slipway lineage`: what a thing came from, and what came of it."""

import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from slipway.platform.cli.output import Json, say
from slipway.platform.cli.session import load_settings
from slipway.platform.errors import WrongUse

if TYPE_CHECKING:
    from slipway.platform.lineage.graph import Graph

app = typer.Typer(add_completion=False)

PATIENCE: Final = 2.0
"""Seconds without a word."""


class Form(StrEnum):
    """How it is shown."""

    TEXT = "text"
    JSON = "json"
    SVG = "svg"
    CSV = "csv"
    """Decisions in the field, a line each."""


@app.command()
def lineage(
    thing: Annotated[
        str,
        typer.Argument(
            metavar="X",
            help="A version (NAME/VERSION, NAME@ALIAS), release (NAME#NUMBER), decision of a device by its id, run, "
            "device, individual, revision of git, or the beginning of the digest of a bundle, snapshot or sample. "
            "KIND:X says which is meant.",
        ),
    ],
    downstream: Annotated[bool, typer.Option("--downstream", help="Show what came of it.")] = False,
    form: Annotated[Form, typer.Option("-o", "--form", help="How it is shown.")] = Form.TEXT,
    output: Annotated[Path | None, typer.Option("--output", metavar="FILE", help="Write to this file.")] = None,
    json: Json = False,
) -> None:
    """Show what a thing came from: rows, shards and sources, code, config, lock, attempts, verdicts, approvals.

    With --downstream, all that came of it: runs, bundles, versions, releases and the devices that run or ran them. A
    sample leads to the runs that trained on it. `-o csv` then lists the decisions of all those releases that the fleet
    store knows: those of which it has a picture or an outcome.
    """
    form = Form.JSON if json else form
    if form is Form.CSV and not downstream:
        raise WrongUse("-o csv lists decisions that came of a thing.", mend="Add --downstream.")
    from slipway.platform.cli.data.meter import meter
    from slipway.platform.lineage.beyond import table
    from slipway.platform.lineage.tracing import traced

    if output is not None and output.is_dir():
        raise WrongUse(f"{output} is a folder.", mend="--output names a file.")
    with (
        meter() as watcher,
        traced(load_settings(), thing, downstream=downstream, told=_Told(), watcher=watcher) as gatherer,
    ):
        graph = gatherer.graph
        for remark in graph.remarks if form is Form.CSV else ():
            say(remark)
        pieces = table(gatherer) if form is Form.CSV else iter((_content(graph, form, downstream=downstream),))
        if output is None:
            sys.stdout.writelines(pieces)
            return
        with output.open("w", encoding="utf-8") as file:
            file.writelines(pieces)
    say(f"{output}: {len(graph.nodes):,} things.")


def _content(graph: "Graph", form: Form, *, downstream: bool) -> str:
    import json

    from slipway.platform.lineage.as_svg import as_svg
    from slipway.platform.lineage.as_text import as_text

    match form:
        case Form.SVG:
            return as_svg(graph)
        case Form.JSON:
            return json.dumps(graph.as_data(), indent=2, ensure_ascii=False) + "\n"
    return "\n".join([*as_text(graph, downstream=downstream), ""])


class _Told:
    """Says how far it is, where that takes long."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def count(self, what: str, done: int, total: int) -> None:
        """So many of these are read."""
        self._say(f"{what}: {done:,} of {total:,} read")

    def looking(self, label: str) -> None:
        """This is looked at."""
        self._say(f"looking at {label}")

    def _say(self, text: str) -> None:
        if time.monotonic() - self._last > PATIENCE:
            self._last = time.monotonic()
            say(text)
