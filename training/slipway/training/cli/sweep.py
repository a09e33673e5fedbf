"""`slipway sweep`: many trainings of one model, with values that those before suggest; here, or as jobs on a target."""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Final

import typer

from slipway.platform.cli.jobs.arguments import target_names
from slipway.platform.cli.output import DryRun, Json, Yes
from slipway.platform.cli.session import confirm_change, load_settings
from slipway.platform.errors import SlipwayError, WrongUse
from slipway.training.cli.completing import models
from slipway.training.cli.completing import overrides as overrides_of_model

if TYPE_CHECKING:
    from slipway.platform.jobs.submitting.placing import Placement
    from slipway.platform.runs.parts import Parts
    from slipway.platform.settings import Loaded
    from slipway.platform.store import Store
    from slipway.training.cli.sweep_placed import Placed
    from slipway.training.sweep.parent import Parent
    from slipway.training.sweep.records import Sweep
    from slipway.training.sweep.running import Stop, Sweeping
    from slipway.training.sweep.space import Space
    from slipway.training.sweep.trial import Process

app = typer.Typer(add_completion=False)

FOLDER: Final = ".slipway/sweeps"
SHOWN: Final = 12
"""Digits of a key that name a folder and a sweep."""
INTERRUPTED: Final = 130
STOPPING: Final = b"Stopping: trials write a checkpoint. Once more stops at once.\n"
STOPPING_NOW: Final = b"Stopping now.\n"
CANCELLING: Final = (
    b"Stopping: the trials' jobs are cancelled, and stop behind a checkpoint. Once more does not wait for that.\n"
)
LEAVING: Final = b"Leaving as soon as every job has been told.\n"


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
    on: Annotated[
        str | None,
        typer.Option(
            "--on",
            metavar="TARGET",
            help="Where the trials run as jobs, as `slipway targets` lists them; this process's machine unless given.",
            autocompletion=target_names,
        ),
    ] = None,
    nodes: Annotated[int, typer.Option(min=1, help="With --on: how many machines each trial has.")] = 1,
    budget: Annotated[
        str | None,
        typer.Option(metavar="AMOUNT", help="With --on: what all trials together may cost."),
    ] = None,
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
    """Search for good values of a model's config. Every trial is a run of `slipway train`, or of `slipway submit`.

    Start it again after it was stopped or killed, and it goes on; with more --trials it adds to what is there.
    Exit code 130 when it was stopped, 1 when no trial was done.
    """
    from slipway.training.cli.sweep_telling import Asked, Spent, best_tags, foretell, report

    loaded = load_settings()
    placement = _placement(on, nodes, budget)
    placed = _placed(model, loaded, placement, snapshot)
    space = _space(model, overrides or [], placed)
    base = placed.base(space) if placed else _base(space, loaded, snapshot)
    planned = _planned(space, base.key, seed=seed, metric=metric, falling=minimize)
    if dry_run:
        foretell(space, planned, trials, placed.foretold(space, trials, json=json) if placed else {}, json=json)
        return
    where = f" on {on}" if on else ""
    confirm_change(loaded, f"start up to {trials} trainings of {model}{where}", yes)
    words = (CANCELLING, LEAVING) if placed else (STOPPING, STOPPING_NOW)
    with _alone(loaded.root / FOLDER / planned.key[:SHOWN]) as folder, _stopping(*words) as stop:
        sweeping, parent = _prepared(space, planned, loaded, folder, snapshot, name, stop)
        sweeping.code = base.code_digest
        if retry:
            sweeping.records.forget_failures()
        if placed:
            placed.submit_trials_of(sweeping, parent, trials=trials, parallel=parallel, retry=retry)
        try:
            found = sweeping.run(trials, parallel)
        except SlipwayError:
            parent.finish("FAILED", {})
            raise
        finally:
            if placed:
                placed.close()
        best = sweeping.best()
        parent.finish("KILLED" if stop.requests else "FINISHED", best_tags(best))
    spent = placed.spent() if placed else Spent()
    report(sweeping, found, Asked(snapshot, placement), spent, json=json, page=parent.page())
    if stop.requests or best is None:
        raise typer.Exit(INTERRUPTED if stop.requests else 1)


def _placement(on: str | None, nodes: int, budget: str | None) -> "Placement | None":
    from slipway.platform.cli.jobs.amounts import amount
    from slipway.platform.jobs.submitting.placing import Placement

    if on is not None:
        return Placement(target=on, nodes=nodes, budget=amount(budget))
    if nodes > 1 or budget is not None:
        raise WrongUse("--nodes and --budget are about jobs on a target, and no target was given.", mend="--on TARGET")
    return None


def _placed(model: str, loaded: "Loaded", placement: "Placement | None", snapshot: str | None) -> "Placed | None":
    """Where the trials are jobs."""
    if placement is None:
        return None
    from slipway.platform.jobs.api import Desk
    from slipway.training.cli.sweep_placed import Placed

    return Placed(model, Desk.of(loaded), placement, snapshot)


def _space(model: str, overrides: Sequence[str], placed: "Placed | None") -> "Space":
    from slipway.platform.models.finder import model_named
    from slipway.training.sweep.space import space_of

    return space_of(model_named(model), overrides, placed.composed if placed else None)


def _base(space: "Space", loaded: "Loaded", snapshot: str | None) -> "Parts":
    """The parts of a run with all that does not vary."""
    from slipway.platform.jobs.submitting.planning import plan
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
    """A sweep whose trials are processes of this machine."""
    from slipway.platform.runs.tracking.tracker import open_tracker
    from slipway.platform.store import open_store
    from slipway.training.cli.sweep_progress import display
    from slipway.training.sweep.parent import Parent, tags_of
    from slipway.training.sweep.records import Records
    from slipway.training.sweep.running import Sweeping
    from slipway.training.sweep.trial import Training

    store: Store = open_store(loaded.settings.store, loaded.settings.s3)
    called = name or f"sweep-{planned.key[3:9]}"
    parent = Parent(store, open_tracker(loaded.settings.mlflow, loaded.root), planned, called)

    def start(number: int, texts: Sequence[str]) -> "Process":
        tags = [word for key, value in tags_of(planned, parent).items() for word in ("--tag", f"{key}={value}")]
        data = ["--snapshot", snapshot] if snapshot else []
        arguments = ["train", planned.model, *texts, "--json", "--yes", *tags, *data]
        return Training(arguments, folder / f"trial-{number:03}.log")

    records = Records(store, planned)
    return Sweeping(planned, space, records, store, start, display(), parent.adopt, stop), parent


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
def _stopping(first: bytes = STOPPING, then: bytes = STOPPING_NOW) -> "Iterator[Stop]":
    """Turn Ctrl-C and a polite kill into a request that the trials hear of."""
    from slipway.training.sweep.running import Stop

    stop = Stop()

    def ask(_: int, __: FrameType | None) -> None:
        stop.requests += 1
        os.write(2, first if stop.requests == 1 else then)  # a stream may be in the middle of a line

    before = {one: signal.signal(one, ask) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
