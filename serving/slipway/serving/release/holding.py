"""What an entry about a pin or a freeze says, and what speaks against it at its place.

Both hold something back until a moment, which lies at most 90 days ahead, and neither leads a device to what it may not
run: a pin names a release that counts, is not quarantined, and lies at or above the floor.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from pydantic import TypeAdapter, ValidationError

from slipway.platform.ledger.entry import EVERY_MODEL, Action, Decision, Written
from slipway.platform.registry.decisions import RELEASE
from slipway.serving.channel.pointer import MOST_PINS, Moment, Pin
from slipway.serving.release.rollouts import Frozen, Holder, Pinned, Released, Rollout
from slipway.serving.release.rules import Against, Unreadable, number_in

UNTIL: Final = "until"
REMOVE: Final = "remove"
LIFT: Final = "lift"
DEVICE: Final = "device"
SITE: Final = "site"
LONGEST: Final = timedelta(days=90)
HOLDS: Final = frozenset({Action.PIN, Action.FREEZE})
_MOMENT: Final[TypeAdapter[datetime]] = TypeAdapter(Moment)


def ends(decision: Decision) -> bool:
    """Whether it ends one that is there."""
    return decision.details.get(REMOVE if decision.action is Action.PIN else LIFT) is True


def until_in(decision: Decision) -> datetime:
    """How long it holds."""
    told = decision.details.get(UNTIL)
    try:
        return _MOMENT.validate_python(told if isinstance(told, str) else None)
    except ValidationError:
        raise Unreadable("it does not say until when") from None


def holder_in(decision: Decision) -> Holder:
    """Whom a pin holds."""
    named = [(kind, decision.subjects[kind]) for kind in (DEVICE, SITE) if kind in decision.subjects]
    if len(named) != 1:
        raise Unreadable("it names neither one device nor one site")
    return named[0]


def pin_in(decision: Decision, released: Released) -> Pin:
    """The pin, as devices are told it."""
    kind, name = holder_in(decision)
    try:
        return Pin.model_validate({kind: name, "release": released.named, UNTIL: until_in(decision)})
    except ValidationError:
        raise Unreadable(f"`{name}` is no name of a {kind}") from None


def against_hold(rollout: Rollout, decision: Decision, at: datetime) -> Against | None:
    """What speaks against a pin or a freeze at this place, which is that of this moment."""
    try:
        if decision.action is Action.FREEZE:
            return _against_freeze(rollout, decision, at)
        return _against_pin(rollout, decision, at)
    except Unreadable as error:
        command = "freeze" if decision.action is Action.FREEZE else "fleet pin"
        return Against(str(error), f"`slipway {command}` writes such entries.")


def held(rollout: Rollout, written: Written) -> Rollout:
    """The rollout after a pin or a freeze that counts."""
    decision = written.entry.decision
    if decision.action is Action.FREEZE:
        rest = {scope: one for scope, one in rollout.freezes.items() if scope != decision.model}
        return replace(
            rollout,
            freezes=rest if ends(decision) else {**rest, decision.model: Frozen(until_in(decision), written)},
        )
    holder, at = holder_in(decision), written.entry.at
    pins = {name: one for name, one in rollout.pins.items() if name != holder and one.pin.until > at}
    if not ends(decision):
        released = _known(rollout, decision)
        pins[holder] = Pinned(holder, released.number, pin_in(decision, released), written)
    return replace(rollout, pins=pins)


def loosened(rollout: Rollout) -> Rollout:
    """Without the pins to what devices may run no more."""
    pins = {holder: one for holder, one in rollout.pins.items() if not _against_release(rollout, one.release)}
    return rollout if pins == rollout.pins else replace(rollout, pins=pins)


def _against_freeze(rollout: Rollout, decision: Decision, at: datetime) -> Against | None:
    scope = decision.model
    if not ends(decision):
        return _against_span(until_in(decision), at)
    there = rollout.freezes.get(scope)
    if there is not None and there.until > at:
        return None
    other = next((one for one in rollout.freezes.values() if one.until > at), None)
    told = f"`slipway freeze{f' {scope}' if scope else ''} --until T --reason …` freezes it."
    if other is not None:
        told = f"{other.why}: `slipway freeze{' MODEL' if scope == EVERY_MODEL else ''} --lift --reason …` lifts that."
    return Against(f"{scope or 'everything'} is not frozen{' by itself' if other else ''}", told)


def _against_pin(rollout: Rollout, decision: Decision, at: datetime) -> Against | None:
    holder = holder_in(decision)
    there = rollout.pins.get(holder)
    if ends(decision):
        if there is None or there.pin.until <= at:
            return Against(f"{' '.join(holder)} is not pinned", f"`slipway rollout status {rollout.model}` shows pins.")
        return None
    released = _known(rollout, decision)
    pin_in(decision, released)
    others = [one for one in rollout.pins_at(at) if one.holder != holder]
    if len(others) >= MOST_PINS:
        return Against(
            f"{rollout.model} has {len(others)} pins already, as many as devices are told of",
            "Pin sites in place of devices, or remove one.",
        )
    return _against_span(until_in(decision), at) or _against_release(rollout, released.number)


def _known(rollout: Rollout, decision: Decision) -> Released:
    number = number_in(decision, RELEASE)
    released = rollout.releases.get(number) if number is not None else None
    if released is None:
        raise Unreadable(f"{rollout.model} has no release {decision.subjects.get(RELEASE, '')}".rstrip())
    return released


def _against_release(rollout: Rollout, number: int) -> Against | None:
    """What speaks against leading a device to that release."""
    released, model = rollout.releases[number], rollout.model
    history = f"`slipway rollout history {model}` tells of all releases."
    if rollout.is_quarantined(released) or released.undone:
        return Against(f"release {number} of {model} is quarantined", history)
    if number < rollout.floor:
        return Against(
            f"devices may have seen the floor {rollout.floor} of {model}, and go back to nothing below it", history
        )
    return None


def _against_span(until: datetime, at: datetime) -> Against | None:
    if until <= at:
        return Against(f"{_told(until)} was over by then", "Name a moment that is still to come.")
    if until - at > LONGEST:
        return Against(
            f"{_told(until)} is more than {LONGEST.days} days ahead", "Name an earlier one, and write it again then."
        )
    return None


def _told(until: datetime) -> str:
    return f"{until:%Y-%m-%d %H:%M %Z}".rstrip()
