"""`slipway ledger`: what was decided, whether the list is what was written, and the list as a file.

`verify` is the one to believe: it looks at everything and names each entry that is wrong. The others end at the first.
"""

from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from slipway.platform.cli.output import DryRun, Json, print_fields, print_json, print_table, say
from slipway.platform.cli.session import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from slipway.platform.cli.progress import Display
    from slipway.platform.identity import People
    from slipway.platform.ledger.entry import Action, Written
    from slipway.platform.ledger.heads import Head
    from slipway.platform.ledger.ledger import Ledger
    from slipway.platform.ledger.verifying import Report, Told

app = typer.Typer(add_completion=False, help="Read, verify and export the list of decisions.")

SHORTEST_ID: Final = 6
"""Digits of a decision's id that are enough to look for it."""
TOLD_EVERY: Final = 250
"""Entries between two reports of progress."""
QUICK: Final = 1.5
"""Seconds that nobody needs to be told about."""


def _action_names() -> list[str]:
    from slipway.platform.ledger.entry import Action

    return [action.value for action in Action]


@app.command("list")
def list_entries(
    *,
    model: Annotated[str | None, typer.Option(help="Only those about this model.")] = None,
    action: Annotated[
        str | None, typer.Option(help="Only these decisions, such as `promote`.", autocompletion=_action_names)
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only from then on, such as 2026-01-31 (UTC).")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest.")] = 50,
    json: Json = False,
) -> None:
    """List decisions, the newest first. Times are UTC."""
    from slipway.platform.ledger.describing import COLUMNS, as_data, as_row
    from slipway.platform.names import nearest

    wanted, begin = _action(action), _date(since)
    entries = list(_read(_open()))
    found = [
        one
        for one in entries
        if model in (None, one.entry.decision.model)
        and wanted in (None, one.entry.decision.action)
        and (begin is None or one.entry.at >= begin)
    ]
    shown = found[: -limit - 1 : -1]
    if json:
        print_json([as_data(one) for one in shown])
    elif shown:
        print_table(COLUMNS, [as_row(one) for one in shown])
    if len(shown) < len(found):
        say(f"These are the newest {len(shown)} of {len(found)}: --limit shows more.")
    elif not found:
        say("No decision is like that." if entries else "Nothing has been decided yet.")
        close = nearest(model, {one.entry.decision.model for one in entries}) if model else None
        if close not in (None, model):
            say(f"Did you mean --model {close}?")


@app.command()
def show(
    which: Annotated[
        str, typer.Argument(metavar="NUMBER|ID", help="An entry's number, or how a decision's id begins.")
    ],
    json: Json = False,
) -> None:
    """Show all that an entry says."""
    from slipway.platform.ledger.describing import as_data, as_fields

    found = _chosen(which, list(_read(_open())))
    if json:
        print_json(as_data(found))
    else:
        print_fields(as_fields(found))


@app.command()
def verify(
    export: Annotated[
        Path | None,
        typer.Argument(metavar="[EXPORT]", help="A file that `export` wrote; without it, the store's list."),
    ] = None,
    *,
    people: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Whose keys to trust, instead of those that are set or exported."),
    ] = None,
    head: Annotated[
        str | None, typer.Option(metavar="NUMBER:DIGEST", help="An entry that you noted; it must be there.")
    ] = None,
    known: Annotated[
        list[int] | None,
        typer.Option("--known", metavar="NUMBER", help="A void entry that you know of; may be repeated."),
    ] = None,
    json: Json = False,
) -> None:
    """Say whether every entry is what was written, in its place, by whom it says; name each that is not."""
    from slipway.platform.ledger.describing import report_as_data

    noted = [(_head(head), "you")] if head else []
    if export is None:
        with _progress("verifying the ledger") as told:
            report = _open(people).verify(noted, told)
    else:
        report = _verify_file(export, people, noted)
    if json:
        print_json(report_as_data(report))
    else:
        _tell(report)
    if _bad(report, known or []):
        raise typer.Exit(1)


@app.command()
def export(
    place: Annotated[Path, typer.Argument(metavar="DIR|FILE", help="Where to write it; `ledger.jsonl` in a folder.")],
    *,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Write the list into a file that can be verified without this store."""
    from slipway.platform.ledger.describing import report_as_data
    from slipway.platform.ledger.exporting import export_path

    ledger, path = _open(), export_path(place)
    if dry_run:
        newest = ledger.head()
        say(f"This would write {newest.entry.number if newest else 0} entries to {path}.")
        return
    with _progress("exporting the ledger") as told:
        heading, report = ledger.export(path, told)
    if json:
        print_json({"file": str(path)} | report_as_data(report))
    else:
        say(f"Written: {heading.count} entries to {path}.")
        _tell(report)
    if report.problems:
        raise typer.Exit(1)


def _open(people: Path | None = None) -> "Ledger":
    """The ledger of the context."""
    from slipway.platform.ledger.ledger import Ledger
    from slipway.platform.store import open_store
    from slipway.platform.store.opening import check_place

    loaded = load_settings()
    store = open_store(loaded.settings.store, loaded.settings.s3)
    check_place(store)
    return Ledger.of(loaded, store, people=None if people is None else _people(people))


def _people(path: Path) -> "People":
    from slipway.platform.errors import WrongUse
    from slipway.platform.identity import load_people

    if not path.is_file():
        raise WrongUse(f"There is no people file at {path}.")
    return load_people(path)


def _verify_file(path: Path, people: Path | None, noted: "list[tuple[Head, str]]") -> "Report":
    from dataclasses import replace

    from slipway.platform.ledger.exporting import export_path, noted_in, people_in, read_export
    from slipway.platform.ledger.verifying import verify_lines

    export = read_export(export_path(path))
    trusted = people_in(export, path) if people is None else _people(people)
    with _progress("verifying the export") as told:
        report = verify_lines(export.envelopes, trusted, [*noted, *noted_in(export)], told)
    return replace(report, problems=(*export.problems, *report.problems))


def _tell(report: "Report") -> None:
    """The outcome for a person: problems and head to standard output, what to do to standard error."""
    from slipway.platform.ledger.describing import problem_line

    for problem in report.problems:
        typer.echo(problem_line(problem))
    for mend in dict.fromkeys(one.mend for one in report.problems if one.mend):
        say(f"  {mend}")
    count = f"{report.count} {'entry' if report.count == 1 else 'entries'}"
    if report.problems:
        say(f"{count}, and what is wrong with the list stands above.")
        return
    say(f"{count}: all there, in their order, signed by who might.")
    if report.head is not None:
        typer.echo(f"head {report.head}")


def _bad(report: "Report", known: list[int]) -> bool:
    """Whether there is more than void entries that somebody knows of."""
    from slipway.platform.ledger.checking import Kind

    return any(one.kind is not Kind.VOID or one.number not in known for one in report.problems)


def _read(ledger: "Ledger") -> "Iterator[Written]":
    with _progress("reading the ledger") as told:
        for count, one in enumerate(ledger.entries(), start=1):
            told(count)
            yield one


def _chosen(which: str, entries: "list[Written]") -> "Written":
    """The one entry that a number or the beginning of an id means."""
    from slipway.platform.errors import WrongUse

    if which.isdecimal() and (same := [one for one in entries if one.entry.number == int(which)]):
        return same[0]
    wanted = which.lower()
    found = [one for one in entries if len(wanted) >= SHORTEST_ID and one.entry.decision.id.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    last = entries[-1].entry.number if entries else 0
    raise WrongUse(
        f"`{which}` begins the ids of {len(found)} decisions." if found else f"The ledger has no entry `{which}`.",
        mend="Write more of the id."
        if found
        else f"Entries are numbered up to {last}; of a decision's id at least {SHORTEST_ID} digits are needed. "
        "`slipway ledger list` shows the entries.",
    )


def _action(name: str | None) -> "Action | None":
    from slipway.platform.errors import WrongUse
    from slipway.platform.ledger.entry import Action
    from slipway.platform.names import suggestion

    if name is None:
        return None
    try:
        return Action(name)
    except ValueError:
        raise WrongUse(f"There is no action `{name}`.", mend=suggestion(name, _action_names())) from None


def _date(text: str | None) -> "datetime | None":
    from datetime import UTC, datetime

    from slipway.platform.errors import WrongUse

    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise WrongUse(f"`{text}` is no date.", mend="Write it like 2026-01-31 or 2026-01-31T09:00:00Z.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _head(text: str) -> "Head":
    import re

    from slipway.platform.errors import WrongUse
    from slipway.platform.ledger.heads import Head

    if not re.fullmatch(r"[1-9][0-9]{0,11}:[0-9a-f]{64}", text):
        raise WrongUse(
            f"`{text}` is no head of a ledger.",
            mend="Write it as `slipway ledger verify` prints it: the number, a colon and the 64 digits of the digest.",
        )
    number, _, digest = text.partition(":")
    return Head(number=int(number), digest=digest)


@contextmanager
def _progress(what: str) -> "Iterator[Told]":
    """Says how many entries were looked at, once it takes long."""
    import time

    from slipway.platform.cli.progress import display

    begun = time.monotonic()
    with ExitStack() as stack:
        shown: list[Display] = []

        def told(count: int) -> None:
            if count % TOLD_EVERY or time.monotonic() - begun < QUICK:
                return
            shown.extend([stack.enter_context(display())] if not shown else [])
            shown[0].progress({"phase": what}, f"entry {count:,}")

        yield told
