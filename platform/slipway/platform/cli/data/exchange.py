"""`slipway data import` and `export`: snapshots from and to the formats of others."""

import sys
import time
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import typer

from slipway.platform.cli.output import DryRun, Json, print_fields, print_json, say
from slipway.platform.cli.session import load_settings
from slipway.platform.errors import WrongUse

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from slipway.platform.data.exchange.plan import Plan
    from slipway.platform.data.snapshot import Snapshot

app = typer.Typer(add_completion=False)

PLAIN_EVERY_SECONDS = 5.0


class Source(StrEnum):
    """Formats that can be read."""

    coco = "coco"
    mot = "mot"
    reid = "reid"
    imagefolder = "imagefolder"


class Target(StrEnum):
    """Formats that can be written."""

    coco = "coco"
    mot = "mot"
    reid = "reid"


class SplitChoice(StrEnum):
    """Where imported images go; `auto`: the source's own splits, else by group."""

    auto = "auto"
    train = "train"
    validation = "validation"
    test = "test"


class LabelState(StrEnum):
    """How far the labels of the source can be trusted."""

    auto = "auto"
    human = "human"
    reviewed = "reviewed"
    disputed = "disputed"


@app.command("import")
def import_(
    kind: Annotated[Source, typer.Argument(metavar="FORMAT", help="coco, mot, reid or imagefolder.")],
    source: Annotated[
        Path, typer.Argument(metavar="SRC", help="The folder to import; COCO: also one annotation file.")
    ],
    into: Annotated[Path | None, typer.Option("--into", help="Snapshot folder to add to [default: data].")] = None,
    name: Annotated[str | None, typer.Option(help="What the source is called [default: its folder's name].")] = None,
    site: Annotated[str | None, typer.Option(help="Site of all images.")] = None,
    camera: Annotated[str | None, typer.Option(help="Camera of all images.")] = None,
    day: Annotated[str | None, typer.Option(help="Day of all images, as 2026-11-20.")] = None,
    legal_basis: Annotated[str | None, typer.Option(help="Why the images may be used.")] = None,
    retention: Annotated[str | None, typer.Option(help="Day until which they may be kept.")] = None,
    licence: Annotated[str | None, typer.Option(help="Licence of the source, as an SPDX expression.")] = None,
    split: Annotated[SplitChoice, typer.Option(help="auto: the source's own, else by group.")] = SplitChoice.auto,
    category: Annotated[str, typer.Option(help="Category of what the source gives none.")] = "object",
    label_state: Annotated[LabelState, typer.Option(help="Who made or checked the labels.")] = LabelState.human,
    author: Annotated[str | None, typer.Option(help="Author of the labels.")] = None,
    max_pixels: Annotated[int, typer.Option(min=1, help="Refuse larger images.")] = 100_000_000,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Add COCO, MOTChallenge, re-identification or image folders to the working snapshot."""
    from slipway.platform.data.exchange.adding import add_plan
    from slipway.platform.data.exchange.formats import READERS
    from slipway.platform.data.exchange.plan import Options, make_plan

    options = Options(
        name=name,
        site=site,
        camera=camera,
        day=_iso_day(day, "--day"),
        legal_basis=legal_basis,
        retention=_iso_day(retention, "--retention"),
        licence=licence,
        split=None if split is SplitChoice.auto else split.value,
        category=category,
        label_state=label_state.value,
        author=author,
        max_pixels=max_pixels,
    )
    target = _snapshot_folder(into)
    base = _snapshot_if_any(target)
    with _ImageProgress() as progress:
        draft = READERS[kind.value](source, options)
        plan = make_plan(draft, options, base, progress)
        for remark in plan.remarks:
            progress.note(remark)
        digest = None
        if not dry_run and (plan.images or base is None):
            digest = add_plan(plan, target, base, licence, progress).digest
    _report(plan, target, digest, as_json)


@app.command("export")
def export(
    kind: Annotated[Target, typer.Argument(metavar="FORMAT", help="coco, mot or reid.")],
    destination: Annotated[Path, typer.Argument(metavar="DEST", help="A new or empty folder.")],
    source: Annotated[Path | None, typer.Option("--from", help="Snapshot folder [default: data].")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier export.")] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Write the working snapshot as COCO, MOTChallenge or re-identification folders."""
    from slipway.platform.data.exchange.delivery import Count, check_destination, delivered
    from slipway.platform.data.exchange.formats import WRITERS
    from slipway.platform.data.snapshot import Snapshot

    snapshot = Snapshot(_snapshot_folder(source))
    destination = destination.absolute()
    check_destination(destination, replace=force)
    with _ImageProgress() as progress:
        if dry_run:
            sink = Count()
            remarks, images = WRITERS[kind.value](snapshot, sink), sink.images
        else:
            progress.expect("writing", snapshot.index.num_rows)
            mark = {"format": kind.value, "snapshot": snapshot.digest}
            with delivered(destination, mark, progress, replace=force) as delivery:
                remarks = WRITERS[kind.value](snapshot, delivery)
            images = delivery.images
    for remark in remarks:
        say(remark)
    result = {"images": images, "folder": str(destination), "snapshot": snapshot.digest}
    if as_json:
        print_json(result | {"remarks": remarks, "written": not dry_run})
    else:
        print_fields({key: str(value) for key, value in result.items()} | ({"changed": "nothing"} if dry_run else {}))


def _report(plan: "Plan", target: Path, digest: str | None, as_json: bool) -> None:
    counts = plan.counts()
    result = {"new images": len(plan.images), "known images": plan.known, "folder": str(target), "snapshot": digest}
    if as_json:
        keys = {key.replace(" ", "_"): value for key, value in result.items()}
        print_json(keys | counts | {"remarks": list(plan.remarks)})
        return
    fields = {key: str(value) for key, value in result.items() if value is not None}
    fields |= {kind: ", ".join(f"{name} {count}" for name, count in sorted(counts[kind].items())) for kind in counts}
    print_fields(fields if digest is not None else fields | {"changed": "nothing"})


def _snapshot_folder(given: Path | None) -> Path:
    return given.absolute() if given is not None else load_settings().root / "data"


def _snapshot_if_any(folder: Path) -> "Snapshot | None":
    from slipway.platform.data.manifest import NAME
    from slipway.platform.data.snapshot import Snapshot
    from slipway.platform.data.staging import recover

    recover(folder)
    return Snapshot(folder) if (folder / NAME).exists() else None


def _iso_day(text: str | None, option: str) -> str | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise WrongUse(f"{option} is `{text}`, which is no day.", mend="Write it as 2026-11-20.") from None


class _ImageProgress:
    """A bar in a terminal, a line now and then elsewhere; hears from several threads."""

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._step, self._done, self._total = "", 0, 0
        self._told = time.monotonic()

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def expect(self, step: str, total: int) -> None:
        """A step begins that handles this many images."""
        self._step, self._done, self._total = step, 0, total
        self._told = time.monotonic()
        if self._bar is not None:
            self._task = self._bar.add_task(step, total=total)

    def advance(self, count: int) -> None:
        """So many images more are done."""
        self._done += count
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task, count)
        elif self._bar is None and time.monotonic() - self._told > PLAIN_EVERY_SECONDS:
            self._told = time.monotonic()
            say(f"{self._step}: {self._done:,} of {self._total:,} images")

    def note(self, text: str) -> None:
        """A remark for the person."""
        say(text)
