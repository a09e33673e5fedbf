"""`slipway data label export`: rows that wait for a person, as a tool for labelling takes them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slipway.pipelines.cli.label.arguments import (
    Format,
    Model,
    Reference,
    State,
    TaskName,
    Where,
    found_site,
    gone_words,
    working,
)
from slipway.platform.cli.output import DryRun, Json, print_fields, print_json, say

if TYPE_CHECKING:
    from slipway.pipelines.labelling.gathering import Asked
    from slipway.pipelines.steps.site import Site
    from slipway.platform.cli.data.meter import Bars, Lines
    from slipway.platform.data.labels.sheets import Sheet
    from slipway.platform.data.snapshot import Snapshot

app = typer.Typer(add_completion=False)


@app.command()
def export(  # noqa: PLR0913 - options, which people write by name
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new or empty folder.")],
    *,
    to: Annotated[Format, typer.Option("--to", help="The tool's format.")],
    task: TaskName = None,
    model: Model = None,
    where: Where = None,
    state: Annotated[
        list[State] | None,
        typer.Option("--state", help="Rows in this state; again for more [default: unlabelled, auto, disputed]."),
    ] = None,
    snapshot: Reference = None,
    most: Annotated[int | None, typer.Option("--most", metavar="N", min=1, help="At most so many.")] = None,
    choices: Annotated[
        bool | None,
        typer.Option("--choices/--boxes", help="A category for each image, or boxes [default: as the model has it]."),
    ] = None,
    category: Annotated[
        list[str] | None, typer.Option("--category", metavar="NAME", help="One to choose that no row has yet.")
    ] = None,
    blind: Annotated[bool, typer.Option("--blind", help="Without what was said so far.")] = False,
    refer: Annotated[
        str | None,
        typer.Option("--refer", metavar="PREFIX", help="Write no pictures: the tool finds them below this address."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier export.")] = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Write what waits for a label, with what a machine or another person said of it, for a tool.

    Of a task its rows, and its pictures of devices that no snapshot has yet; else rows of the working snapshot.
    `slipway data label import` takes back what people made of it.
    """
    from slipway.pipelines.labelling.gathering import OPEN, Asked
    from slipway.pipelines.labelling.task import load_task
    from slipway.platform.cli.data.meter import meter
    from slipway.platform.data.exchange.delivery import check_destination

    site = found_site()
    out = out.absolute()
    check_destination(out, replace=force)
    asked = Asked(
        task=load_task(site.store, task) if task is not None else None,
        model=model,
        where=where,
        states=tuple(one.value for one in state) if state else OPEN,
        kind=None if choices is None else "choices" if choices else "boxes",
        categories=tuple(category or ()),
        blind=blind,
        most=most,
    )
    with meter() as progress:
        base = working(site, snapshot, progress)
        remarks = _gone(site, asked, base)
        sheet = _gathered(site, asked, base, refer, out, remarks)
        if not dry_run:
            remarks += _written(sheet, to, out, pictures=refer is None, force=force, progress=progress)
    _report(sheet, out, remarks, written=not dry_run, json=json)


def _gone(site: "Site", asked: "Asked", base: "Snapshot | None") -> list[str]:
    """A remark on pictures of the task that are nowhere."""
    from slipway.pipelines.labelling.devices import whereabouts

    if asked.task is None or not (gone := whereabouts(site.loaded, asked.task, base).gone):
        return []
    return [gone_words(gone, len(asked.task.wanted.pictures))]


def _gathered(
    site: "Site", asked: "Asked", base: "Snapshot | None", refer: str | None, out: Path, remarks: list[str]
) -> "Sheet":
    from dataclasses import replace

    from slipway.pipelines.labelling.gathering import sheet_of, to_label
    from slipway.platform.data.labels.sheets import FOLDER
    from slipway.platform.errors import WrongUse

    pictures = to_label(site.loaded, base, asked)
    if not pictures:
        told = ", ".join(asked.states)
        raise WrongUse(
            " ".join((f"Nothing waits there: no row that fits is {told}.", *remarks)),
            mend="`slipway data show` counts states; --state human gives what a second person should look at.",
        )
    name = f"{asked.task.model} {asked.task.short}" if asked.task is not None else asked.model or out.name
    return replace(sheet_of(name, pictures, base, asked), prefix=refer or FOLDER)


def _written(
    sheet: "Sheet", to: Format, out: Path, *, pictures: bool, force: bool, progress: "Bars | Lines"
) -> list[str]:
    from slipway.platform.data.exchange.delivery import delivered
    from slipway.platform.data.labels.formats import SHEET_WRITERS
    from slipway.platform.data.labels.sheets import FOLDER

    progress.expect("writing pictures", sum(len(one.data()) for one in sheet.pictures) if pictures else 0)
    with delivered(out, {"format": f"labels {to.value}", "name": sheet.name}, replace=force) as delivery:
        remarks = SHEET_WRITERS[to.value](sheet, delivery)
        for one in sheet.pictures if pictures else ():
            delivery.bytes(f"{FOLDER}/{one.file}", one.data())
            progress.advance(len(one.data()))
    return remarks


def _report(sheet: "Sheet", out: Path, remarks: list[str], *, written: bool, json: bool) -> None:
    from collections import Counter

    states = dict(sorted(Counter(one.state for one in sheet.pictures).items()))
    result = {"images": len(sheet.pictures), "states": states, "kind": sheet.kind, "categories": list(sheet.categories)}
    if json:
        print_json({**result, "folder": str(out), "remarks": remarks, "written": written})
        return
    for remark in remarks:
        say(remark)
    told = {"images": f"{len(sheet.pictures)} ({', '.join(f'{count} {name}' for name, count in states.items())})"}
    told |= {"to choose": f"{sheet.kind}: {', '.join(sheet.categories) or 'no category is known yet: --category'}"}
    print_fields({**told, "folder": str(out)} | ({} if written else {"changed": "nothing"}))
