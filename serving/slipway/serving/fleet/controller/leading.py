"""Leading rollouts by their plans: looking, and doing what the judgement says.

Nothing is remembered between looks. Where a rollout stands is the ledger's to say, what devices did the fleet store's.
Each act is one entry of the ledger whose nonce follows from model, release, the entry that began the wave, and the act;
so whoever is killed anywhere, or runs beside another, writes it once, and the channel is made equal to the ledger at
each look. What a person paused is never resumed, and a wave that a person let go on is not paused a second time.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from slipway.platform.errors import SlipwayError as PlatformError
from slipway.platform.ledger.entry import Action, Written
from slipway.platform.registry.desk import Desk, Refused
from slipway.serving.errors import SlipwayError
from slipway.serving.fleet.controller.gathering import Asked, Gatherer
from slipway.serving.fleet.controller.judgement import Judgement, What
from slipway.serving.fleet.controller.judging import judge
from slipway.serving.release.converging import Converged, converge
from slipway.serving.release.folding import load_rollout, load_rollouts
from slipway.serving.release.moving import Move, advancing, against, finishing, move, pausing
from slipway.serving.release.plan import Plan, PlannedWave
from slipway.serving.release.repository import Repository
from slipway.serving.release.rollouts import Released, Rollout
from slipway.serving.release.undoing import undo

OpenRepository = Callable[[], Repository]
TROUBLE: Final = (PlatformError, SlipwayError, OSError)
"""What keeps one model from being led, and may be right again at the next look."""
LONGEST_REASON: Final = 480


@dataclass(frozen=True)
class Stage:
    """Where a rollout with a plan stands."""

    rollout: Rollout
    target: Released
    plan: Plan
    place: int
    """Of the wave in the plan, from 0."""
    began: Written
    """What began the wave."""

    @property
    def wave(self) -> PlannedWave:
        """The one that is judged."""
        return self.plan.waves[self.place]

    @property
    def next(self) -> Move:
        """What follows where all is well."""
        following = self.place + 1
        return advancing(self.plan.waves[following].wave) if following < len(self.plan.waves) else finishing()

    def nonce(self, what: What) -> str:
        """Of the entry that does it: whoever decides it, and however often, it is the same one.

        An entry that was void, as somebody was quicker, is not the last word: the next one has another number.
        """
        base = f"controller-{self.target.model}-{self.target.number}-{self.began.entry.number}-{what.value}"
        void = sum(one.written.entry.decision.nonce.startswith(f"{base}-") for one in self.rollout.void)
        return f"{base}-{void + 1}"


@dataclass(frozen=True)
class Led:
    """What a look at a model led to."""

    model: str
    stage: Stage | None = None
    judgement: Judgement | None = None
    done: str = ""
    """What was changed; empty where nothing was."""
    entry: int | None = None
    waits: str = ""
    """Why nothing can be done, or devices are not told yet."""

    def as_data(self) -> dict[str, Any]:
        """For scripts."""
        stage = self.stage
        return {
            "model": self.model,
            "release": stage.target.number if stage else None,
            "wave": stage.wave.name if stage else None,
            "judgement": self.judgement.as_data() if self.judgement else None,
            "done": self.done,
            "entry": self.entry,
            "waits": self.waits,
        }

    @property
    def line(self) -> str:
        """In one line."""
        where = f" release {self.stage.target.number}, wave {self.stage.wave.name}" if self.stage else ""
        said = f": {self.judgement.what.value}: {self.judgement.why}" if self.judgement else ""
        waits = f" {self.waits}" if self.waits else ""
        return f"{self.model}{where}{said or ':'}{waits}"


def stage_of(rollout: Rollout) -> Stage | str:
    """Where it stands in its plan; or why nobody leads it."""
    target = rollout.target
    if target is None:
        return "nothing is on its way"
    if target.plan is None:
        return f"release {target.number} has no plan: a person leads it"
    place = target.plan.position(rollout.wave)
    if place is None:
        return f"release {target.number} goes to a wave that is none of its plan: a person leads it"
    moves = (Action.RELEASE, Action.ADVANCE)
    began = [one.written for one in rollout.steps if one.release == target.number and _is(one.written, moves)]
    return Stage(rollout, target, target.plan, place, began[-1])


def judged(desk: Desk, gatherer: Gatherer, stage: Stage) -> Judgement:
    """What should happen to the wave now; what may not happen now is held."""
    now = desk.now()
    minutes = desk.loaded.settings.fleet.silent_minutes
    pins = tuple(one.pin for one in stage.rollout.pins_at(now))
    asked = Asked(stage.target, stage.rollout.wave, stage.began.entry.at, minutes, pins)
    found = judge(stage.plan, stage.wave, gatherer.gather(asked, now), now)
    if found.what is What.UNDO and stage.rollout.earlier(stage.target.number) is None:
        return replace(found, what=What.PAUSE, why=f"there is nothing to go back to, and {found.why}")
    if found.what is What.ADVANCE and (refused := against(desk, stage.rollout, stage.next)):
        return replace(found, what=What.HOLD, why=f"{found.why}; but {_small(str(refused))}")
    return found


def look(desk: Desk, gatherer: Gatherer, model: str) -> Led:
    """Judge, and change nothing."""
    rollout, _ = load_rollout(desk, model)
    stage = stage_of(rollout)
    if isinstance(stage, str):
        return Led(model, waits=stage)
    return Led(model, stage, judged(desk, gatherer, stage))


def control(desk: Desk, open_repository: OpenRepository, gatherer: Gatherer) -> Iterator[Led]:
    """Look at every model whose newest release has a plan, and do what is to be done."""
    for model in planned(desk):
        yield _tried(model, lambda model: lead(desk, open_repository, gatherer, model))


def looked(desk: Desk, gatherer: Gatherer) -> Iterator[Led]:
    """The same, and nothing is done."""
    for model in planned(desk):
        yield _tried(model, lambda model: look(desk, gatherer, model))


def _tried(model: str, work: Callable[[str], Led]) -> Led:
    """One that cannot be led keeps the others from nothing."""
    try:
        return work(model)
    except TROUBLE as error:
        return Led(model, waits=f"{error} {getattr(error, 'mend', None) or ''}".strip())


def planned(desk: Desk) -> Sequence[str]:
    """Models whose newest release has a plan."""
    return [model for model, (one, _) in load_rollouts(desk).items() if one.newest and one.newest.plan]


def lead(desk: Desk, open_repository: OpenRepository, gatherer: Gatherer, model: str) -> Led:
    """One look, and what follows from it."""
    shown = converge(desk, open_repository(), (model,))[0]
    found = look(desk, gatherer, model)
    if found.stage is None or found.judgement is None or found.judgement.what is What.HOLD:
        return _waiting(found, shown)
    return act(desk, open_repository, found.stage, found.judgement)


def act(desk: Desk, open_repository: OpenRepository, stage: Stage, judgement: Judgement) -> Led:
    """Write the entry, and let the channel follow."""
    model, what, nonce = stage.target.model, judgement.what, stage.nonce(judgement.what)
    reason = judgement.why[:LONGEST_REASON]
    found = Led(model, stage, judgement)
    if what is What.UNDO:
        undone = undo(desk, open_repository, model, reason=reason, release=stage.target.number, request=nonce)
        done = "" if undone.before else f"release {stage.target.number} is undone"
        return _waiting(replace(found, done=done, entry=undone.written.entry.number), undone.converged)
    if what is What.PAUSE and stage.rollout.paused:
        return found
    try:
        wanted = pausing() if what is What.PAUSE else stage.next
        moved = move(desk, open_repository(), model, wanted, reason=reason, request=nonce)
    except Refused as refused:  # somebody was quicker; the next look sees what became of it
        return replace(found, waits=str(refused))
    done = "" if moved.before else moved.rollout.steps[-1].what
    return _waiting(replace(found, done=done, entry=moved.written.entry.number), moved.converged)


def _waiting(found: Led, shown: Converged | None) -> Led:
    if shown is None or not shown.waits:
        return found
    return replace(found, waits=f"{found.waits} Devices are not told yet: {shown.waits}".strip())


def _is(written: Written, actions: Sequence[Action]) -> bool:
    return written.entry.decision.action in actions


def _small(text: str) -> str:
    return (text[:1].lower() + text[1:]).removesuffix(".")
