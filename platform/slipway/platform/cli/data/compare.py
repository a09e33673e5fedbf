"""`slipway data diff`, `merge` and `merge-driver`: two snapshots side by side, and made into one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from slipway.platform.cli.data.meter import meter
from slipway.platform.cli.output import DryRun, Json, Yes, print_fields, print_json, print_table, say
from slipway.platform.cli.session import confirm_change, load_settings

if TYPE_CHECKING:
    from slipway.platform.data.merge_conflicts import Conflict
    from slipway.platform.data.shift import Shift
    from slipway.platform.data.snapshot import Snapshot
    from slipway.platform.settings import Loaded

app = typer.Typer(add_completion=False)

Before = Annotated[str, typer.Argument(metavar="A", help="A snapshot's folder, digest, or git revision.")]
After = Annotated[str, typer.Argument(metavar="B", help="Another one.")]
Limit = Annotated[int, typer.Option(min=1, help="As many rows are printed at most; --json has all.")]
TakeSide = Annotated[
    Literal["ours", "theirs"] | None, typer.Option(help="Whose value holds where both differ: A's or B's.")
]

QUIET = 0.01
"""Slices that moved less are not shown to a person."""


@app.command()
def diff(before: Before, after: After, limit: Limit = 20, json: Json = False) -> None:
    """Show what differs between two snapshots: rows, labels, splits, and the make-up of every slice.

    A slice is called shifted when the distance (Jensen-Shannon, 0 to 1) is at least 0.1 and chance is below 0.001.
    """
    from slipway.platform.data.comparison import as_data, as_rows
    from slipway.platform.data.diff import diff as compare
    from slipway.platform.data.shift import shifts

    first, second = _open(load_settings(), before, after, images=False)
    difference, moved = compare(first, second), shifts(first, second)
    if json:
        print_json(as_data(difference, moved))
        return
    print_fields({"before": f"{first.digest}  {before}", "after": f"{second.digest}  {after}"})
    typer.echo()
    if difference.empty:
        typer.echo("No row differs.")
    _print_counts(difference.counts)
    _print_shifts(moved)
    rows = as_rows(difference, limit)
    if rows:
        typer.echo()
        print_table(("sample", "source", "what", "before", "after"), rows)


@app.command()
def merge(
    ours: Before,
    theirs: After,
    base: Annotated[str | None, typer.Option(metavar="O", help="The snapshot that both came from.")] = None,
    into: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to; data/ if left out.")] = None,
    take: TakeSide = None,
    limit: Limit = 20,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Make one snapshot of two: all their images, with one label each.

    With --base a value that one side left alone is the other's. What both sides changed differently is listed, and
    nothing is written, unless --take says whose holds.
    """
    from slipway.platform.data.merge import MergeConflict, settled
    from slipway.platform.data.merge import merge as write

    loaded = load_settings()
    target = into or loaded.root / "data"
    sides = _open(loaded, ours, theirs, *([base] if base else []), images=not dry_run)
    origin = sides[2] if base else None
    _check_target(loaded, target, sides)
    try:
        if dry_run:
            merged = settled(sides[0], sides[1], origin, take)
            say(f"This would write {merged.index.num_rows:,} images to {target}. Nothing was changed.")
            return
        confirm_change(loaded, f"write the merged snapshot to {target}", yes)
        manifest = write(sides[0], sides[1], origin, target, take)
    except MergeConflict as conflict:
        _print_conflicts(conflict.conflicts, limit, json)
        raise
    if json:
        print_json({"digest": manifest.digest, "folder": str(target), "counts": dict(manifest.counts)})
    else:
        typer.echo(f"{target}: snapshot {manifest.digest}, {manifest.counts['images']:,} images.")


@app.command("merge-driver")
def merge_driver(
    base: Annotated[Path, typer.Argument(metavar="%O", help="The common ancestor's data.dvc.")],
    ours: Annotated[Path, typer.Argument(metavar="%A", help="Our data.dvc; the result is written here.")],
    theirs: Annotated[Path, typer.Argument(metavar="%B", help="Their data.dvc.")],
) -> None:
    """Merge data.dvc for git, which calls this when two branches changed the data.

    Set it up once: git config merge.slipway.driver 'slipway data merge-driver %O %A %B', and the line
    `data.dvc merge=slipway` in .gitattributes. Afterwards `slipway data pull` brings the merged snapshot.
    """
    from slipway.platform.data.errors import DataError
    from slipway.platform.data.merge import MergeConflict
    from slipway.platform.data.merge_driver import BY_HAND, merge_pointers, pointer_in
    from slipway.platform.data.project import Project

    loaded = load_settings()
    left, right = pointer_in(ours, "our data.dvc"), pointer_in(theirs, "their data.dvc")
    if left is None or right is None:
        raise DataError("One side's data.dvc is empty.", mend="`git checkout --ours data.dvc`, or --theirs, chooses.")
    try:
        with meter() as watcher:
            project = Project(loaded.root, loaded.settings)
            merged = merge_pointers(project, pointer_in(base, "the base's data.dvc"), left, right, watcher)
    except MergeConflict as conflict:
        _print_conflicts(conflict.conflicts, 20, json=False)
        conflict.mend = BY_HAND
        raise
    ours.write_text(merged.to_text(), encoding="utf-8")
    say(f"data.dvc names the merged snapshot {merged.digest[:12]} now; `slipway data pull` brings it into data/.")


def _open(loaded: "Loaded", *references: str, images: bool) -> "list[Snapshot]":
    from slipway.platform.data.reference import resolve
    from slipway.platform.data.snapshot import Snapshot

    with meter() as watcher:
        return [Snapshot(resolve(one, loaded, images=images, watcher=watcher)) for one in references]


def _check_target(loaded: "Loaded", target: Path, sides: "Sequence[Snapshot]") -> None:
    """Replace nothing that could not be had again: only one of the sides, or what is committed."""
    from slipway.platform.data.manifest import NAME, read_manifest
    from slipway.platform.data.project import Project
    from slipway.platform.data.record import load_record
    from slipway.platform.errors import WrongUse

    if not (target / NAME).is_file():
        return
    there = read_manifest(target).digest
    if there in {side.digest for side in sides}:
        return
    if load_record(Project(loaded.root, loaded.settings).store, there) is None:
        raise WrongUse(
            f"{target} holds snapshot {there[:12]}, which is neither side and not committed: it would be lost.",
            mend="`slipway data commit` keeps it, --into names another folder.",
        )


def _print_counts(counts: Mapping[str, int]) -> None:
    told = {}
    for what in ("images", "boxes"):
        changes = [
            f"{counts[f'{what} {how}']:,} {how}"
            for how in ("added", "removed", "relabelled", "moved")
            if counts.get(f"{what} {how}")
        ]
        told[what] = (
            f"{counts[f'{what} before']:,} → {counts[f'{what} after']:,}{': ' if changes else ''}{', '.join(changes)}"
        )
    if counts["identities added"] or counts["identities removed"]:
        told["identities"] = f"{counts['identities added']:,} added, {counts['identities removed']:,} removed"
    changed = sorted(((number, name) for name, number in counts.items() if name.endswith(" changed")), reverse=True)
    print_fields(told | {name: f"{number:,}" for number, name in changed})


def _print_shifts(shifts: "Sequence[Shift]") -> None:
    moved = [one for one in shifts if one.shifted or one.distance >= QUIET]
    if not moved:
        return
    typer.echo()
    rows = []
    for one in moved:
        largest = ", ".join(f"{value} {before:.1%} → {after:.1%}" for value, before, after in one.shares()[:3])
        rows.append(["shifted" if one.shifted else "", one.column, f"{one.distance:.3f}", f"{one.chance:.2g}", largest])
    print_table(("", "slice", "distance", "chance", "largest changes"), rows)


def _print_conflicts(conflicts: "Sequence[Conflict]", limit: int, json: bool) -> None:
    if json:
        from dataclasses import asdict

        print_json({"conflicts": [asdict(one) for one in conflicts]})
        return
    rows: list[list[Any]] = [[one.about[:12], one.source or "-", one.what, one.ours, one.theirs] for one in conflicts]
    print_table(("row", "source", "what", "ours", "theirs"), rows[:limit])
    if len(rows) > limit:
        say(f"{len(rows) - limit:,} more; --limit or --json shows them.")
