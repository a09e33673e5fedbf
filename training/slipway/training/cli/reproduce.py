"""`slipway reproduce`: train recorded work again, and say whether it is the same to the bit, or where it parts."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from slipway.platform.cli.output import DryRun, Json, print_fields, print_json, say
from slipway.platform.cli.session import load_settings

if TYPE_CHECKING:
    from slipway.platform.models.finder import Model
    from slipway.platform.runs.parts import Parts
    from slipway.platform.runs.records import Result
    from slipway.platform.settings import Loaded
    from slipway.platform.store import Store

app = typer.Typer(add_completion=False)

FOLDER: Final = ".slipway/reproduce"
SHOWN: Final = 15
FILES: Final = ("trail.npz", "predictions.parquet", "environment.json")


@app.command()
def reproduce(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A run's name, the beginning of its key, or models:/NAME/VERSION.")
    ],
    changes: Annotated[
        list[str] | None, typer.Argument(help="Changes to the recorded config, to see what they do: seed=1.")
    ] = None,
    *,
    here: Annotated[bool, typer.Option("--here", help="With the code of this checkout, not the recorded one.")] = False,
    snapshot: Annotated[
        str | None, typer.Option(metavar="REF", help="With another snapshot: a folder, digest or git revision.")
    ] = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Train again from the record: code, snapshot, config and lock. IDENTICAL, or the first step that differs.

    Another environment is said before anything starts. Nothing in the record changes. Exit code 1 where it differs.
    """
    from slipway.platform.models.finder import model_named
    from slipway.platform.store import open_store

    loaded = load_settings()
    store = open_store(loaded.settings.store, loaded.settings.s3)
    parts, result = _recorded(run, store, loaded)
    model = model_named(parts.model)
    changed = _changed(parts, model, loaded, store, changes or [], here=here, snapshot=snapshot)
    folder = loaded.root / FOLDER / parts.key[:SHOWN]
    record = folder.with_name(f"{folder.name}-record")
    environment = _environment(parts, result, store, record)
    for line in environment:
        say(f"another environment: {line}")
    inputs = _inputs(parts, changed)
    for line in inputs:
        say(f"another input: {line}")
    if dry_run:
        say(f"would train {run} again in {folder}: {result.steps:,} steps, {result.seconds:.0f} s when it was recorded")
        return
    told = _compare(_train(changed, model, folder, loaded, store), record)
    found = {"run": run, "key": parts.key, "environment": environment, "inputs": inputs, **told}
    if json:
        print_json(found)
    else:
        print_fields({"run": run, "key": parts.key, "steps": f"{result.steps:,}", "": told["told"]})
    if not told["identical"]:
        raise typer.Exit(1)


def _recorded(run: str, store: "Store", loaded: "Loaded") -> "tuple[Parts, Result]":
    from slipway.platform.errors import WrongUse
    from slipway.platform.runs.find import find, load_parts
    from slipway.platform.runs.references import named_version
    from slipway.platform.runs.results import load_result
    from slipway.platform.runs.tracking.registered import MlflowRegistry

    if version := named_version(run):
        model, alias, number = version
        key = MlflowRegistry.of(loaded.settings.mlflow).run_of(model, alias=alias, version=number)
    else:
        key = find(store, run)
    result = load_result(store, key)
    if result is None:
        raise WrongUse(f"{run} has no result to compare with.", mend="Wait until it is done, or train it.")
    return load_parts(store, key), result


def _changed(
    parts: "Parts",
    model: "Model",
    loaded: "Loaded",
    store: "Store",
    changes: list[str],
    *,
    here: bool,
    snapshot: str | None,
) -> "Parts":
    """The recorded parts, with what is to be tried instead."""
    from slipway.platform.data.watching import SILENT
    from slipway.platform.jobs.submitting.planning import code_of
    from slipway.platform.jobs.submitting.snapshots import have_snapshot, name_snapshot
    from slipway.platform.runs.code.archive import store_code
    from slipway.training.config.changes import changed

    update: dict[str, Any] = {"config": changed(parts.config, changes)} if changes else {}
    if here:
        code = code_of(model)
        store_code(code, store)
        update["code"] = code.files
    if snapshot is not None:
        named = name_snapshot(snapshot, loaded)
        have_snapshot(named, loaded, model.declaration.data.view, SILENT)
        update["snapshot"] = named.digest
    return parts.model_copy(update=update) if update else parts


def _environment(parts: "Parts", result: "Result", store: "Store", record: Path) -> list[str]:
    """What is other here than it was, as far as it may change numbers; the record's files are fetched for it."""
    import json as reader

    import torch

    from slipway.platform.runs.code.lock import departures
    from slipway.platform.runs.results import fetch_file
    from slipway.training.fitting.environment import environment
    from slipway.training.reproduction import other_environment

    for name in FILES:
        fetch_file(store, result, name, record / name)
    accelerator = parts.config["trainer"]["accelerator"]
    device = torch.device("cuda" if accelerator != "cpu" and torch.cuda.is_available() else "cpu")
    then = reader.loads((record / "environment.json").read_text(encoding="utf-8"))
    lock = [f"lock: {line}" for line in departures(parts.lock)]
    return [*other_environment(then, environment(device)), *lock]


def _inputs(parts: "Parts", changed: "Parts") -> list[str]:
    from slipway.platform.runs.comparing.differences import differences

    return [f"{one.part.value} {one.name} {one.change.value}" for one in differences(parts, changed)]


def _train(parts: "Parts", model: "Model", folder: Path, loaded: "Loaded", store: "Store") -> Path:
    from slipway.platform.cli.progress import display
    from slipway.platform.jobs.repeating import repeat

    with display() as watcher:
        place = repeat(
            parts, model.package, folder, store=store, settings=loaded.settings, environ=os.environ, watcher=watcher
        )
    return place.results


def _compare(results: Path, record: Path) -> dict[str, Any]:
    from slipway.training.reproduction import compare

    found = compare(record, results)
    difference = found.difference
    return {
        "identical": found.identical,
        "told": found.told(),
        "step": difference.step if difference else None,
        "what": difference.what if difference else None,
        "tensor": difference.tensor if difference else None,
    }
