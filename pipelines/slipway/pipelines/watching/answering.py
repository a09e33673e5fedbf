"""What is done about drift: an alarm, a labelling task where labels are missing, a notice; and taking the notice back.

Each of these is found when it is there, so that a look that was killed in between is gone on with by the next. An alarm
is raised once: while its labelling task is open, and for some days, the same release raises no other.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from slipway.pipelines.flows.changes import changed_since, last_made
from slipway.pipelines.watching.looks import Alarm, Look, bind_alarm, days_since, last_alarm, save_look
from slipway.pipelines.watching.telling import camera_words
from slipway.platform.errors import SlipwayError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from slipway.pipelines.labelling.opening import Opened
    from slipway.pipelines.steps.site import Site
    from slipway.pipelines.watching.found import Found
    from slipway.serving.fleet.notices.notice import Notice

DRIFT: Final = "drift"
CAMERA: Final = "camera-moved"
MOST_PICTURES: Final = 500

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What was done, or was done before."""

    alarm: Alarm
    new: bool
    labelled: int
    """Rows that people labelled since the model was made."""
    task: "Opened | None"
    """None where enough is labelled without one."""

    @property
    def missing(self) -> int:
        """Labels that are still asked for."""
        return self.task.standing.missing if self.task else 0


def answer(site: "Site", model: str, found: "Found", now: datetime, snapshot: str | None) -> Answered:
    """Drift was found."""
    release, wanted = found.field.release, site.loaded.settings.watch.labels
    labelled = _labelled(site, model, snapshot)
    last = last_alarm(site.store, model, release.bundle)
    task = None if last is None else _task(site, last, snapshot)
    if last is not None and (days_since(last, now) < site.loaded.settings.watch.cool_days or _open(task)):
        done = Answered(alarm=last, new=False, labelled=labelled, task=task if labelled < wanted else None)
    else:
        alarm = Alarm(
            model=model,
            bundle=release.bundle,
            release=release.number,
            number=last.number + 1 if last else 1,
            at=now,
            line=found.line,
            since=f"{found.field.days[0]:%Y-%m-%d}",
        )
        kept = bind_alarm(site.store, alarm)
        task = _task(site, kept, snapshot) if labelled < wanted else None
        done = Answered(alarm=kept, new=kept == alarm, labelled=labelled, task=task)
    _keep(site, model, found, now, done.task)
    _notify(site, model, [_notice(model, found, done, now)])
    return done


def calm(site: "Site", model: str, found: "Found", now: datetime) -> None:
    """None was found: what was told of earlier is over. A single camera that moved is told."""
    _keep(site, model, found, now, None)
    _notify(site, model, _cameras(model, found, now))


def _labelled(site: "Site", model: str, snapshot: str | None) -> int:
    """0 where nobody can say: drift is told whatever became of old snapshots."""
    try:
        made = last_made(site, model)
        return changed_since(site, site.model(model), made, snapshot).rows.by_people if made else 0
    except SlipwayError as error:
        log.warning("What people labelled since %s was made is not known: %s", model, error)
        return 0


def _task(site: "Site", alarm: Alarm, snapshot: str | None) -> "Opened":
    """The labelling task of an alarm, opened or found."""
    from slipway.pipelines.labelling.opening import open_task, wanted_of

    return open_task(
        site,
        model=alarm.model,
        cause=alarm.cause,
        why=f"Drift of release {alarm.release}: {alarm.line}.",
        wanted=wanted_of(
            f"day >= {alarm.since}", pictures=_pictures(site, alarm), count=site.loaded.settings.watch.labels
        ),
        by=site.loaded.settings.identity.person or "flows",
        snapshot=snapshot,
        at=alarm.at,
    )


def _pictures(site: "Site", alarm: Alarm) -> list[str]:
    """Pictures that devices kept since then with this release, the newest first."""
    from slipway.serving.fleet.opened import open_reader

    begin = datetime.fromisoformat(f"{alarm.since}T00:00:00+00:00")
    with open_reader(site.loaded) as fleet:
        kept = fleet.samples(alarm.model, since=begin) if fleet else ()
    its = [one.decision for one in reversed(kept) if one.release == alarm.release]
    return its[:MOST_PICTURES]


def _open(task: "Opened | None") -> bool:
    return task is not None and task.standing.missing > 0


def _keep(site: "Site", model: str, found: "Found", now: datetime, task: "Opened | None") -> None:
    release = found.field.release
    save_look(
        site.store,
        Look(
            model=model,
            bundle=release.bundle,
            release=release.number,
            at=now,
            drift=found.drift,
            line=found.line,
            task=task.task.id if task else "",
        ),
    )


def _notify(site: "Site", model: str, notices: "Iterable[Notice]") -> None:
    """Tell these, and end what was told of this model before and is not among them."""
    from slipway.serving.fleet.notices.book import Book

    told = {one.cause: one for one in notices}
    with Book.of(site.loaded) as book:
        for one in told.values():
            book.tell(one)
        for standing in book.standings():
            cause = standing.notice.cause
            if cause not in told and cause.startswith((f"{DRIFT}/{model}/", f"{CAMERA}/{model}/")):
                book.end(cause)


def _notice(model: str, found: "Found", done: Answered, now: datetime) -> "Notice":
    from slipway.serving.fleet.notices.notice import Notice, Weight

    short = done.task.task.short if done.task else ""
    labels = f" {done.missing:,} labels are missing." if done.missing else ""
    return Notice(
        f"{DRIFT}/{model}/{found.field.release.number}",
        Weight.WARNING,
        f"The field is not what release {found.field.release.number} of {model} knows",
        f"{found.line}.{labels}",
        f"slipway data label show {short}" if done.missing else f"slipway flow run retrain {model} --cause drift",
        now,
        model=model,
        count=found.field.devices,
    )


def _cameras(model: str, found: "Found", now: datetime) -> "list[Notice]":
    from slipway.serving.fleet.notices.notice import Notice, Weight

    devices = dict.fromkeys(device for one in found.judged.cameras for device in one.devices)
    return [
        Notice(
            f"{CAMERA}/{model}/{device}",
            Weight.NOTE,
            f"{device} sees something else than the other cameras of {model}",
            f"{camera_words(found.judged)}. One camera is no drift: it may have been turned, or its lens be dirty.",
            f"slipway fleet show {device}",
            now,
            model=model,
        )
        for device in devices
    ]
