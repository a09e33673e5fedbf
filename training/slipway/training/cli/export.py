"""`slipway export`: make a bundle of a finished training, attach to who does, or return the one that is there."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slipway.platform.cli.jobs.arguments import Run, Wait, open_desk, target_names
from slipway.platform.cli.output import DryRun, Json, Yes, print_fields, print_json, print_table
from slipway.platform.cli.session import confirm_change

if TYPE_CHECKING:
    from slipway.platform.jobs.api import Desk
    from slipway.platform.jobs.submitting.starting import Brought
    from slipway.platform.registry.bundles import Kept
    from slipway.training.cli.asking import Said
    from slipway.training.export.planning import PlannedExport

app = typer.Typer(add_completion=False)

DIGITS = 12
MB = 1_000_000


@app.command()
def export(  # noqa: PLR0913 - what a person may say
    run: Run,
    *,
    on: Annotated[
        str | None,
        typer.Option(
            "--on", metavar="TARGET", help="Where; in this process unless given.", autocompletion=target_names
        ),
    ] = None,
    wait: Wait = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="A folder that the bundle is copied to.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Export anew, also what is done.")] = False,
    dry_run: DryRun = False,
    json: Json = False,
    yes: Yes = False,
) -> None:
    """Make a bundle of a finished run: ONNX variants as the model's devices ask, golden answers, manifest.

    The same export is never done twice: asking again attaches to it, or says at once what there is.
    """
    from slipway.training.cli import asking
    from slipway.training.export.planning import plan_export
    from slipway.training.export.tensorrt.module import find_maker

    desk = open_desk()
    planned = plan_export(run, desk.loaded, desk.store, tensorrt=find_maker())
    said = asking.said(name=None, note="", tags=[], again=again)
    if dry_run:
        told = asking.foretold(planned.planned, desk, said)
        print_json(told) if json else print_fields(told)
        return
    confirm_change(desk.loaded, f"export {run}", yes)
    brought = _here(planned, desk, said)
    _tell(planned, brought, desk, output, json=json)


def _here(planned: "PlannedExport", desk: "Desk", said: "Said") -> "Brought":
    from slipway.platform.cli.progress import display
    from slipway.platform.jobs.submitting.starting import bring_about

    with display() as watcher:
        return bring_about(planned.planned, said.request(desk.loaded), desk.loaded, watcher, store=desk.store)


def _tell(planned: "PlannedExport", brought: "Brought", desk: "Desk", output: Path | None, *, json: bool) -> None:
    from slipway.platform.cli.jobs.following import tell_end
    from slipway.platform.registry.bundles import fetch_bundle
    from slipway.platform.registry.exports import keep_export

    if brought.result is None:
        tell_end(brought, planned.planned.key, desk, json=json)
        return
    kept = keep_export(desk.store, brought.result, planned.run)
    if output is not None:
        fetch_bundle(desk.store, kept, output)
    told = _told(planned, brought, kept)
    if json:
        print_json(told)
        return
    print_fields({"bundle": kept.digest, "model": kept.model, "run": planned.run, "work": brought.name})
    typer.echo()
    print_table(("variant", "file", "size", "engine"), [_row(kept, name) for name in kept.manifest["variants"]])


def _row(kept: "Kept", name: str) -> list[str]:
    part = kept.manifest["variants"][name]
    engine = part["engine"]
    told = "" if engine is None else "built" if engine["built"] else "; ".join(engine["problems"])
    return [name, part["file"], f"{kept.files[part['file']].size / MB:.2f} MB", told]


def _told(planned: "PlannedExport", brought: "Brought", kept: "Kept") -> dict[str, Any]:
    return {
        "bundle": kept.digest,
        "model": kept.model,
        "run": planned.run,
        "work": planned.planned.key,
        "how": brought.how,
    }
