"""Classes of devices on which a release fails, and classes that do not come to run what they should.

A release fails on a device that went back from it by itself, and on one that keeps it while a large part of its
decisions fail. Who neither takes a release nor tells of a failure is told apart: that is no reason to undo it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from slipway.platform.ledger.entry import Action
from slipway.serving.fleet.facts import DeviceFacts, Running, Work
from slipway.serving.fleet.notices.notice import Notice, Weight
from slipway.serving.fleet.notices.telling import told_devices, told_names
from slipway.serving.release.rollouts import Rollout, pointer_of

FAILING: Final = "class-failing"
BEHIND: Final = "class-behind"
FEWEST, SHARE = 2, 0.1
"""A class of devices counts when so many of it do and so large a share; or all of it, however few."""
RECENT: Final = timedelta(hours=2)
"""Decisions of so long are looked at."""
MANY, FAILED = 20, 0.1
"""Of at least so many decisions so large a share must have failed."""
LATE: Final = timedelta(days=1)
"""A device has so long to come to what it should run."""


@dataclass
class _Class:
    """What is known of the devices of a class."""

    tried: int = 0
    wanted: int = 0
    """Who should run it for long enough, and is heard."""
    back: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    behind: list[DeviceFacts] = field(default_factory=list)


def of_classes(
    rollout: Rollout, devices: Sequence[DeviceFacts], work: Iterable[Work], silent_minutes: float, now: datetime
) -> Iterator[Notice]:
    """Of the newest release of a model; `work` is what devices did with it lately."""
    newest = rollout.newest
    if newest is None:
        return
    failing = {one.device for one in work if one.release == newest.number and _fails(one.counts)}
    pointer = pointer_of(rollout, sequence=1, signed_at=now)
    told = _told_at(rollout)
    classes: defaultdict[str, _Class] = defaultdict(_Class)
    for device in devices:
        running = device.running.get(rollout.model)
        if running is None:
            continue
        one, runs = classes[device.device_class], running.release == newest.number
        bad = newest.number in running.bad
        one.tried += bad or runs
        if bad:
            one.back.append(device.id)
        elif runs and device.id in failing:
            one.failed.append(device.id)
        pins = pointer.pinned(device.id, device.site)
        wants = pins[0].release if pins else pointer.wanted(device.id, device.cohorts, has=running.release, now=now)
        late = now - max(told, device.enrolled_at) > LATE and not device.silent(now, silent_minutes)
        if wants == newest.named and late and not bad:
            one.wanted += 1
            if not runs and running.coming != newest.number:
                one.behind.append(device)
    for name, found in sorted(classes.items()):
        yield from _failing(rollout.model, newest.number, name, found, now)
        yield from _behind(rollout.model, newest.number, name, found, now)


def many(count: int, of: int) -> bool:
    """Whether so many of a class are a matter of the class."""
    return count > 0 and (count == of or (count >= FEWEST and count >= SHARE * of))


def _fails(counts: Mapping[str, int]) -> bool:
    failed = counts.get("failed", 0)
    decisions = failed + counts.get("answered", 0)
    return decisions >= MANY and failed >= FAILED * decisions


def _told_at(rollout: Rollout) -> datetime:
    """When more devices were told to run the newest release for the last time."""
    newest = rollout.newest
    moves = (Action.RELEASE, Action.ADVANCE, Action.RESUME)
    steps = [one.written for one in rollout.steps if newest and one.release == newest.number]
    return max(one.entry.at for one in steps if one.entry.decision.action in moves)


def _failing(model: str, release: int, name: str, found: _Class, now: datetime) -> Iterator[Notice]:
    count = len(found.back) + len(found.failed)
    if not many(count, found.tried):
        return
    parts = [f"{len(found.back):,} went back by themselves ({told_names(found.back)})"] if found.back else []
    if found.failed:
        parts.append(
            f"{FAILED:.0%} of their decisions or more fail on {len(found.failed):,} ({told_names(found.failed)})"
        )
    yield Notice(
        f"{FAILING}/{model}/{release}/{name}",
        Weight.URGENT,
        f"Release {release} of {model} fails on {name}",
        f"{count:,} of {told_devices(found.tried)} of the class {name} that tried it: {', and '.join(parts)}.",
        f"slipway incident {model}",
        now,
        model=model,
        count=count,
    )


def _behind(model: str, release: int, name: str, found: _Class, now: datetime) -> Iterator[Notice]:
    count = len(found.behind)
    if not many(count, found.wanted):
        return
    first = found.behind[0]
    yield Notice(
        f"{BEHIND}/{model}/{release}/{name}",
        Weight.WARNING,
        f"Devices of the class {name} do not come to release {release} of {model}",
        f"{count:,} of {told_devices(found.wanted)} of the class {name} should have run it for a day and do not: "
        f"{told_names([one.id for one in found.behind])}. {_says(first.id, first.running[model])}",
        f"slipway fleet show {first.id}",
        now,
        model=model,
        count=count,
    )


def _says(device: str, running: Running) -> str:
    return f"{device} says: {running.why}" if running.why else f"{device} gives no reason."
