"""What a person does with jobs, in Python: look at runs, read logs, cancel, rerun, wait, see targets, reconcile.

    from slipway.platform.jobs import api

    for row in api.runs(active=True):
        print(row.entry.name, row.entry.state, row.step, row.cost)

Plain calls that block and return plain values; nothing here needs, or disturbs, a running event loop. RUN is a name or
the beginning of a key. The context is that of the project around `folder`, or around the current folder. Submitting is
`slipway.training.submitting.submit`, because a model's config is composed there.
"""

import os
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.platform.errors import WrongUse
from slipway.platform.jobs.asking import submitted_by
from slipway.platform.jobs.availability import Available, accelerator_of, available
from slipway.platform.jobs.cancelling import Cancelled
from slipway.platform.jobs.launchers.contract import Launcher, LauncherError
from slipway.platform.jobs.listing import LIMIT, Row, Wanted
from slipway.platform.jobs.showing import Shown
from slipway.platform.jobs.submitting.submission import Submitted
from slipway.platform.jobs.watching import SILENT, Watcher
from slipway.platform.runs.errors import RunsError
from slipway.platform.runs.find import find
from slipway.platform.runs.standing import Here, Standing
from slipway.platform.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slipway.platform.jobs.logs import Piece
    from slipway.platform.jobs.overseeing.reconciling import Reconciled
    from slipway.platform.jobs.submitting.forecasting import Forecast
    from slipway.platform.settings import Loaded

Folder = Path | str | None


@dataclass(frozen=True)
class Desk:
    """A project's settings, its store and this machine."""

    loaded: "Loaded"
    store: Store
    here: Here

    @classmethod
    def of(cls, loaded: "Loaded") -> "Desk":
        """For settings that were loaded already."""
        settings = loaded.settings
        return cls(loaded, open_store(settings.store, settings.s3), Here.at(loaded.root))

    @classmethod
    def at(cls, folder: Folder) -> "Desk":
        """For the project around a folder."""
        from slipway.platform.settings import load

        return cls.of(load(Path(folder) if folder is not None else Path.cwd(), os.environ))

    @property
    def person(self) -> str:
        """Who acts."""
        return submitted_by(self.loaded.settings.identity)

    def launcher(self, target: str) -> Launcher:
        """Of a target."""
        from slipway.platform.jobs.launchers.opening import open_launcher

        return open_launcher(target, self.loaded, self.store)

    def fallback(self, key: str) -> "partial[bytes]":
        """What a launcher has of a log."""
        return partial(_launcher_log, self, key)


def runs(
    *,
    active: bool = False,
    mine: bool = False,
    model: str | None = None,
    team: str | None = None,
    limit: int | None = LIMIT,
    folder: Folder = None,
) -> list[Row]:
    """Those under way, then the latest that have ended."""
    from slipway.platform.jobs import listing

    desk = Desk.at(folder)
    person = desk.person if mine else None
    return listing.runs(desk.store, desk.here, Wanted(active, model, team, person, limit))


def show(run: str, *, folder: Folder = None) -> Shown:
    """One run in full."""
    from slipway.platform.jobs import showing

    desk = Desk.at(folder)
    return showing.show(find(desk.store, run), desk.loaded, desk.store, desk.launcher)


def logs(run: str, *, attempt: int | None = None, node: int = 0, tail: int | None = None, folder: Folder = None) -> str:
    """What an attempt's process printed, as far as it is there."""
    from slipway.platform.jobs.logs import Wanted, read_log

    desk = Desk.at(folder)
    key = find(desk.store, run)
    text = read_log(desk.store, key, Wanted(attempt, node, tail), desk.fallback(key))
    return text.decode(errors="replace")


def follow(
    run: str, *, attempt: int | None = None, node: int = 0, tail: int | None = None, folder: Folder = None
) -> "Iterator[Piece]":
    """What it printed and prints, until the work has ended: pieces with a `text`, or a `remark` about it."""
    from slipway.platform.jobs.logs import Wanted, Watch, follow_log

    desk = Desk.at(folder)
    key = find(desk.store, run)
    return follow_log(desk.store, key, desk.here, Wanted(attempt, node, tail), Watch(), desk.fallback(key))


def cancel(
    run: str, *, for_all: bool = False, why: str = "", dry_run: bool = False, folder: Folder = None
) -> Cancelled:
    """No longer want a run; it ends unless others want it."""
    from slipway.platform.jobs import cancelling

    desk = Desk.at(folder)
    return cancelling.cancel(run, desk.person, desk.loaded, for_all=for_all, why=why, dry_run=dry_run, store=desk.store)


def rerun(
    run: str,
    *,
    on: str | None = None,
    nodes: int | None = None,
    budget: Decimal | None = None,
    again: bool = False,
    watcher: Watcher = SILENT,
    folder: Folder = None,
) -> Submitted:
    """Go on with submitted work that ended without a result; with `again` also do anew what is done."""
    return rerun_at(Desk.at(folder), run, on=on, nodes=nodes, budget=budget, again=again, watcher=watcher)


def rerun_at(  # noqa: PLR0913 - as `rerun`
    desk: Desk,
    run: str,
    *,
    on: str | None,
    nodes: int | None,
    budget: Decimal | None,
    again: bool,
    patient: bool = False,
    watcher: Watcher = SILENT,
) -> Submitted:
    """The same at a desk that is there."""
    from slipway.platform.jobs.submitting import submission

    key = find(desk.store, run)
    if on is not None:
        _check_same_accelerator(desk, key, on)
    return submission.rerun(
        key,
        desk.person,
        desk.loaded,
        again=again,
        target=on,
        nodes=nodes,
        budget=budget,
        patient=patient,
        watcher=watcher,
        store=desk.store,
    )


def foretell_rerun(
    desk: Desk, run: str, *, on: str | None, nodes: int | None, budget: Decimal | None, again: bool
) -> "tuple[Standing, Forecast | None]":
    """How the work stands, and what another attempt will probably take where one would be made now.

    Refuses what `rerun_at` would refuse of such an attempt, and writes nothing.
    """
    from slipway.platform.jobs.submitting.forecasting import forecast_for
    from slipway.platform.jobs.submitting.refusing import check_cluster
    from slipway.platform.jobs.submitting.submission import job_again
    from slipway.platform.runs.standing import standing

    now = standing(desk.store, find(desk.store, run), desk.here)
    if now.under_way or (now.result is not None and not again):
        return now, None
    if on is not None:
        _check_same_accelerator(desk, now.key, on)
    _, job = job_again(desk.store, now, desk.loaded, again=again, target=on, nodes=nodes, budget=budget)
    check_cluster(job.target, desk.loaded.settings.targets[job.target], desk.loaded)
    return now, forecast_for(desk.store, job)


def wait(run: str, *, watcher: Watcher = SILENT, folder: Folder = None) -> Standing:
    """Until the run has ended, however; whoever waits also takes lost work up again."""
    desk = Desk.at(folder)
    return wait_at(desk, find(desk.store, run), watcher)


def wait_at(desk: Desk, key: str, watcher: Watcher = SILENT) -> Standing:
    """The same at a desk that is there."""
    from slipway.platform.jobs.overseeing.overseer import Overseer

    return Overseer(desk.loaded, desk.store, desk.here, desk.launcher, watcher).see_through(key)


def targets(*, folder: Folder = None) -> list[Available]:
    """The places to run jobs: price, devices, what is free now, how long one waits there."""
    from slipway.platform.settings import load

    return available(load(Path(folder) if folder is not None else Path.cwd(), os.environ))


def reconcile(*, dry_run: bool = False, watcher: Watcher = SILENT, folder: Folder = None) -> "Reconciled":
    """Bring store, launchers and MLflow together for work whose owner is gone."""
    from slipway.platform.jobs.overseeing import reconciling

    desk = Desk.at(folder)
    return reconciling.reconcile(desk.loaded, dry_run=dry_run, watcher=watcher, store=desk.store)


def _check_same_accelerator(desk: Desk, key: str, on: str) -> None:
    """What it computes with is part of what names a run."""
    from slipway.platform.jobs.targets import named_target
    from slipway.platform.runs.find import load_parts

    kind = load_parts(desk.store, key).config.get("trainer", {}).get("accelerator", "cpu")
    there = accelerator_of(named_target(on, desk.loaded.settings))
    if kind not in (there, "gpu"):
        raise WrongUse(
            f"This run is named by computing with `{kind}`; `{on}` has `{there}`.",
            mend="Submit the same config there: that is other work, with a key of its own.",
        )


def _launcher_log(desk: Desk, key: str, number: int, node: int) -> bytes:
    """A launcher that cannot be asked has nothing."""
    from slipway.platform.jobs.launchers.contract import Assignment
    from slipway.platform.jobs.spec import JobSpec
    from slipway.platform.runs.standing import spec_of

    spec = spec_of(desk.store, key, number)
    if spec is None or not spec.job:
        return b""
    try:
        job = JobSpec.load(desk.store, spec.job)
        return desk.launcher(job.target).logs(Assignment(job, spec), node)
    except (LauncherError, RunsError):
        return b""
