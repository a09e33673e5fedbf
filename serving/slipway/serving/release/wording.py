"""How releases, waves and what happens to them are put into words."""

from typing import Final

from slipway.platform.ledger.describing import moment
from slipway.platform.ledger.entry import Action, Decision
from slipway.platform.registry.decisions import RELEASE
from slipway.serving.channel.pointer import Sampling, Wave
from slipway.serving.release.holding import ends, holder_in, until_in
from slipway.serving.release.plan import Plan
from slipway.serving.release.rollouts import Released, Rollout

PAUSED: Final = "paused"
RESUMED: Final = "goes on"
AGREED: Final = "its last step is approved"
FINISHED: Final = "finished: it is everybody's"
NO_WAY_BACK: Final = "quarantined, and there is no release to go back to"


def wave(given: Wave) -> str:
    """Which devices are meant."""
    share = f"{given.share:g} % of " if given.share < 100 else ""  # noqa: PLR2004 - per cent
    beside = f", beside what answers, on {given.frames * 100:g} % of frames" if given.kind == "shadow" else ""
    return f"to {share}{f'the cohort {given.cohort}' if given.cohort else 'all devices'}{beside}"


def plan_told(plan: Plan) -> str:
    """The waves of a plan, in a line."""
    told = ", then ".join(f"{one.name} {wave(one.wave)}" for one in plan.waves)
    return f"{told}; {plan.approvals} must approve the last step" if plan.approvals else told


def hold(decision: Decision) -> str:
    """A pin or a freeze."""
    if decision.action is Action.FREEZE:
        what = decision.model or "everything"
        return f"{what} is frozen no more" if ends(decision) else f"{what} is frozen until {until(decision)}"
    holder = " ".join(holder_in(decision))
    if ends(decision):
        return f"{holder} is pinned no more"
    return f"{holder} is pinned to release {decision.subjects[RELEASE]} until {until(decision)}"


def until(decision: Decision) -> str:
    """The moment that a pin or a freeze names."""
    return f"{moment(until_in(decision))} UTC"


def sampling(given: Sampling) -> str:
    """Which pictures devices keep."""
    kinds = [f"{given.share * 100:g} % of all"] if given.share else []
    if given.confidence_below is not None:
        kinds.append(f"those below {given.confidence_below:g} confidence")
    if given.novelty_above is not None:
        kinds.append(f"those above {given.novelty_above:g} in novelty")
    if not kinds or not given.per_day:
        return "devices keep no pictures"
    return f"devices keep {', '.join(kinds)}, at most {given.per_day:,} a day"


def begun(released: Released) -> str:
    """A rollout begins."""
    return f"version {released.version} {wave(released.wave)}"


def undone(back: Released) -> str:
    """A release was taken out of the field."""
    return f"undone: devices go back to release {back.number} (version {back.version})"


def named(released: Released) -> str:
    """A release, with the version that it is."""
    return f"release {released.number} (version {released.version})"


def standing(rollout: Rollout) -> str:
    """What devices should run, in a line."""
    base, target = rollout.base, rollout.target
    if target is None:
        return f"all devices are told to run {named(base)}" if base else "nothing was released"
    paused = ", paused" if rollout.paused else ""
    rest = f", the others {named(base)}" if base else ""
    return f"{named(target)} goes {wave(rollout.wave)}{rest}{paused}"
