"""What changed lately, from wherever it is recorded: ledger, channel, devices, snapshots; the newest first."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from slipway.platform.ledger.describing import about, by, line
from slipway.platform.ledger.entry import EVERY_MODEL, Action, Written
from slipway.serving.fleet.facts import DeviceFacts

if TYPE_CHECKING:
    from slipway.platform.store import Store
    from slipway.serving.release.inspecting import ChannelStanding

SNAPSHOTS: Final = "snapshots/"
FOR_SITES: Final = frozenset(
    {Action.RELEASE, Action.ADVANCE, Action.PAUSE, Action.RESUME, Action.ROLLBACK, Action.FREEZE, Action.PIN}
)
"""What leads devices of every site; a pin of another site is none of this one."""


@dataclass(frozen=True)
class Scope:
    """What is asked about: a model, a site, or with neither everything; and since when."""

    since: datetime
    model: str | None = None
    site: str | None = None


@dataclass(frozen=True)
class Change:
    """Something changed."""

    at: datetime
    where: str
    """`ledger`, `config`, `channel`, `devices`, `data`."""
    what: str


def of_ledger(entries: Sequence[Written], scope: Scope) -> Iterator[Change]:
    """Decisions; how sites work is `config`."""
    for one in entries:
        decision = one.entry.decision
        if one.entry.at < scope.since or not _concerns(one, scope):
            continue
        reason = f": {line(decision.reason)}" if decision.reason else ""
        subject = " ".join(filter(None, (decision.model, about(one))))
        where = "config" if decision.action is Action.CONFIGURE else "ledger"
        yield Change(one.entry.at, where, f"{decision.action.value} {subject} by {by(one)}{reason}".replace("  ", " "))


def of_channel(channel: "ChannelStanding", scope: Scope) -> Iterator[Change]:
    """What devices are told since."""
    for one in channel.models:
        pointer = one.pointer
        if pointer.signed_at >= scope.since and scope.model in (None, pointer.model):
            shown = "" if one.shown else ", and not shown to them yet"
            yield Change(
                pointer.signed_at, "channel", f"change {pointer.sequence} of {pointer.model} was signed{shown}"
            )


def of_devices(devices: Sequence[DeviceFacts], scope: Scope) -> Iterator[Change]:
    """Which releases devices came to, and which devices are new; those of one release and site together."""
    came: defaultdict[tuple[str, int, str], list[datetime]] = defaultdict(list)
    new: defaultdict[str, list[datetime]] = defaultdict(list)
    for device in devices:
        site = device.site or "-"
        if device.enrolled_at >= scope.since:
            new[site].append(device.enrolled_at)
        for model, running in device.running.items():
            if running.release is not None and running.since >= scope.since and scope.model in (None, model):
                came[model, running.release, site].append(running.since)
    for (model, release, site), times in came.items():
        yield Change(max(times), "devices", f"{len(times):,} of site {site} came to release {release} of {model}")
    for site, times in new.items():
        yield Change(max(times), "devices", f"{len(times):,} were enrolled at site {site}")


def of_data(store: "Store", scope: Scope, now: datetime) -> Iterator[Change]:
    """Snapshots that were recorded; by the store's own clock."""
    for key in store.list(SNAPSHOTS):
        at = now - store.age(key)
        if at >= scope.since:
            yield Change(at, "data", f"snapshot {key.removeprefix(SNAPSHOTS).removesuffix('.json')[:12]} was recorded")


def _concerns(one: Written, scope: Scope) -> bool:
    decision = one.entry.decision
    if scope.site is not None:
        there = decision.subjects.get("site")
        return there == scope.site or (there is None and decision.action in FOR_SITES)
    return scope.model is None or decision.model in (scope.model, EVERY_MODEL)
