"""`slipway backup` and `slipway restore`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slipway.platform.cli.data.meter import counter
from slipway.platform.cli.output import DryRun, Json, Yes, print_json, print_table, say
from slipway.platform.cli.session import confirm_change, load_settings

if TYPE_CHECKING:
    from datetime import datetime

    from slipway.pipelines.backup.place import Place
    from slipway.pipelines.backup.records import Backup, Kept

app = typer.Typer(add_completion=False)
restoring_app = typer.Typer(add_completion=False)
MIB = 1024 * 1024

Without = Annotated[
    list[str] | None,
    typer.Option("--without", metavar="PART", help="Leave this part out; may be repeated."),
]
At = Annotated[str | None, typer.Option("--at", metavar="NAME", help="An older backup than the newest.")]


@app.command()
def backup(
    dest: Annotated[str, typer.Argument(metavar="DEST", help="A directory, or s3://bucket/prefix, for backups alone.")],
    *,
    without: Without = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read a backup that is there, and say if it is whole.")
    ] = False,
    list_them: Annotated[bool, typer.Option("--list", help="List the backups that are there.")] = False,
    at: At = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Copy fleet store, channel, store, MLflow and people file of this context to DEST, while they are in use.

    What is at DEST already is not sent again. A backup is there when its record is, which is written last; one that was
    interrupted costs nothing but a repetition. Private keys are not copied. With --verify, exit code 1 says that
    something is missing or damaged.
    """
    from slipway.pipelines.backup.parts import check_apart, parts_of
    from slipway.pipelines.backup.place import Place
    from slipway.pipelines.backup.taking import take
    from slipway.platform.errors import WrongUse

    loaded = load_settings()
    place = Place.named(dest, loaded)
    if list_them:
        _list(place, json=json)
        return
    if verify:
        raise typer.Exit(0 if _verified(place, at, json=json) else 1)
    if at is not None:
        raise WrongUse("--at names a backup that is there.", mend="Use it with --verify, or with `slipway restore`.")
    left = tuple(without or ())
    parts = parts_of(loaded, left)
    check_apart(parts, place.store.url)
    place.check()
    if dry_run:
        _show([{"part": one.name, "kind": one.kind, "where": one.where, "has": one.size()} for one in parts], json=json)
        say("Nothing was copied.")
        return
    place.make()
    with counter() as told:
        name, done = take(parts, place, told, context=loaded.context, without=left, now=_now)
    _tell(name, done, place, json=json)


@restoring_app.command()
def restore(
    src: Annotated[str, typer.Argument(metavar="SRC", help="Where `slipway backup` keeps them.")],
    *,
    at: At = None,
    without: Without = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Put a backup back into the places that the settings of this context name.

    All of the backup is read and checked before anything changes. A place that holds anything else is refused without
    --yes. Stop what uses the places first. Interrupted, the same command goes on.
    """
    from slipway.pipelines.backup import restoring
    from slipway.pipelines.backup.parts import check_apart, parts_of
    from slipway.pipelines.backup.place import Place

    loaded = load_settings()
    place = Place.named(src, loaded)
    name, found = place.load(at)
    parts = parts_of(loaded, {*(without or ()), *found.without})
    check_apart(parts, place.store.url)
    with counter() as told:
        restoring.check(name, found, place, told)
        planned = restoring.plan(parts, found, told)
    rows = [
        {
            "part": one.part.name,
            "to": one.part.where,
            "there": one.look.found or str(one.look.state),
            **_amount(one.kept),
        }
        for one in planned
    ]
    if dry_run:
        _show(rows, json=json)
        say(f"The backup {name} is whole. Nothing was changed.")
        return
    restoring.check_free(planned, yes=yes)
    confirm_change(loaded, f"put the backup {name} into the places of this context", yes)
    with counter() as told:
        restoring.restore(planned, place, told)
    _show(rows, json=json)
    if any(one.part.name == "store" and one.look.found for one in planned):
        cache = loaded.settings.data.cache / "ledger"
        say(f"A machine that has read later decisions refuses these until {cache} is deleted there.")
    say(f"The backup {name} is back. `slipway ledger verify` looks at the decisions, `slipway doctor` at the rest.")


def _now() -> "datetime":
    from datetime import UTC, datetime

    return datetime.now(UTC)


def _list(place: "Place", *, json: bool) -> None:
    found = [(name, place.load(name)[1]) for name, _ in place.names()]
    rows = [
        {
            "backup": name,
            "context": one.context,
            "parts": ", ".join(part.name for part in one.parts),
            "objects": len(one.pieces),
            "mib": _mib(sum(part.size for part in one.parts)),
        }
        for name, one in found
    ]
    _show(rows, json=json)
    if not rows:
        say(f"{place.store.url} holds no backup.")


def _verified(place: "Place", at: str | None, *, json: bool) -> bool:
    """Whether the backup is whole; what is not is told."""
    from slipway.pipelines.backup.taking import troubles

    name, found = place.load(at)
    with counter() as told:
        wrong = troubles(found, place, told)
    if json:
        print_json({"backup": name, "pieces": len(found.pieces), "wrong": wrong})
    elif wrong:
        for line in wrong:
            typer.echo(line)
        say(f"The backup {name} is not whole. Delete what is damaged, and the next backup brings it anew.")
    else:
        typer.echo(f"The backup {name} is whole: {len(found.pieces)} pieces are what they should be.")
    return not wrong


def _tell(name: str, done: "Backup", place: "Place", *, json: bool) -> None:
    rows = [{"part": one.name, "from": one.where, **_amount(one)} for one in done.parts]
    if json:
        seconds = (done.ended - done.begun).total_seconds()
        sent = {"objects": place.sent, "bytes": place.sent_bytes}
        print_json({"backup": name, "place": place.store.url, "parts": rows, "new": sent, "seconds": seconds})
        return
    _show(rows, json=False)
    say(f"The backup {name} is in {place.store.url}; {place.sent} pieces ({_mib(place.sent_bytes)} MiB) of it are new.")
    if done.without:
        say(f"Left out: {', '.join(done.without)}.")


def _amount(kept: "Kept") -> dict[str, Any]:
    return {"objects": len(kept.pieces), "mib": _mib(kept.size)}


def _mib(size: int) -> float:
    return round(size / MIB, 1)


def _show(rows: Sequence[Mapping[str, Any]], *, json: bool) -> None:
    if json:
        print_json(rows)
    elif rows:
        print_table(list(rows[0]), [[str(value) for value in row.values()] for row in rows])
