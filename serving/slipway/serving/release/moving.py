"""What is decided about a rollout: going on, its last step's approval, pauses, pins, freezes, pictures to keep.

Each is one entry of the ledger, which the channel then follows. What is so already is not decided a second time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from slipway.platform.ledger.entry import Action, Written
from slipway.platform.registry.decisions import ASKED_BY, FINISH, GRANT, RELEASE, About
from slipway.platform.registry.desk import Desk, Refused
from slipway.serving.channel.pointer import Sampling, Wave
from slipway.serving.release.converging import Converged, Told, converge
from slipway.serving.release.deciding import (
    Outlook,
    about_release,
    against_person,
    asked_before,
    check_counts,
    check_same,
    decide,
    refused,
    telling,
)
from slipway.serving.release.folding import load_rollout
from slipway.serving.release.holding import HOLDS, LIFT, REMOVE, UNTIL, against_hold, ends
from slipway.serving.release.metering import SILENT, Meter
from slipway.serving.release.repository import Repository
from slipway.serving.release.rollouts import Holder, Rollout
from slipway.serving.release.rules import SAMPLING, WAVE, against_move

Already = Callable[[Rollout], Written | None]
"""The entry that made it so, where it is so already."""


@dataclass(frozen=True)
class Move:
    """What is to happen to what is on its way."""

    action: Action
    details: Mapping[str, Any]
    already: Already
    named: Mapping[str, str] = field(default_factory=dict)
    """Whom a pin holds, and to which release."""

    @property
    def words(self) -> str:
        """What it does to a model, whose name follows."""
        match self.action:
            case Action.SAMPLE:
                return "change which pictures are kept by devices of"
            case Action.PIN:
                return "change pins of"
            case Action.FREEZE:
                return "freeze or unfreeze"
            case Action.AGREE:
                return "approve the last step of the rollout of"
        return f"{self.action} the rollout of"


@dataclass(frozen=True)
class Moved:
    """What became of it."""

    rollout: Rollout
    written: Written
    before: bool
    """Whether it was so before."""
    shown: tuple[Converged, ...]
    """Of the model; of all where it is about all."""

    @property
    def converged(self) -> Converged:
        """What devices of the model are told."""
        return self.shown[0]


def _last(rollout: Rollout, action: Action) -> Written | None:
    """The newest entry that did this to what is on its way, else the one that began it."""
    target = rollout.target
    if target is None:
        return None
    steps = (step.written for step in reversed(rollout.steps) if step.release == target.number)
    return next((one for one in steps if one.entry.decision.action is action), target.written)


def agreeing(person: str) -> Move:
    """This person approves the last step, where the plan asks for that."""

    def already(rollout: Rollout) -> Written | None:
        return next((one for one in rollout.agreed if one.signer == person), None)

    return Move(Action.AGREE, {}, already)


def pausing() -> Move:
    """Nobody begins with the target; who has it keeps it."""
    return Move(Action.PAUSE, {}, lambda rollout: rollout.paused)


def resuming() -> Move:
    """It goes on after a pause."""

    def already(rollout: Rollout) -> Written | None:
        return _last(rollout, Action.RESUME) if rollout.target and not rollout.paused else None

    return Move(Action.RESUME, {}, already)


def advancing(wave: Wave) -> Move:
    """More devices get it."""

    def already(rollout: Rollout) -> Written | None:
        same = rollout.target and not rollout.paused and wave == rollout.wave.model_copy(update={"seed": wave.seed})
        return _last(rollout, Action.ADVANCE) if same else None

    return Move(Action.ADVANCE, {WAVE: wave.model_dump(mode="json", exclude={"seed"})}, already)


def sampling(wanted: Sampling) -> Move:
    """Devices keep other pictures for labelling, whatever they run."""

    def already(rollout: Rollout) -> Written | None:
        return rollout.sampled if rollout.sampling == wanted else None

    return Move(Action.SAMPLE, {SAMPLING: wanted.model_dump(mode="json")}, already)


def finishing() -> Move:
    """All devices get it, and it is what later ones are led back to."""

    def already(rollout: Rollout) -> Written | None:
        return rollout.base.finished if rollout.base and not rollout.target else None

    return Move(Action.ADVANCE, {FINISH: True}, already)


def pinning(holder: Holder, release: int, until: datetime) -> Move:
    """A device, or the devices of a site, stay with this release until then."""

    def already(rollout: Rollout) -> Written | None:
        there = rollout.pins.get(holder)
        same = there and (there.release, there.pin.until) == (release, until)
        return there.written if there and same else None

    kind, name = holder
    return Move(Action.PIN, {UNTIL: until.isoformat()}, already, {RELEASE: str(release), kind: name})


def unpinning(holder: Holder) -> Move:
    """They run what the others do again."""
    kind, name = holder
    return Move(Action.PIN, {REMOVE: True}, lambda rollout: _ended(rollout, Action.PIN, {kind: name}), {kind: name})


def freezing(until: datetime) -> Move:
    """Nothing is begun with until then."""

    def already(rollout: Rollout) -> Written | None:
        there = rollout.freezes.get(rollout.model)
        return there.written if there and there.until == until else None

    return Move(Action.FREEZE, {UNTIL: until.isoformat()}, already)


def lifting() -> Move:
    """A freeze ends before its time."""
    return Move(Action.FREEZE, {LIFT: True}, lambda rollout: _ended(rollout, Action.FREEZE, {}))


def _ended(rollout: Rollout, action: Action, named: Mapping[str, str]) -> Written | None:
    """The entry that ended it, where nothing of the kind came after."""
    for step in reversed(rollout.steps):
        decision = step.written.entry.decision
        if (decision.action, decision.model) != (action, rollout.model):
            continue
        if all(decision.subjects.get(kind) == name for kind, name in named.items()):
            return step.written if ends(decision) else None
    return None


def move(  # noqa: PLR0913 - what may be left out is given by name
    desk: Desk,
    repository: Repository,
    model: str,
    wanted: Move,
    *,
    reason: str = "",
    request: str | None = None,
    asked: Mapping[str, Any] | None = None,
    told: Told = lambda _: None,
    meter: Meter = SILENT,
) -> Moved:
    """Decide it, and let the channel follow; `asked` says for whom a service decides it, and stands in the details."""
    rollout, _ = load_rollout(desk, model)
    there = _before(desk, rollout, wanted, request)
    written = there or _decided(
        desk, rollout, replace(wanted, details={**wanted.details, **(asked or {})}), reason, request
    )
    with telling(written):
        shown = converge(desk, repository, (model,) if model else None, told=told, meter=meter)
    return Moved(load_rollout(desk, model)[0], written, there is not None, shown)


def outlook(desk: Desk, rollout: Rollout, wanted: Move, request: str | None = None) -> Outlook:
    """What deciding it would come to; nothing is written."""
    try:
        if there := _before(desk, rollout, wanted, request):
            return Outlook(there)
    except Refused as found:
        return Outlook(refused=found)
    about, name = _about(rollout, wanted), desk.signer.person.name
    decision = about.decided(wanted.action, actor=name, nonce="-", details=wanted.details)
    return Outlook(refused=against(desk, rollout, wanted) or against_person(desk, decision))


def _before(desk: Desk, rollout: Rollout, wanted: Move, request: str | None) -> Written | None:
    """The entry that made it so, by the same request or any."""
    there = asked_before(desk, rollout.model, wanted.action, request)
    if there:
        check_same(there, request, same=_same(there, wanted))
    there = there or wanted.already(rollout)
    if there:
        check_counts(there, rollout.why_void(there.entry.number))
    return there


def against(desk: Desk, rollout: Rollout, wanted: Move) -> Refused | None:
    """What speaks against it now."""
    actor = desk.signer.person.name if wanted.action is Action.AGREE else ""
    decision = _about(rollout, wanted).decided(wanted.action, actor=actor, nonce="-", details=wanted.details)
    check = against_hold if wanted.action in HOLDS else against_move
    found = check(rollout, decision, desk.now())
    return refused([found]) if found else None


def _decided(desk: Desk, rollout: Rollout, wanted: Move, reason: str, request: str | None) -> Written:
    about = _about(rollout, wanted)
    if found := against(desk, rollout, wanted):
        desk.refuse(wanted.action.value, about, found)
    return decide(desk, wanted.action, about, reason=reason, request=request, details=wanted.details)[0]


def _about(rollout: Rollout, wanted: Move) -> About:
    """What it is about: what is on its way, or the release that somebody is pinned to."""
    if wanted.action in {Action.SAMPLE, *HOLDS}:
        released = rollout.releases.get(int(wanted.named.get(RELEASE, 0)))
        return about_release(released, **wanted.named) if released else About(rollout.model, "", besides=wanted.named)
    return about_release(rollout.target) if rollout.target else About(rollout.model, "")


def _settled(details: Mapping[str, Any]) -> dict[str, Any]:
    """Details without who asked, and without the moment."""
    return {name: "" if name == UNTIL else one for name, one in details.items() if name not in {ASKED_BY, GRANT}}


def _same(there: Written, wanted: Move) -> bool:
    """Whether an entry is what is wanted; a span that is said anew ends at another moment."""
    decision = there.entry.decision
    before, now = (_settled(one) for one in (decision.details, wanted.details))
    return before == now and all(decision.subjects.get(name) == value for name, value in wanted.named.items())
