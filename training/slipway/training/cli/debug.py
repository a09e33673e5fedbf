"""`slipway debug`: bring an attempt back into a folder, ready to be stepped into."""

import json as json_writer
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from slipway.platform.cli.output import DryRun, Json, print_fields, print_json, say
from slipway.platform.cli.session import load_settings

if TYPE_CHECKING:
    from slipway.platform.jobs.restoring import Restored

app = typer.Typer(add_completion=False)

FOLDER: Final = ".slipway/debug"


@app.command()
def debug(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's name, or the beginning of its key.")],
    *,
    attempt: Annotated[int | None, typer.Option(min=1, help="Which attempt [default: the last one].")] = None,
    to: Annotated[Path | None, typer.Option(help=f"The folder to make [default: {FOLDER}/RUN].")] = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Restore code, config, checkpoint and the batch of an attempt that failed, and say how to step into it.

    Of a run that did not fail, the last checkpoint is restored.
    """
    from slipway.platform.errors import WrongUse
    from slipway.platform.jobs.restoring import restore
    from slipway.platform.models.finder import model_named
    from slipway.platform.runs.find import find, load_parts
    from slipway.platform.store import open_store

    loaded = load_settings()
    store = open_store(loaded.settings.store, loaded.settings.s3)
    key = find(store, run)
    model = model_named(load_parts(store, key).model)
    folder = (to or loaded.root / FOLDER / run).absolute()
    if folder.exists() and any(folder.iterdir()) and not (folder / "debug.json").is_file():
        raise WrongUse(f"{folder} holds something else.", mend="Name a new folder with --to.")
    if dry_run:
        say(f"would restore {run} into {folder}")
        return
    restored = restore(store, loaded.settings, key, folder, package=model.package, attempt=attempt, note=say)
    _make_script(restored)
    _tell(restored, run, json=json)


def _make_script(restored: "Restored") -> None:
    """`debug.py` and what it reads."""
    from slipway.platform.jobs.runner.child import BOOT
    from slipway.platform.jobs.runner.environment import FIXED, THREADS

    folder = restored.folder
    told = {"step": restored.step, "environment": {**FIXED, **dict.fromkeys(THREADS, "1")}}
    shutil.copyfile(BOOT, folder / "boot.py")
    shutil.copyfile(Path(__file__).with_name("stepping.py"), folder / "debug.py")
    (folder / "debug.json").write_text(json_writer.dumps(told, indent=1), encoding="utf-8")


def _tell(restored: "Restored", run: str, *, json: bool) -> None:
    outcome, folder = restored.outcome, restored.folder
    fields = {
        "run": f"{run}, attempt {restored.attempt}",
        "state": outcome.state.value if outcome else "without an outcome",
        "reason": outcome.reason if outcome else "",
        "failed at": "" if restored.step is None else f"step {restored.step:,}",
        "checkpoint": "none: it begins at the first step" if restored.checkpoint is None
        else f"of step {restored.checkpoint:,}",
        "batch": f"{len(restored.samples)} samples in {folder / 'batch'}" if restored.samples else "",
        "folder": str(folder),
        "step into it": f"python {folder / 'debug.py'}",
    }  # fmt: skip
    if json:
        print_json({**fields, "attempt": restored.attempt, "samples": list(restored.samples)})
    else:
        print_fields({name: value for name, value in fields.items() if value})
