"""The step `rollout`: today's champion is released by its plan, or is on its way already; and how that stands.

`slipway rollout start` releases it, once, whoever asks. From wave to wave it is led by the fleet's controller, or by a
person where there is no plan; whoever waits here only looks on. What was taken out of the field is never begun again:
it is champion no more, or the rules refuse it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from slipway.pipelines.steps.site import Site
from slipway.pipelines.steps.step import Ask, How, Tell, Told, Values
from slipway.pipelines.steps.work import LeftRunning

if TYPE_CHECKING:
    from slipway.platform.registry.standing import ModelStanding
    from slipway.serving.release.rollouts import Released, Rollout

NAME: Final = "rollout"
RELEASE: Final = "release"
PAUSE: Final = 2.0
"""Seconds between two looks at the ledger."""


@dataclass(frozen=True)
class RolloutStep:
    """From the champion to a release that all devices run."""

    name: str = NAME
    sleep: Callable[[float], object] = time.sleep

    def look(self, site: Site, ask: Ask, given: Values) -> Told:
        """Whether it was released, and how it stands."""
        del given  # the ledger says who is champion
        rollout, standing = _load(site, ask)
        if told := _without_champion(standing):
            return told
        released = _released(rollout, standing)
        if released is not None:
            return _told(rollout, released, How.FOUND)
        if told := _against(site, rollout, standing):
            return told
        return Told(
            step=NAME, how=How.TO_DO, line=f"{_champion(standing)} was not released yet.", links=_links(ask.model)
        )

    def do(self, site: Site, ask: Ask, given: Values, tell: Tell) -> Told:
        """Release it, or find it released; and look on until everybody may run it, where that is wanted."""
        del given
        rollout, standing = _load(site, ask)
        if told := _without_champion(standing):
            return told
        begun = time.monotonic()
        released, how = _released(rollout, standing), How.FOUND
        if released is None and (told := _against(site, rollout, standing)):
            return told
        if released is None or not released.finished:  # whoever began it may have been killed before devices were told
            answer = site.slipway("rollout", "start", ask.model, "--json", "--yes", tell=tell)
            if answer.code:
                raise answer.failed()
            rollout, _ = _load(site, ask)
            released = rollout.releases[answer.data["release"]["number"]]
            how = How.FOUND if answer.data["before"] else How.DONE
        if ask.wait and not released.finished:
            how = How.DONE
            rollout, released = self._follow(site, ask, released.number, tell)
        return _told(rollout, released, how, seconds=time.monotonic() - begun, wait=ask.wait)

    def _follow(self, site: Site, ask: Ask, number: int, tell: Tell) -> "tuple[Rollout, Released]":
        """Until it is everybody's, undone, paused, or a person's to lead."""
        from slipway.serving.release import wording

        before = ""
        try:
            while True:
                rollout, _ = _load(site, ask)
                released = rollout.releases[number]
                if _stands(rollout, released):
                    return rollout, released
                if (line := wording.standing(rollout)) != before:
                    tell(f"{line}; `slipway rollout watch {ask.model}` shows how it does")
                    before = line
                self.sleep(PAUSE)
        except KeyboardInterrupt:
            raise LeftRunning(f"release {number}", "") from None


def _load(site: Site, ask: Ask) -> "tuple[Rollout, ModelStanding]":
    from slipway.serving.release.folding import load_rollout

    return load_rollout(site.desk, ask.model)


def _released(rollout: "Rollout", standing: "ModelStanding") -> "Released | None":
    """The champion's release that devices should run, or are on their way to."""
    there = (one for one in (rollout.target, rollout.base) if one is not None and one.bundle == standing.champion)
    return next((one for one in there if not rollout.is_quarantined(one)), None)


def _stands(rollout: "Rollout", released: "Released") -> bool:
    """Whether looking on has an end here."""
    over = released.finished or released.undone or rollout.target_number != released.number
    return bool(over or rollout.paused or released.plan is None)


def _without_champion(standing: "ModelStanding") -> Told | None:
    if standing.champion is not None:
        return None
    line = f"{standing.model} has no champion: there is nothing to release."
    return Told(step=NAME, how=How.SKIPPED, line=line, links={"its versions": f"slipway model list {standing.model}"})


def _champion(standing: "ModelStanding") -> str:
    champion = standing.champion
    return f"{standing.model}/{standing.versions[champion].number}" if champion else standing.model


def _against(site: Site, rollout: "Rollout", standing: "ModelStanding") -> Told | None:
    """What the rules say against releasing it now; the ledger is not bothered with what is tried every night."""
    from slipway.platform.identity import IdentityError
    from slipway.serving.release.rules import against_bundle, against_frozen
    from slipway.serving.release.starting import check_may, pick_champion

    frozen = against_frozen(rollout, site.desk.now())
    against = [*([frozen] if frozen else []), *against_bundle(rollout, standing, standing.champion or "")]
    why, mend = "; ".join(one.why for one in against), "\n".join(one.mend for one in against)
    if not against:
        try:
            check_may(site.desk, pick_champion(site.desk, rollout.model))
        except IdentityError as refused:
            why, mend = str(refused).removesuffix("."), refused.mend or ""
    if not why:
        return None
    line = f"{_champion(standing)} is not released: {why}."
    return Told(step=NAME, how=How.REFUSED, line=line, links=_links(rollout.model), mend=mend)


def _told(rollout: "Rollout", released: "Released", how: How, *, seconds: float = 0.0, wait: bool = False) -> Told:
    from slipway.platform.ledger.describing import plain
    from slipway.serving.release import wording

    name, mend = f"{rollout.model}/{released.version}", ""
    if released.undone:
        how, line = How.REFUSED, f"Release {released.number} of {name} was undone by {released.undone.signer}"
        line += f": {plain(released.undone.entry.decision.reason)}" if released.undone.entry.decision.reason else ""
        mend = f"`slipway incident {rollout.model}` shows what changed."
    elif released.finished:
        line = f"{name} is everybody's, as release {released.number}"
    elif rollout.target_number != released.number:
        how, line = How.SKIPPED, f"Release {rollout.target_number} took the place of release {released.number}"
    else:
        line = f"{name}: {wording.standing(rollout)}"
        if rollout.paused:
            how = How.WAITING if wait else how
            line += f" by {rollout.paused.signer}: {plain(rollout.paused.entry.decision.reason)}"
            mend = f"`slipway rollout resume {rollout.model}` lets it go on, `undo` takes it back."
        elif released.plan is None:
            how = How.WAITING if wait else how
            mend = f"A person leads it: `slipway rollout advance {rollout.model} --finish` makes it everybody's."
    return Told(
        step=NAME,
        how=how,
        line=f"{line.removesuffix('.')}.",
        values={RELEASE: str(released.number)},
        links=_links(rollout.model),
        seconds=seconds,
        mend=mend,
    )


def _links(model: str) -> dict[str, str]:
    return {
        "how it stands": f"slipway rollout status {model}",
        "how its wave does": f"slipway rollout watch {model}",
    }


STEP: Final = RolloutStep()
