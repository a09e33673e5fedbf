"""Gathers an incident from ledger, channel, fleet store and data; what cannot be looked at is told."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from slipway.platform.errors import WrongUse
from slipway.platform.identity import People
from slipway.platform.ledger.rights import ROLES, held_right
from slipway.platform.names import suggestion
from slipway.platform.registry.desk import Desk
from slipway.serving.fleet.facts import DeviceFacts
from slipway.serving.fleet.incident import changes
from slipway.serving.fleet.incident.advice import Advice, advise
from slipway.serving.fleet.incident.changes import Change, Scope
from slipway.serving.fleet.notices.book import Standing
from slipway.serving.fleet.notices.finding import heard_late
from slipway.serving.fleet.notices.looking import TROUBLE, Look, look
from slipway.serving.fleet.notices.standing import standings_in
from slipway.serving.fleet.opened import open_reader
from slipway.serving.fleet.reader import FleetReader
from slipway.serving.fleet.store.outcomes import Precision

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

PRECISION_SPAN: Final = timedelta(days=30)


@dataclass(frozen=True)
class Group:
    """Devices of one site that run the same release of a model."""

    model: str
    site: str
    release: int | None
    devices: int
    silent: int
    agents: Sequence[str]
    precision: Precision | None = None
    """How often it was right there, in the last 30 days."""


@dataclass(frozen=True)
class Incident:
    """One screen."""

    scope: Scope
    now: datetime
    states: dict[str, str]
    """By model, where its rollout stands."""
    changes: list[Change]
    runs: list[Group] | None
    """None where nobody knows."""
    wrong: list[Standing]
    advice: Advice
    may: str
    """Whether who asks may do it, in words."""
    remarks: list[str]


def incident(loaded: "Loaded", scope: Scope) -> Incident:
    """All of it."""
    desk = Desk.of(loaded)
    with open_reader(loaded) as fleet:
        found = look(desk, fleet)
        if scope.site is not None and found.devices is not None:
            _check_site(scope.site, found)
        wrong, remarks = standings_in(found, fleet)
        if fleet is None:
            remarks.append("There is no fleet store here, so nobody knows what devices run.")
        wrong = [one for one in wrong if _concerns(one, scope)]
        rollout = found.rollouts.get(scope.model or "", (None, None))[0]
        advice = advise(scope.model, rollout, [one.notice for one in wrong if one.silence is None])
        runs = None if found.devices is None else _groups(found.devices, scope, desk, found.now)
        if fleet is not None and runs:
            runs = _with_precision(fleet, runs, found.now, remarks)
    return Incident(
        scope=scope,
        now=found.now,
        states=_states(found, scope),
        changes=_changes(desk, found, scope, remarks),
        runs=runs,
        wrong=wrong,
        advice=advice,
        may=_may(desk, advice, found.now),
        remarks=remarks,
    )


def _check_site(site: str, found: Look) -> None:
    """Refuse a name that nobody ever gave to a site: of that nothing would be wrong."""
    named = {one.entry.decision.subjects.get("site") for one in found.entries}
    known = sorted(name for name in {*named, *(one.site for one in found.devices or ())} if name)
    if site not in known:
        raise WrongUse(f"No device is at a site `{site}`, and nothing is set for one.", mend=suggestion(site, known))


def _concerns(one: Standing, scope: Scope) -> bool:
    notice = one.notice
    if scope.site is not None:
        return notice.site in (None, scope.site)
    return scope.model is None or notice.model in (None, scope.model)


def _states(found: Look, scope: Scope) -> dict[str, str]:
    from slipway.serving.release.wording import standing

    told = {}
    for model, (rollout, _) in found.rollouts.items():
        if scope.model in (None, model):
            frozen = rollout.frozen_at(found.now)
            told[model] = f"{standing(rollout)}{f'; {frozen.why}' if frozen else ''}"
    return told


def _changes(desk: Desk, found: Look, scope: Scope, remarks: list[str]) -> list[Change]:
    all_of_them = list(changes.of_ledger(found.entries, scope))
    if found.channel is not None:
        all_of_them += changes.of_channel(found.channel, scope)
    devices = [one for one in found.devices or () if scope.site in (None, one.site)]
    all_of_them += changes.of_devices(devices, scope)
    try:
        all_of_them += changes.of_data(desk.store, scope, found.now)
    except TROUBLE as error:
        remarks.append(str(error))
    return sorted(all_of_them, key=lambda one: one.at, reverse=True)


def _groups(devices: Sequence[DeviceFacts], scope: Scope, desk: Desk, now: datetime) -> list[Group]:
    minutes = desk.loaded.settings.fleet.silent_minutes
    there: Counter[tuple[str, str, int | None]] = Counter()
    silent: Counter[tuple[str, str, int | None]] = Counter()
    agents: dict[tuple[str, str, int | None], set[str]] = {}
    for device in devices:
        if scope.site not in (None, device.site):
            continue
        for model in {*device.models, *device.running}:
            if scope.model not in (None, model):
                continue
            running = device.running.get(model)
            key = model, device.site or "-", running.release if running else None
            there[key] += 1
            silent[key] += heard_late(device, minutes, now)
            agents.setdefault(key, set()).add(device.agent or "-")
    order = sorted(there, key=lambda key: (key[0], key[1], key[2] or 0))
    return [Group(*key, there[key], silent[key], sorted(agents[key])) for key in order]


def _with_precision(fleet: FleetReader, groups: list[Group], now: datetime, remarks: list[str]) -> list[Group]:
    try:
        known = {
            (one.model, one.site or "-", one.release): one
            for model in {group.model for group in groups}
            for one in fleet.precision(model, since=now - PRECISION_SPAN, until=now)
        }
    except TROUBLE as error:
        remarks.append(str(error))
        return groups
    return [replace(one, precision=known.get((one.model, one.site, one.release))) for one in groups]


def _may(desk: Desk, advice: Advice, now: datetime) -> str:
    """Whether who asks has the role, else who does; an undo to an approved release takes one who is on call."""
    if advice.action is None:
        return ""
    roles = " or ".join(role.value for role in ROLES[advice.action] if not role.value.endswith("-service"))
    try:
        person = desk.signer.person
        people = desk.people
    except TROUBLE as error:
        return f"It takes one person who is {roles}. Nobody knows whether you are: {error}"
    if held_right(person, advice.action, now):
        return f"It takes one person who is {roles}: you are (`{person.name}`)."
    others = _holders(people, advice, now)
    return f"It takes one person who is {roles}: `{person.name}` is not; {others}."


def _holders(people: People, advice: Advice, now: datetime) -> str:
    action = advice.action
    found = [
        one.name for one in people.persons if action is not None and held_right(one, action, now) and not one.service
    ]
    return f"{' or '.join(found)} can" if found else "nobody is"
