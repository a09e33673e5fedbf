"""`slipway data show` and `verify`: what is in a snapshot, and whether it is whole."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slipway.platform.cli.data.meter import meter
from slipway.platform.cli.output import Json, print_fields, print_json, print_table, say
from slipway.platform.cli.session import load_settings

if TYPE_CHECKING:
    import pyarrow as pa

    from slipway.platform.data.snapshot import Snapshot

app = typer.Typer(add_completion=False)

NAMED = 12
"""Values of a column that a person is shown; --json has all."""

Reference = Annotated[
    str | None,
    typer.Argument(metavar="[SNAPSHOT]", help="A snapshot's folder, digest, or git revision; data/ if left out."),
]


@app.command()
def show(
    snapshot: Reference = None,
    where: Annotated[
        str | None,
        typer.Option(help="Only matching rows, such as: camera=north and day>=2026-03-01 and light in (night, dusk)"),
    ] = None,
    sample: Annotated[
        str | None, typer.Option(metavar="ID", help="One sample, by the beginning of its id: row, boxes, tracks.")
    ] = None,
    gallery: Annotated[
        Path | None, typer.Option(metavar="PNG", help="Write a contact sheet of the rows with their boxes.")
    ] = None,
    sort: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Order of the rows; `-day` means the latest first.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="As many rows or tiles at most.")] = 24,
    columns: Annotated[int, typer.Option(min=1, max=20, help="Tiles beside each other.")] = 4,
    json: Json = False,
) -> None:
    """Show what is in a snapshot: numbers, origin, licence; or chosen rows; or one sample.

    A filter compares columns of the index, and of boxes (category, identity, track, ...): an image fits if any of its
    boxes does; box(category=van and occlusion>0.5) asks for one box that is both. Operators: = != < <= > >= ~
    (contains), in (...), is none; joined by not, and, or. Without --sort the rows are a fair draw, always the same.
    """
    from slipway.platform.data.overview import ordered, overview, rows, sample_details
    from slipway.platform.data.selection import find_sample, select

    opened = _open(snapshot, images=gallery is not None)
    chosen = select(opened, where)
    if sort is not None:
        chosen = ordered(chosen, _column(opened, sort))
    if sample is not None:
        name = find_sample(opened, sample)
        chosen = _only(opened, name)
        _show_sample(sample_details(opened, name), json)
    elif where is None and sort is None:
        _show_overview(overview(opened, chosen), json)
    else:
        _show_rows(rows(opened, chosen.slice(0, limit)), chosen.num_rows, opened, json)
    if gallery is not None:
        _write_gallery(opened, chosen, gallery, where, columns=columns, limit=limit)


@app.command()
def verify(
    snapshot: Reference = None,
    limit: Annotated[int, typer.Option(min=1, help="As many findings are printed at most.")] = 50,
    json: Json = False,
) -> None:
    """Check every file against the manifest and every row against its bytes; exit with 1 if anything is wrong."""
    from itertools import islice

    from slipway.platform.data.verify import verify as findings_of
    from slipway.platform.machine import cores

    opened = _open(snapshot, images=True)
    with meter() as watcher:
        found = list(islice(findings_of(opened, threads=cores().threads, watcher=watcher), limit + 1))
    if json:
        told = [{"message": str(one), "mend": one.mend} for one in found[:limit]]
        print_json({"digest": opened.digest, "folder": str(opened.folder), "ok": not found, "findings": told})
    else:
        for one in found[:limit]:
            typer.echo(f"{one}  {one.mend or ''}".rstrip())
    if len(found) > limit:
        say(f"More than {limit} findings; --limit shows more.")
    if found:
        raise typer.Exit(1)
    if not json:
        typer.echo(f"{opened.folder} is whole: {opened.index.num_rows:,} images, snapshot {opened.digest}.")


def _open(reference: str | None, *, images: bool) -> "Snapshot":
    from slipway.platform.data.reference import resolve
    from slipway.platform.data.snapshot import Snapshot

    with meter() as watcher:
        return Snapshot(resolve(reference, load_settings(), images=images, watcher=watcher))


def _only(snapshot: "Snapshot", sample: str) -> "pa.Table":
    from slipway.platform.data.columns import equal, where

    return where(snapshot.index, equal(snapshot.index["sample"], sample))


def _column(snapshot: "Snapshot", sort: str) -> str:
    """A column to sort by, or the nearest one."""
    from slipway.platform.errors import WrongUse
    from slipway.platform.names import suggestion

    name = sort.removeprefix("-")
    if name not in snapshot.index.column_names:
        raise WrongUse(f"There is no column `{name}` to sort by.", mend=suggestion(name, snapshot.index.column_names))
    return sort


def _show_overview(told: Mapping[str, Any], json: bool) -> None:
    if json:
        print_json(told)
        return
    origins = "; ".join(f"{one['kind']} {one['source']}" for one in told["provenance"])
    print_fields(
        {
            "snapshot": told["digest"],
            "folder": told["folder"],
            "images": f"{told['images']:,}, {told['bytes'] / 1e6:,.1f} MB",
            "shards": f"{told['shards']:,}",
            "boxes": f"{told['boxes']:,}",
            "identities": f"{told['identities']:,}",
            "licence": told["licence"],
            "from": origins or "unknown",
        }
    )
    typer.echo()
    print_fields({name: _shares(values) for name, values in told["by"].items() if values})


def _shares(values: Mapping[str, int]) -> str:
    """Values with their numbers and shares: all where they are few, else the most frequent ones."""
    total = sum(values.values())
    names = list(values)
    if len(names) > NAMED:
        names = sorted(names, key=lambda name: (-values[name], name))[:NAMED]
    shown = ", ".join(f"{name} {values[name]:,} ({values[name] / total:.0%})" for name in names)
    return f"{shown} and {len(values) - NAMED} more" if len(values) > NAMED else shown


def _show_rows(rows: list[dict[str, Any]], matching: int, snapshot: "Snapshot", json: bool) -> None:
    if json:
        print_json({"digest": snapshot.digest, "matching": matching, "rows": rows})
        return
    if rows:
        names = ("sample", "split", "site", "camera", "day", "light", "weather", "label_state", "boxes", "source")
        print_table(names, [[_cell(name, row[name]) for name in names] for row in rows])
    shown = f"; {len(rows)} are shown" if matching > len(rows) else ""
    say(f"{matching:,} of {snapshot.index.num_rows:,} images match{shown}.")


def _cell(name: str, value: Any) -> str:  # noqa: ANN401 - a value of any column
    if name == "sample":
        return str(value)[:12]
    if name == "boxes":
        return ", ".join(f"{number} {category}" for category, number in value.items()) or "-"
    if isinstance(value, float):
        return f"{value:g}"
    return "-" if value is None else str(value)


def _show_sample(told: Mapping[str, Any], json: bool) -> None:
    if json:
        print_json(told)
        return
    print_fields({name: "-" if value is None else str(value) for name, value in told["row"].items()})
    typer.echo()
    names = ("category", "identity", "track", "x", "y", "w", "h", "occlusion", "label_state", "author")
    print_table(names, [[_cell(name, box[name]) for name in names] for box in told["boxes"]])
    for track, place in told["tracks"].items():
        before, after = (str(place[side] or "none")[:12] for side in ("before", "after"))
        typer.echo(f"track {track}: {place['place']} of {place['length']}; before it {before}, after it {after}")


def _write_gallery(
    snapshot: "Snapshot", chosen: "pa.Table", target: Path, where: str | None, *, columns: int, limit: int
) -> None:
    from slipway.platform.data.gallery import contact_sheet, save_sheet

    shown = chosen.slice(0, limit)
    title = f"{shown.num_rows} of {chosen.num_rows:,} images of snapshot {snapshot.digest[:12]}"
    sheet = contact_sheet(snapshot, shown, title, columns=columns, subtitle=where or "")
    save_sheet(sheet, target)
    say(f"Wrote {target}: {title}.")
