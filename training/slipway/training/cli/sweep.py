"""`slipway sweep`: many trainings of one model, with values that those before suggest."""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from slipway.platform.cli.output import DryRun, Json, Yes, print_fields, print_json, print_table, say
from slipway.platform.cli.session import confirm_change, load_settings
from slipway.platform.errors import SlipwayError
from slipway.training.cli.completing import models
from slipway.training.cli.completing import overrides as overrides_of_model

if TYPE_CHECKING:
    from slipway.platform.runs.parts import Parts
    from slipway.platform.settings import Loaded
    from slipway.platform.store import Store
    from slipway.training.sweep.parent import Parent
    from slipway.training.sweep.records import Sweep
    from slipway.training.sweep.running import Stand, Stop, Sweeping
    from slipway.training.sweep.space import Space
    from slipway.training.sweep.trial import Process

app = typer.Typer(add_completion=False)

FOLDER: Final = ".slipway/sweeps"
SHOWN: Final = 12
"""Digits of a key that name a folder and a sweep."""
INTERRUPTED: Final = 130
STOPPING: Final = b"Stopping: trials write a checkpoint. Once more stops at once.\n"
STOPPING_NOW: Final = b"Stopping now.\n"


@app.command()
def sweep(  # noqa: PLR0913 - what a person may say
    model: Annotated[str, typer.Argument(help="The model, as `slipway models` lists them.", autocompletion=models)],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            help="What varies and what does not: 'optimizer.lr=tag(log,interval(1e-4,1e-2))' network=a,b.",
            autocompletion=overrides_of_model,
        ),
    ] = None,
    *,
    trials: Annotated[int, typer.Option(min=1, help="How many trials there are in all.")] = 20,
    parallel: Annotated[int, typer.Option(min=1, help="How many run at once.")] = 1,
    name: Annotated[str | None, typer.Option(help="The name of the parent run in MLflow.")] = None,
    metric: Annotated[str, typer.Option(help="What decides; the model's headline on validation unless given.")] = "",
    minimize: Annotated[
        bool | None, typer.Option("--minimize/--maximize", help="Whether less is better; by the metric's name.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed suggests other values.")] = 0,
    snapshot: Annotated[
        str | None, typer.Option(metavar="REF", help="A folder, digest or git revision; data.dvc's unless given.")
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try the trials that failed again.")] = False,
    dry_run: DryRun = False,
    json: Json = False,
    yes: Yes = False,
) -> None:
    """Search for good values of a model's config. Every trial is a run of `slipway train`.

    Start it again after it was stopped or killed, and it goes on; with more --trials it adds to what is there.
    Exit code 130 when it was stopped, 1 when no trial was done.
    """
    from slipway.platform.models.finder import model_named
    from slipway.training.sweep.space import space_of

    space = space_of(model_named(model), overrides or [])
    loaded = load_settings()
    base = _base(space, loaded, snapshot)
    planned = _planned(space, base.key, seed=seed, metric=metric, falling=minimize)
    if dry_run:
        _foretell(space, planned, trials, json=json)
        return
    confirm_change(loaded, f"start up to {trials} trainings of {model}", yes)
    with _alone(loaded.root / FOLDER / planned.key[:SHOWN]) as folder, _stopping() as stop:
        sweeping, parent = _prepared(space, planned, loaded, folder, snapshot, name, stop)
        sweeping.code = base.code_digest
        if retry:
            sweeping.records.forget_failures()
        try:
            found = sweeping.run(trials, parallel)
        except SlipwayError:
            parent.finish("FAILED", {})
            raise
        best = sweeping.best()
        parent.finish("KILLED" if stop.requests else "FINISHED", _told_best(best))
    _report(sweeping, found, planned, snapshot, json=json, page=parent.page())
    if stop.requests or best is None:
        raise typer.Exit(INTERRUPTED if stop.requests else 1)


def _base(space: "Space", loaded: "Loaded", snapshot: str | None) -> "Parts":
    """The parts of a run with all that does not vary."""
    from slipway.platform.jobs.planning import plan
    from slipway.training.config.compose import compose

    return plan(space.model, compose(space.model, space.fixed).config, loaded, snapshot=snapshot).parts


def _planned(space: "Space", base: str, *, seed: int, metric: str, falling: bool | None) -> "Sweep":
    from slipway.training.sweep.records import Sweep
    from slipway.training.sweep.space import described

    told = tuple(sorted(described(one) for one in space.dimensions))
    return Sweep(model=space.model.name, base=base, space=told, seed=seed, metric=metric, falling=falling)


def _prepared(
    space: "Space",
    planned: "Sweep",
    loaded: "Loaded",
    folder: Path,
    snapshot: str | None,
    name: str | None,
    stop: "Stop",
) -> "tuple[Sweeping, Parent]":
    from slipway.platform.runs.tracking.tracker import open_tracker
    from slipway.platform.store import open_store
    from slipway.training.cli.sweep_progress import display
    from slipway.training.sweep.parent import PARENT, Parent
    from slipway.training.sweep.records import Records
    from slipway.training.sweep.running import Sweeping
    from slipway.training.sweep.trial import Training

    store: Store = open_store(loaded.settings.store, loaded.settings.s3)
    called = name or f"sweep-{planned.key[3:9]}"
    parent = Parent(store, open_tracker(loaded.settings.mlflow, loaded.root), planned, called)

    def start(number: int, texts: Sequence[str]) -> "Process":
        parent_id = parent.run_id
        tags = ["--tag", f"sweep={planned.key}", *(["--tag", f"{PARENT}={parent_id}"] if parent_id else [])]
        data = ["--snapshot", snapshot] if snapshot else []
        arguments = ["train", planned.model, *texts, "--json", "--yes", *tags, *data]
        return Training(arguments, folder / f"trial-{number:03}.log")

    records = Records(store, planned)
    return Sweeping(planned, space, records, store, start, display(), parent.adopt, stop), parent


def _foretell(space: "Space", planned: "Sweep", trials: int, *, json: bool) -> None:
    from slipway.training.sweep.running import overrides_of
    from slipway.training.sweep.suggesting import suggest

    falling = bool(planned.falling)
    first = suggest(space, [], seed=planned.seed, trials=trials, falling=falling) or {}
    told: dict[str, Any] = {
        "sweep": planned.key,
        "model": planned.model,
        "fixed": " ".join(space.fixed) or "nothing",
        "varies": ", ".join(planned.space),
        "combinations": "without end" if space.size is None else str(space.size),
        "trials": str(trials if space.size is None else min(trials, space.size)),
        "first": " ".join(overrides_of(first)),
    }
    print_json(told) if json else print_fields(told)


@contextmanager
def _alone(folder: Path) -> Iterator[Path]:
    """Keep a second process from running the same sweep beside this one."""
    import threading

    from slipway.platform.data.locking import locked

    def refuse(holder: str) -> None:
        raise SlipwayError(
            f"This sweep is running already, in {holder}.", mend="Wait for it, or stop it and start this again."
        )

    with locked(folder / "lock", refuse, threading.Event()):
        yield folder


@contextmanager
def _stopping() -> "Iterator[Stop]":
    """Turn Ctrl-C and a polite kill into a request that the trials hear of."""
    from slipway.training.sweep.running import Stop

    stop = Stop()

    def ask(_: int, __: FrameType | None) -> None:
        stop.requests += 1
        os.write(2, STOPPING if stop.requests == 1 else STOPPING_NOW)  # a stream may be in the middle of a line

    before = {one: signal.signal(one, ask) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _told_best(best: "Stand | None") -> dict[str, str]:
    if best is None or best.outcome is None:
        return {}
    return {**best.trial.values, "trial": str(best.trial.number), "score": f"{best.outcome.score:.6g}"}


def _report(
    sweeping: "Sweeping", found: "list[Stand]", planned: "Sweep", snapshot: str | None, *, json: bool, page: str
) -> None:
    best = sweeping.best()
    command = _command(sweeping.space, best, snapshot)
    if json:
        trials = [{"number": one.trial.number, "values": dict(one.trial.values), **(_ended(one))} for one in found]
        number = best.trial.number if best else None
        print_json({"sweep": planned.key, "trials": trials, "best": number, "command": command, "mlflow": page})
        return
    _table(found, best)
    undone = sum(one.outcome is None for one in found)
    if undone:
        say(f"{undone} of {len(found)} trials are not ended: start the same again and it goes on.")
    if best is not None and best.outcome is not None:
        typer.echo(f"\nbest: trial {best.trial.number}, {best.outcome.metric} {best.outcome.score:.4f}\n  {command}")
    if page:
        typer.echo(page)


def _ended(one: "Stand") -> dict[str, Any]:
    return one.outcome.model_dump(mode="json", exclude={"number"}) if one.outcome else {"state": "unfinished"}


def _table(found: "list[Stand]", best: "Stand | None") -> None:
    from slipway.training.cli.sweep_progress import rows_of

    keys = list(found[0].trial.values) if found else []
    metric = best.outcome.metric if best and best.outcome else "score"
    print_table(["trial", *keys, "state", metric, "run"], rows_of(found, keys))


def _command(space: "Space", best: "Stand | None", snapshot: str | None) -> str:
    """What a person types to get the best trial's run."""
    import shlex

    from slipway.training.sweep.running import overrides_of

    if best is None:
        return ""
    data = ["--snapshot", snapshot] if snapshot else []
    return shlex.join(["slipway", "train", space.model.name, *space.fixed, *overrides_of(best.trial.values), *data])
