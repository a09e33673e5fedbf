"""Letting a rollout go on, approving its last step, pausing it, and saying which pictures devices keep.

Each is one entry of the ledger, which the channel then follows. What is so already is not decided a second time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from slipway.platform.ledger.entry import Action, Written
from slipway.platform.registry.decisions import About
from slipway.platform.registry.desk import Desk, Refused
from slipway.serving.channel.pointer import Sampling, Wave
from slipway.serving.release.converging import Converged, Told, converge
from slipway.serving.release.deciding import about_release, asked_before, check_counts, check_same, decide, refused
from slipway.serving.release.folding import load_rollout
from slipway.serving.release.metering import SILENT, Meter
from slipway.serving.release.repository import Repository
from slipway.serving.release.rollouts import Rollout
from slipway.serving.release.rules import FINISH, SAMPLING, WAVE, against_move

Already = Callable[[Rollout], Written | None]
"""The entry that made it so, where it is so already."""


@dataclass(frozen=True)
class Move:
    """What is to happen to what is on its way."""

    action: Action
    details: Mapping[str, Any]
    already: Already

    @property
    def words(self) -> str:
        """What it does to a model, whose name follows."""
        match self.action:
            case Action.SAMPLE:
                return "change which pictures are kept by devices of"
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
    converged: Converged


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


def move(  # noqa: PLR0913 - what may be left out is given by name
    desk: Desk,
    repository: Repository,
    model: str,
    wanted: Move,
    *,
    reason: str = "",
    request: str | None = None,
    told: Told = lambda _: None,
    meter: Meter = SILENT,
) -> Moved:
    """Decide it, and let the channel follow."""
    rollout, _ = load_rollout(desk, model)
    there = asked_before(desk, model, wanted.action, request)
    if there:
        check_same(there, request, same=dict(there.entry.decision.details) == dict(wanted.details))
    there = there or wanted.already(rollout)
    if there:
        check_counts(there, rollout.why_void(there.entry.number))
    written = there or _decided(desk, rollout, wanted, reason, request)
    converged = converge(desk, repository, (model,), told=told, meter=meter)[0]
    return Moved(load_rollout(desk, model)[0], written, there is not None, converged)


def against(desk: Desk, rollout: Rollout, wanted: Move) -> Refused | None:
    """What speaks against it now."""
    actor = desk.signer.person.name if wanted.action is Action.AGREE else ""
    decision = _about(rollout).decided(wanted.action, actor=actor, nonce="-", details=wanted.details)
    found = against_move(rollout, decision, desk.now())
    return refused([found]) if found else None


def _decided(desk: Desk, rollout: Rollout, wanted: Move, reason: str, request: str | None) -> Written:
    about = About(rollout.model, "") if wanted.action is Action.SAMPLE else _about(rollout)
    if found := against(desk, rollout, wanted):
        desk.refuse(wanted.action.value, about, found)
    return decide(desk, wanted.action, about, reason=reason, request=request, details=wanted.details)[0]


def _about(rollout: Rollout) -> About:
    return about_release(rollout.target) if rollout.target else About(rollout.model, "")
