"""`slipway data validate`: does a snapshot deserve to be trained on?"""

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slipway.platform.cli.data.meter import meter
from slipway.platform.cli.output import Json, print_json, print_table, say
from slipway.platform.cli.session import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slipway.platform.data.snapshot import Snapshot
    from slipway.platform.data.validation.records import Judged
    from slipway.platform.data.validation.runner import Progress
    from slipway.platform.data.validation.suite import Suite
    from slipway.platform.settings import Loaded

app = typer.Typer(add_completion=False)

STAGES = {
    "tables": "reading tables",
    "libraries": "loading Great Expectations",
    "images": "images",
    "expectations": "expectations",
}
STEPS = 10
"""How often a stage says how far it is where no terminal can show a bar."""

Place = Annotated[
    str | None,
    typer.Argument(metavar="[SNAPSHOT]", help="A snapshot's folder, digest, or git revision; default: `data`."),
]
Against = Annotated[str | None, typer.Option("--against", help="An earlier snapshot to compare with, named alike.")]
Suites = Annotated[list[Path] | None, typer.Option("--suite", help="A further file of expectations; may be repeated.")]
Docs = Annotated[Path | None, typer.Option("--docs", help="Write Data Docs and a contact sheet into this folder.")]
Sheet = Annotated[Path | None, typer.Option("--sheet", help="Write a contact sheet of offending samples to this PNG.")]
Again = Annotated[bool, typer.Option("--again", help="Judge again, also where a verdict is stored.")]


@app.command()
def validate(
    snapshot: Place = None,
    against: Against = None,
    suite: Suites = None,
    docs: Docs = None,
    sheet: Sheet = None,
    again: Again = False,
    as_json: Json = False,
) -> None:
    """Judge a snapshot by suites of expectations; exit with 1 when a blocking one does not hold.

    The general suite always runs. The verdict is stored: a second run returns it at once.
    """
    from datetime import UTC, datetime

    from slipway.platform.data.validation.records import Question
    from slipway.platform.data.validation.records import validate as judge
    from slipway.platform.data.validation.suite import general_suite, read_suite
    from slipway.platform.machine import cores
    from slipway.platform.store import open_store

    loaded = load_settings()
    suites = [general_suite(), *(read_suite(path) for path in suite or ())]
    question = Question(
        snapshot=_snapshot(loaded, snapshot, images=True),
        previous=_snapshot(loaded, against, images=False) if against else None,
        suites=suites,
        now=datetime.now(UTC),
        threads=cores().threads,
        docs=docs,
        sheet=sheet or (docs / "offending.png" if docs else None),
        again=again,
    )
    with _progress() as progress:
        judged = judge(question, open_store(loaded.settings.store, loaded.settings.s3), progress)
    if as_json:
        print_json(judged.verdict.model_dump(mode="json") | {"passed": judged.verdict.passed, "key": judged.key})
    else:
        _tell(judged, suites)
    for path in filter(None, (docs / "index.html" if docs else None, question.sheet)):
        say(f"Written: {path}")
    raise typer.Exit(0 if judged.verdict.passed else 1)


def _snapshot(loaded: "Loaded", reference: str | None, *, images: bool) -> "Snapshot":
    """The snapshot that is meant, fetched where it is not at hand; what it is compared with needs no images."""
    from slipway.platform.data.reference import resolve
    from slipway.platform.data.snapshot import Snapshot

    with meter() as watcher:
        return Snapshot(resolve(reference, loaded, images=images, watcher=watcher))


def _tell(judged: "Judged", suites: "list[Suite]") -> None:
    """What failed, each with its sentence, then the sum."""
    from slipway.platform.data.validation.verdict import Severity

    verdict = judged.verdict
    failed = [one for severity in Severity for one in verdict.failed(severity)]
    if failed:
        rows = [
            ["failed" if one.severity is Severity.BLOCKING else "warning", one.suite, one.expectation, one.sentence]
            for one in failed
        ]
        print_table(["state", "suite", "expectation", "what"], rows)
    blocking, warnings = len(verdict.failed(Severity.BLOCKING)), len(verdict.failed(Severity.WARNING))
    names = ", ".join(one.name for one in suites)
    typer.echo(
        f"Snapshot {verdict.snapshot[:12]}: {len(verdict.findings)} expectations of {names}; "
        f"{blocking} blocking, {warnings} warnings."
    )
    if judged.known:
        say(f"This verdict is from {verdict.judged_at}; --again judges anew.")


@contextmanager
def _progress() -> "Iterator[Progress]":
    """A bar in a terminal; lines now and then where nobody watches."""
    if not sys.stderr.isatty():
        yield _Lines().tell
        return
    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, int] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(STAGES.get(stage, stage), total=total)
            bars.update(tasks[stage], completed=done, total=total)  # type: ignore[arg-type]

        yield tell


class _Lines:
    """Progress as plain lines: a stage's beginning, and each tenth of it."""

    def __init__(self) -> None:
        self._told: dict[str, int] = {}

    def tell(self, stage: str, done: int, total: int) -> None:
        step = done * STEPS // total if total else STEPS
        if self._told.get(stage, -1) >= step:
            return
        self._told[stage] = step
        say(f"{STAGES.get(stage, stage)}: {done:,} of {total:,}" if total > 1 else f"{STAGES.get(stage, stage)} ...")
