"""What needs a person now: pure functions over where rollouts, versions, the channel and devices stand.

Each gives notices of kinds of its own (`KINDS`), one for each cause, with how many devices it stands for.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from slipway.platform.ledger.describing import by, moment, plain
from slipway.platform.ledger.entry import Action, Written
from slipway.platform.registry.decisions import ASKED_BY
from slipway.platform.registry.standing import ModelStanding
from slipway.serving.fleet.facts import DeviceFacts, Work
from slipway.serving.fleet.notices.failing import BEHIND, FAILING, of_classes
from slipway.serving.fleet.notices.notice import Notice, Weight
from slipway.serving.fleet.notices.telling import told_devices, told_names
from slipway.serving.release.rollouts import Rollout

if TYPE_CHECKING:
    from slipway.serving.release.inspecting import RoleStanding

STOPPED, SILENT, EXPIRY, APPROVAL, DUPLICATE, REVOKED = (
    "rollout-stopped",
    "silent",
    "expiry",
    "approval",
    "duplicate-id",
    "revoked-key",
)
KINDS: Final = (STOPPED, FAILING, BEHIND, SILENT, EXPIRY, APPROVAL, DUPLICATE, REVOKED)
RETRAINING: Final = "retraining-failed"
"""Raised by flows, with the model's name behind it."""
NOWHERE: Final = "-"
"""Of devices without a site."""
EVERYWHERE: Final = "*"
REMEMBERED: Final = timedelta(days=7)
"""So long an undone rollout is told, where nothing has gone forward since."""
LATELY: Final = timedelta(days=1)
"""So long what is strange is told after it was seen last."""
FEWEST: Final = 2
"""Of one device that is silent nothing follows about the rest."""


class Oddity(Protocol):
    """What the fleet store says of something strange."""

    @property
    def device(self) -> str: ...
    @property
    def what(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def last(self) -> datetime: ...


def of_rollouts(
    rollouts: Mapping[str, tuple[Rollout, ModelStanding]], services: Iterable[str], now: datetime
) -> Iterator[Notice]:
    """Rollouts that stand still, those that were undone, and what waits for approvals; `services` lead rollouts."""
    known = frozenset(services)
    for model, (rollout, _) in rollouts.items():
        yield from _paused(rollout, known)
        yield from _undone(rollout, known, now)
        yield from _last_step(model, rollout)


def of_versions(standings: Mapping[str, ModelStanding]) -> Iterator[Notice]:
    """Challengers that have passed their gates and wait for people."""
    for model, standing in standings.items():
        version = standing.versions.get(standing.challenger or "")
        if version is None or version.last is None or not version.passed:
            continue
        given = len(version.approvers(version.last.key))
        if given < version.needed:
            name = f"{model}/{version.number}"
            yield Notice(
                f"{APPROVAL}/{name}",
                Weight.NOTE,
                f"{name} waits for approval",
                f"It has passed its gates, and {given} of {version.needed} people have approved it.",
                f"slipway model approve {name}",
                version.registered.entry.at,
                model=model,
            )


def of_channel(roles: Iterable["RoleStanding"], now: datetime) -> Iterator[Notice]:
    """Signatures of which half of the life is gone, or all of it."""
    for one in roles:
        if not one.late(now):
            continue
        who = " or ".join(one.holders)
        over = one.over(now)
        until = f"{moment(one.good_until)} UTC"
        yield Notice(
            f"{EXPIRY}/{one.role}",
            Weight.URGENT if over else Weight.WARNING,
            f"`{one.role}` of the channel has ended" if over else f"`{one.role}` of the channel should be renewed",
            f"It ended on {until}: devices install nothing new, and keep what they run. {who} can sign it anew."
            if over
            else f"It is good until {until}, and less than half of its life is left. {who} can sign it anew.",
            "slipway channel keepalive",
            one.good_until - one.life / 2,
        )


def of_devices(
    devices: Sequence[DeviceFacts],
    rollouts: Mapping[str, tuple[Rollout, ModelStanding]],
    work: Mapping[str, Sequence[Work]],
    silent_minutes: float,
    now: datetime,
) -> Iterator[Notice]:
    """Classes of devices with which something is wrong, and sites whose devices say nothing."""
    for model, (rollout, _) in rollouts.items():
        yield from of_classes(rollout, devices, work.get(model, ()), silent_minutes, now)
    yield from _silent(devices, silent_minutes, now)


def of_strange(strange: Iterable[Oddity], sites: Mapping[str, str | None], now: datetime) -> Iterator[Notice]:
    """Two machines with one id, and devices that report though they were revoked; by site."""
    groups: defaultdict[tuple[str, str], list[Oddity]] = defaultdict(list)
    for one in strange:
        if now - one.last <= LATELY:
            groups[one.what, sites.get(one.device) or NOWHERE].append(one)
    for (what, site), found in sorted(groups.items()):
        names = told_names([one.device for one in found])
        tries = sum(one.count for one in found)
        first = found[0].device
        if what == "other-key":
            kind, title = DUPLICATE, f"Another key under the id of {names}"
            text = (
                f"{tries:,} requests under {told_devices(len(found))} of {_site(site)} were signed by a key that is "
                "not the device's: two machines may have one id, or somebody tries. They were refused."
            )
            command = f"slipway fleet history {first}"
        elif what == "revoked":
            kind, title = REVOKED, f"Revoked and still reporting: {names}"
            text = f"{tries:,} requests of {told_devices(len(found))} of {_site(site)} were refused."
            command = f"slipway fleet show {first}"
        else:
            continue
        yield Notice(
            f"{kind}/{site}", Weight.WARNING, title, text, command, max(one.last for one in found),
            site=None if site == NOWHERE else site, count=len(found),
        )  # fmt: skip


def heard_late(device: DeviceFacts, silent_minutes: float, now: datetime) -> bool:
    """Whether a device is silent; one that was just enrolled has its time."""
    since = device.heard_at or device.enrolled_at
    return (now - since).total_seconds() > silent_minutes * 60


def _paused(rollout: Rollout, services: frozenset[str]) -> Iterator[Notice]:
    if rollout.paused is None or rollout.target is None:
        return
    model, number = rollout.model, rollout.target.number
    judged = _judged(rollout.paused, services)
    then = "`slipway rollout resume` lets it go on, `slipway rollback` takes it back; both want a reason."
    yield Notice(
        f"{STOPPED}/{model}/{number}",
        Weight.URGENT if judged else Weight.NOTE,
        f"The rollout of release {number} of {model} is paused",
        f"{_said(rollout.paused)} {then}",
        f"slipway rollout watch {model}" if rollout.target.plan else f"slipway rollout status {model}",
        rollout.paused.entry.at,
        model=model,
    )


def _undone(rollout: Rollout, services: frozenset[str], now: datetime) -> Iterator[Notice]:
    """Where the last that happened is that a release was taken back, and it was no person who did it."""
    last = rollout.last
    if last is None or last.entry.decision.action is not Action.ROLLBACK or not _judged(last, services):
        return
    if now - last.entry.at > REMEMBERED:
        return
    for one in rollout.releases.values():
        if one.undone == last:
            back = rollout.base
            runs = f"Devices go back to release {back.number}." if back else ""
            yield Notice(
                f"{STOPPED}/{rollout.model}/{one.number}",
                Weight.URGENT,
                f"Release {one.number} of {rollout.model} was undone",
                f"{_said(last)} {runs}".strip(),
                f"slipway rollout history {rollout.model}",
                last.entry.at,
                model=rollout.model,
            )


def _last_step(model: str, rollout: Rollout) -> Iterator[Notice]:
    target = rollout.target
    plan = target.plan if target else None
    if target is None or plan is None or rollout.paused or len(rollout.agreed) >= plan.approvals:
        return
    place = plan.position(rollout.wave)
    if place is None:
        return
    following = plan.waves[place + 1].wave if place + 1 < len(plan.waves) else None
    if following is None or plan.is_last_step(following):
        yield Notice(
            f"{APPROVAL}/{model}/rollout-{target.number}",
            Weight.NOTE,
            f"The last step of release {target.number} of {model} waits for approval",
            f"{len(rollout.agreed)} of {plan.approvals} people have approved it; `slipway rollout watch {model}` shows "
            "how it does.",
            f"slipway rollout approve {model}",
            target.written.entry.at,
            model=model,
        )


def _silent(devices: Sequence[DeviceFacts], minutes: float, now: datetime) -> Iterator[Notice]:
    quiet: defaultdict[str, list[DeviceFacts]] = defaultdict(list)
    there: defaultdict[str, int] = defaultdict(int)
    for one in devices:
        there[one.site or NOWHERE] += 1
        if heard_late(one, minutes, now):
            quiet[one.site or NOWHERE].append(one)
    if len(devices) >= FEWEST and len(quiet) >= FEWEST and sum(map(len, quiet.values())) == len(devices):
        yield Notice(
            f"{SILENT}/{EVERYWHERE}",
            Weight.URGENT,
            f"None of {len(devices):,} devices reports",
            f"No site has been heard for {minutes:g} minutes: the service, or the way to it, is more likely the cause "
            "than the devices.",
            "slipway fleet list --silent",
            now,
            count=len(devices),
        )
        return
    for site, found in sorted(quiet.items()):
        whole = len(found) == there[site] >= FEWEST
        option = "" if site == NOWHERE else f" --site {site}"
        yield Notice(
            f"{SILENT}/{site}",
            Weight.URGENT if whole else Weight.WARNING,
            f"{'All' if whole else len(found)} of {told_devices(there[site])} of {_site(site)} say nothing",
            f"Not heard for more than {minutes:g} minutes: {told_names([one.id for one in found])}.",
            f"slipway fleet list{option} --silent",
            now,
            site=None if site == NOWHERE else site,
            count=len(found),
        )


def _judged(written: Written, services: frozenset[str]) -> bool:
    """Whether the controller decided it by itself, and no person asked."""
    return written.signer in services and ASKED_BY not in written.entry.decision.details


def _said(written: Written) -> str:
    reason = plain(written.entry.decision.reason)
    told = f" Reason: {reason.removesuffix('.')}." if reason else ""
    return f"By {by(written)}, {moment(written.entry.at)} UTC, entry {written.entry.number}.{told}"


def _site(site: str) -> str:
    return "no site" if site == NOWHERE else f"site {site}"
