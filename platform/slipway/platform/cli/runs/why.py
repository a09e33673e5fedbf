"""`slipway why`: why a piece of work ran, ran again or did not, and what makes it other work than another run."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from slipway.platform.cli.output import Json, print_json, print_table, say
from slipway.platform.cli.session import load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slipway.platform.runs.comparing.differences import Difference
    from slipway.platform.runs.comparing.reasons import Other, Reasons

app = typer.Typer(add_completion=False)

SHOWN: Final = 40
"""Differences that a person is shown; --json has all."""
_DIGITS: Final = 12


@app.command()
def why(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's name, or the beginning of its key.")],
    than: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Compare with this run [default: the nearest of the same model]."),
    ] = None,
    json: Json = False,
) -> None:
    """Say why a run ran, or was not run again: its attempts, and what differs from other work.

    Work is named by its content: two runs are the same work unless data, view, references, configuration, code or lock
    differ. What is not in that list (target, notes, names, the `runtime` group) never makes a run run again.
    """
    from slipway.platform.runs.comparing.reasons import reasons
    from slipway.platform.runs.find import find
    from slipway.platform.runs.standing import Here
    from slipway.platform.store import open_store

    loaded = load_settings()
    store = open_store(loaded.settings.store, loaded.settings.s3)
    key = find(store, run)
    found = reasons(store, key, than=find(store, than) if than else None, here=Here.at(loaded.root))
    if json:
        print_json(found.as_data())
    else:
        _print(found)


def _print(found: "Reasons") -> None:
    from slipway.platform.runs.comparing.reasons import next_start

    typer.echo(f"{found.name}  {found.parts.model}  {found.parts.key}")
    typer.echo(f"{found.standing.told()} {next_start(found.standing)}")
    if found.tried:
        typer.echo()
        rows = [
            [
                str(one.spec.number),
                f"{one.state}: {one.outcome.cause}" if one.outcome and one.outcome.cause else str(one.state),
                one.spec.why,
                one.spec.submitted_by,
                one.spec.place.where,
                f"{one.spec.created:%Y-%m-%d %H:%M}",
                one.reason,
            ]
            for one in found.tried
        ]
        print_table(("attempt", "state", "why it began", "by", "on", "since", "how it ended"), rows)
    typer.echo()
    if found.other is None:
        typer.echo(f"There is no other run of {found.parts.model} to compare with.")
    else:
        _print_other(found.name, found.other)


def _print_other(name: str, other: "Other") -> None:
    from slipway.platform.runs.comparing.report import value_text

    count = len(other.differences)
    if not count:
        typer.echo(f"It is the same work as {other.name}.")
        return
    typer.echo(f"It is other work than {other.name} ({other.key[:11]}): {_counted(other.differences)}.")
    rows = [
        [one.part.value, one.name, value_text(one.before) or "-", value_text(one.after) or "-"]
        for one in other.differences
    ]
    print_table(("part", "what", other.name, name), rows[:SHOWN])
    if count > SHOWN:
        say(f"{count - SHOWN} more; --json shows them.")
    snapshots = next((one for one in other.differences if one.part == "snapshot"), None)
    if snapshots:
        say(f"`slipway data diff {snapshots.before[:_DIGITS]} {snapshots.after[:_DIGITS]}` shows what differs in it.")


def _counted(found: "Sequence[Difference]") -> str:
    words = {
        "config": ("key of the config", "keys of the config"),
        "code": ("file of the code", "files of the code"),
        "lock": ("line of the lock", "lines of the lock"),
        "view": ("setting of the view", "settings of the view"),
        "reference": ("reference", "references"),
    }
    counts: dict[str, int] = {}
    for one in found:
        counts[one.part.value] = counts.get(one.part.value, 0) + 1
    told = [f"{count} {words[part][count > 1]}" if part in words else f"the {part}" for part, count in counts.items()]
    several = len(found) > 1
    listed = f"{', '.join(told[:-1])} and {told[-1]}" if len(told) > 1 else told[0]
    return f"{listed} differ" if several else f"{listed} differs"
