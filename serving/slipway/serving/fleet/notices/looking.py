"""One look at everything that a notice can come from. What cannot be looked at is said, and ends no notice."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol

from slipway.platform.errors import SlipwayError as PlatformError
from slipway.platform.identity import Role
from slipway.platform.ledger.entry import Action, Written
from slipway.platform.registry.standing import ModelStanding, standing_of
from slipway.platform.store import ObjectMissing
from slipway.serving.errors import SlipwayError
from slipway.serving.fleet.facts import DeviceFacts, Work
from slipway.serving.fleet.notices import failing, finding
from slipway.serving.fleet.notices.notice import Notice
from slipway.serving.release.folding import folded
from slipway.serving.release.rollouts import Rollout

if TYPE_CHECKING:
    from slipway.platform.registry.desk import Desk
    from slipway.serving.release.inspecting import ChannelStanding

TROUBLE: Final = (PlatformError, SlipwayError, OSError)
FIRST_ROOT: Final = "metadata/1.root.json"


class Devices(Protocol):
    """What is asked of the fleet store."""

    def devices(self) -> Sequence[DeviceFacts]:
        """Those that are not revoked."""

    def device(self, name: str) -> DeviceFacts | None:
        """One, also one that was revoked."""

    def work(self, model: str, *, since: datetime, until: datetime, releases: Sequence[int]) -> Sequence[Work]:
        """What each device did with these releases."""

    def strange(self, since: datetime) -> Sequence[finding.Oddity]:
        """What somebody should look at."""


@dataclass
class Look:
    """What a look found, and what it was at."""

    now: datetime
    notices: list[Notice] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    """Kinds that could not be looked at."""
    remarks: list[str] = field(default_factory=list)
    """Why, a sentence each."""
    entries: Sequence[Written] = ()
    rollouts: Mapping[str, tuple[Rollout, ModelStanding]] = field(default_factory=dict)
    """Of models that were ever released."""
    channel: "ChannelStanding | None" = None
    """None where there is none, or it cannot be read."""
    devices: Sequence[DeviceFacts] | None = None
    """None where there is no fleet store, or it cannot be read."""

    def try_to(self, what: Callable[[], None], kinds: Iterable[str]) -> None:
        """One part; where it fails, the others are as true as before."""
        try:
            what()
        except TROUBLE as error:
            self.unknown.update(kinds)
            self.remarks.append(str(error))


def look(desk: "Desk", fleet: Devices | None) -> Look:
    """At ledger, channel and fleet store; None for a project without one."""
    found = Look(desk.now())
    found.try_to(lambda: _at_ledger(found, desk), (finding.STOPPED, finding.APPROVAL, failing.FAILING, failing.BEHIND))
    found.try_to(lambda: _at_channel(found, desk), (finding.EXPIRY,))
    of_devices = (finding.SILENT, failing.FAILING, failing.BEHIND, finding.DUPLICATE, finding.REVOKED)
    if fleet is None:
        found.unknown.update(of_devices)
    else:
        found.try_to(lambda: _at_devices(found, desk, fleet), of_devices)
    return found


def _at_ledger(found: Look, desk: "Desk") -> None:
    found.entries = entries = tuple(desk.ledger.entries())
    by_model: defaultdict[str, list[Written]] = defaultdict(list)
    for one in entries:
        by_model[one.entry.decision.model].append(one)
    released = sorted({one.entry.decision.model for one in entries if one.entry.decision.action is Action.RELEASE})
    found.rollouts = {model: folded(model, entries) for model in released}
    standings = {model: standing_of(model, told) for model, told in sorted(by_model.items()) if model}
    services = [one.name for one in desk.people.persons if Role.ROLLOUT_SERVICE in one.roles]
    found.notices += finding.of_rollouts(found.rollouts, services, found.now)
    found.notices += finding.of_versions(standings)


def _at_channel(found: Look, desk: "Desk") -> None:
    from slipway.serving.release.inspecting import standing_of as channel_of
    from slipway.serving.release.places import channel_store
    from slipway.serving.release.tuf_repository import TufRepository

    try:
        channel_store(desk.loaded).get(FIRST_ROOT)
    except ObjectMissing:
        return  # none was begun
    found.channel = channel_of(TufRepository.open(desk.loaded))
    found.notices += finding.of_channel(found.channel.roles, found.now)


def _at_devices(found: Look, desk: "Desk", fleet: Devices) -> None:
    found.devices = devices = fleet.devices()
    minutes = desk.loaded.settings.fleet.silent_minutes
    since = found.now - failing.RECENT
    work = {
        model: fleet.work(model, since=since, until=found.now, releases=(rollout.newest.number,))
        for model, (rollout, _) in found.rollouts.items()
        if rollout.newest is not None
    }
    found.notices += finding.of_devices(devices, found.rollouts, work, minutes, found.now)
    sites = {one.id: one.site for one in devices}
    strange = fleet.strange(found.now - finding.LATELY)
    for one in strange:
        if one.device not in sites:
            known = fleet.device(one.device)
            sites[one.device] = known.site if known else None
    found.notices += finding.of_strange(strange, sites, found.now)
