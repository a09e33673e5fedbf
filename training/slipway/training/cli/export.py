"""`slipway export`: make a bundle of a finished run, attach to who does, or say which there is."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from slipway.platform.cli.jobs.arguments import Run, Wait, open_desk, target_names
from slipway.platform.cli.output import DryRun, Json, Yes, print_fields, print_json, print_table, say
from slipway.platform.cli.session import confirm_change

if TYPE_CHECKING:
    from slipway.platform.jobs.api import Desk
    from slipway.platform.jobs.submitting.placing import Placement
    from slipway.platform.jobs.submitting.starting import Brought
    from slipway.platform.jobs.submitting.submission import Submitted
    from slipway.platform.registry.bundles import Kept
    from slipway.training.cli.asking import Said
    from slipway.training.export.planning import PlannedExport

app = typer.Typer(add_completion=False)

MB: Final = 1_000_000
TOLD: Final = 3


@app.command()
def export(  # noqa: PLR0913 - what a person may say
    run: Run,
    *,
    on: Annotated[
        str | None,
        typer.Option(
            "--on", metavar="TARGET", help="Where; on this machine unless given.", autocompletion=target_names
        ),
    ] = None,
    wait: Wait = False,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="DIR", help="A folder that the bundle is copied to.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Also what is done, from the beginning.")] = False,
    dry_run: DryRun = False,
    json: Json = False,
    yes: Yes = False,
) -> None:
    """Make a bundle of a finished run: the ONNX variants that the model's devices ask for, golden answers, manifest.

    The same export is never done twice: asking again attaches to it, or says at once which bundle there is.
    """
    from slipway.platform.jobs.submitting.placing import Placement
    from slipway.training.cli import asking

    desk = open_desk()
    placement = Placement(target=on) if on is not None else None
    planned = _planned(run, desk, placement)
    _check_folder(output)
    said = asking.said(name=None, note="", tags=[], again=again)
    if dry_run:
        told = asking.foretold(planned.planned, desk, said, placement)
        print_json(told) if json else print_fields(told)
        return
    confirm_change(desk.loaded, f"export {run}{f' on {on}' if on else ''}", yes)
    _remark(planned)
    got = _here(planned, desk, said) if placement is None else _there(planned, desk, said, placement, wait=wait)
    _tell(planned, got, desk, output, json=json)


def _planned(run: str, desk: "Desk", placement: "Placement | None") -> "PlannedExport":
    """The work, by its name. What is installed elsewhere is not known, so engines are tried on this machine alone."""
    from slipway.training.export.engines import find_maker
    from slipway.training.export.planning import plan_export

    target = desk.loaded.settings.targets.get(placement.target) if placement else None
    here = target is None or target.launcher == "local"
    planned = plan_export(run, desk.loaded, desk.store, tensorrt=find_maker() if here else None)
    if placement is not None:
        placement.checked(desk.loaded.settings, planned.planned.config)
    return planned


def _check_folder(output: Path | None) -> None:
    """A folder of somebody's own is not written over; one with a bundle is brought to what is asked."""
    from slipway.platform.errors import WrongUse
    from slipway.platform.registry.bundles import MANIFEST

    if output is None or not output.exists():
        return
    if not output.is_dir() or (any(output.iterdir()) and not (output / MANIFEST).is_file()):
        raise WrongUse(f"{output} is no empty folder and holds no bundle.", mend="Name a new folder.")


def _remark(planned: "PlannedExport") -> None:
    """Say where the network is built by other code than it was trained with."""
    if planned.changed:
        more = f" and {len(planned.changed) - TOLD} more" if len(planned.changed) > TOLD else ""
        say(
            f"changed since the training: {', '.join(planned.changed[:TOLD])}{more}. "
            "The weights must still fit; the gates hold the bundle against what the training predicted."
        )


def _here(planned: "PlannedExport", desk: "Desk", said: "Said") -> "Brought":
    from slipway.platform.cli.progress import display
    from slipway.platform.jobs.submitting.starting import bring_about

    with display() as watcher:
        return bring_about(planned.planned, said.request(desk.loaded), desk.loaded, watcher, store=desk.store)


def _there(
    planned: "PlannedExport", desk: "Desk", said: "Said", placement: "Placement", *, wait: bool
) -> "Submitted | Brought":
    """Through the target's launcher; brought to its end where that is wanted, or was reached before."""
    from slipway.platform.cli.jobs.following import brought_of, wait_for
    from slipway.platform.cli.progress import display
    from slipway.platform.jobs.submitting.submission import submit

    with display() as watcher:
        submitted = submit(
            planned.planned,
            said.request(desk.loaded),
            desk.loaded,
            target=placement.target,
            patient=wait,
            watcher=watcher,
            store=desk.store,
        )
    if submitted.how == "found":
        return brought_of(submitted, submitted.standing)
    return brought_of(submitted, wait_for(submitted, desk)) if wait else submitted


def _tell(
    planned: "PlannedExport", got: "Brought | Submitted", desk: "Desk", output: Path | None, *, json: bool
) -> None:
    """Keep the bundle and say what it is; where there is none, why, or where the work is."""
    from slipway.platform.cli.jobs.following import tell, tell_end
    from slipway.platform.jobs.submitting.submission import Submitted
    from slipway.platform.registry.bundles import fetch_bundle
    from slipway.platform.registry.exports import keep_export
    from slipway.platform.runs.records import State

    if isinstance(got, Submitted):
        tell(got, desk, wait=False, json=json)
        say("When it is done, the same command says which bundle it made.")
        return
    brought = got
    if brought.result is None or brought.state is not State.DONE:
        tell_end(brought, planned.planned.key, desk, json=json)
        return
    kept = keep_export(desk.store, brought.result, planned.run)
    if output is not None:
        fetch_bundle(desk.store, kept, output)
    if brought.how == "found":
        say("This export is done already; --again does it anew.")
    if json:
        print_json(_data(planned, brought, kept, output))
        return
    made = f"{brought.name}, {brought.result.finished:%Y-%m-%d %H:%M}"
    fields = {"bundle": kept.digest, "model": kept.model, "of run": planned.run, "made by": made}
    print_fields({**fields, "copied to": str(output)} if output else fields)
    typer.echo()
    print_table(("variant", "file", "size", "engine"), [_row(kept, name) for name in kept.manifest["variants"]])
    typer.echo()
    print_table(("device class", "runtime", "variants, the preferred first"), _devices(kept))


def _row(kept: "Kept", name: str) -> list[str]:
    part = kept.manifest["variants"][name]
    return [name, part["file"], f"{kept.files[part['file']].size / MB:.2f} MB", _engine(part["engine"])]


def _engine(engine: dict[str, Any] | None) -> str:
    if engine is None:
        return "not tried"
    said = "built" if engine["built"] else f"NOT built: {'; '.join(engine['problems'])}"
    return f"{said} ({engine['tensorrt']})"


def _devices(kept: "Kept") -> list[list[str]]:
    return [[name, one["runtime"], ", ".join(one["variants"])] for name, one in kept.manifest["devices"].items()]


def _data(planned: "PlannedExport", brought: "Brought", kept: "Kept", output: Path | None) -> dict[str, Any]:
    variants = kept.manifest["variants"]
    return {
        "bundle": kept.digest,
        "model": kept.model,
        "run": planned.run,
        "work": planned.planned.key,
        "name": brought.name,
        "how": brought.how,
        "variants": {
            name: {"file": one["file"], "bytes": kept.files[one["file"]].size, "engine": one["engine"]}
            for name, one in variants.items()
        },
        "metrics": dict(brought.result.metrics) if brought.result else {},
        "folder": str(output) if output else None,
    }
