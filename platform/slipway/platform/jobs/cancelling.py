"""Cancelling: one person's no longer wanting a result, or the end of a run for everybody.

Work that others want as well goes on without the person who cancels, unless that is who made the last attempt, or
cancels for all. A program that acts for a person only detaches that person, also who made the attempt: others who
submitted the same asked no program. What others wanted stays recorded, for the next attempt. To end it, a record is
bound that its runner reads with its next sign of life, wherever it runs, also under `slipway train`; then its launcher
is told. Either way of the two is enough, so a launcher that cannot be reached is no failure. Killed in between, the
record stays, and whoever oversees the work does the rest.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Literal

from slipway.platform.errors import WrongUse
from slipway.platform.jobs.launchers.contract import Assignment, Launcher, LauncherError
from slipway.platform.jobs.launchers.opening import open_launcher
from slipway.platform.jobs.overseeing.deciding import decide
from slipway.platform.jobs.overseeing.overseer import Overseer
from slipway.platform.jobs.spec import JobSpec
from slipway.platform.jobs.watching import SILENT, Watcher
from slipway.platform.jobs.wishes import others, wishes, withdraw
from slipway.platform.runs.find import find
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.records import AttemptSpec, Cancellation, State
from slipway.platform.runs.standing import Here, Standing
from slipway.platform.store import Store, open_store

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded


@dataclass(frozen=True)
class Cancelled:
    """What became of a wish to cancel."""

    how: Literal["detached", "cancelled", "nothing to cancel"]
    key: str
    standing: Standing
    others: tuple[str, ...] = ()
    """Who wants the result besides."""
    words: str = ""
    """For a person."""


def cancel(  # noqa: PLR0913 - who, why, and where to look
    run: str,
    person: str,
    loaded: "Loaded",
    *,
    for_all: bool = False,
    only_detach: bool = False,
    why: str = "",
    dry_run: bool = False,
    watcher: Watcher = SILENT,
    store: Store | None = None,
    launchers: Callable[[str], Launcher] | None = None,
) -> Cancelled:
    """Detach the person from the run, or end it. Does not wait until it has ended.

    With `only_detach` it never ends what others want.
    """
    found = store or open_store(loaded.settings.store, loaded.settings.s3)
    key = find(found, run)
    opened = launchers or partial(open_launcher, loaded=loaded, store=found)
    overseer = Overseer(loaded, found, Here.at(loaded.root), opened, watcher)
    now = overseer.standing(key)
    spec = now.spec
    if spec is None or not now.under_way:
        return Cancelled("nothing to cancel", key, now, words=now.told())
    besides = others(found, spec, key, person)
    if besides and (only_detach or not (for_all or person == spec.submitted_by)):
        return _detach(found, now, spec, person, besides, dry_run=dry_run)
    if not dry_run:
        _bind(found, key, spec, Cancellation(by=person, why=why, asked=datetime.now(UTC)))
        withdraw(found, key, person)
        _stop(found, now, spec, overseer, opened, watcher)
    return Cancelled("cancelled", key, overseer.standing(key), besides, _told(spec, now, besides))


def _detach(
    store: Store, now: Standing, spec: AttemptSpec, person: str, besides: tuple[str, ...], *, dry_run: bool
) -> Cancelled:
    wanted = any(one.person == person for one in wishes(store, now.key))
    if wanted and not dry_run:
        withdraw(store, now.key, person)
    they_want = f"{', '.join(besides)} {'wants' if len(besides) == 1 else 'want'} it"
    if not wanted:
        words = f"{person} does not want {spec.name}; {they_want}."
        return Cancelled("nothing to cancel", now.key, now, besides, words)
    return Cancelled("detached", now.key, now, besides, f"{spec.name} goes on without {person}: {they_want}.")


def _bind(store: Store, key: str, spec: AttemptSpec, cancellation: Cancellation) -> None:
    cancellation.bind(store, WorkKeys(key).attempt(spec.number).cancellation)


def _stop(
    store: Store,
    now: Standing,
    spec: AttemptSpec,
    overseer: Overseer,
    opened: Callable[[str], Launcher],
    watcher: Watcher,
) -> None:
    """Have its launcher stop it; what has not begun is over at once."""
    if not spec.job:
        return
    try:
        if now.state is State.PENDING:
            seen = overseer.look(now.key)
            overseer.act(seen, decide(seen))
        job = JobSpec.load(store, spec.job)
        opened(job.target).cancel(Assignment(job, spec))
    except (LauncherError, WrongUse) as error:  # also settings that name no cluster
        watcher.note(f"{error} Its runner reads in the store that it is cancelled.")


def _told(spec: AttemptSpec, now: Standing, besides: tuple[str, ...]) -> str:
    told = "was cancelled before it began" if now.state is State.PENDING else "was asked to stop; its checkpoints stay"
    also = f" {', '.join(besides)} wanted it too." if besides else ""
    return f"{spec.name} {told}.{also}"
