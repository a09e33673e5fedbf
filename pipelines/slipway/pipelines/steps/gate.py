"""The step `gate`: the verdict on a bundle against today's champion, made by `slipway gate` or found.

A failed verdict ends the flow and touches nothing: the champion stays. A bundle that is champion has passed its gates.
"""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from slipway.pipelines.steps.given import later, needed
from slipway.pipelines.steps.site import Site
from slipway.pipelines.steps.step import Ask, How, Tell, Told, Values
from slipway.pipelines.steps.work import cost_of, result_of, see_through

if TYPE_CHECKING:
    from slipway.platform.registry.standing import Given, ModelStanding
    from slipway.platform.registry.verdict import Verdict

NAME: Final = "gate"
BUNDLE: Final = "bundle"
SNAPSHOT: Final = "snapshot"
VERDICT: Final = "verdict"
UNDER_WAY: Final = "under_way"
NOBODY: Final = "none"
DIGITS: Final = 12
SHOWN: Final = 3


@dataclass(frozen=True)
class GateStep:
    """From a bundle to a verdict on it."""

    name: str = NAME

    def look(self, site: Site, ask: Ask, given: Values) -> Told:
        """Whether a verdict against today's champion stands."""
        if told := later(given, BUNDLE, NAME) or later(given, SNAPSHOT, NAME):
            return told
        standing = site.desk.standing(ask.model)
        if told := _champion(given, standing) or _remembered(site, ask, given, standing):
            return told
        there = next((one for one in reversed(_given(given, standing)) if one.champion == standing.champion), None)
        if there is None:
            return Told(step=NAME, how=How.TO_DO, line=f"Not judged yet against {_opponent(standing)}.")
        verdict = _load(site, there.key)
        if verdict is None or verdict.snapshot != given[SNAPSHOT]:
            return Told(step=NAME, how=How.TO_DO, line="Not judged yet on this snapshot.")
        return _told(verdict, standing, How.FOUND)

    def do(self, site: Site, ask: Ask, given: Values, tell: Tell) -> Told:
        """Have it judged."""
        from slipway.platform.registry.verdicts import load_verdict

        needed(given, BUNDLE, NAME), needed(given, SNAPSHOT, NAME)
        standing = site.desk.standing(ask.model)
        if told := _champion(given, standing) or _remembered(site, ask, given, standing):
            return told
        begun = time.monotonic()
        answer = self._answer(site, ask, given, tell)
        launched = [one["key"] for one in answer.get(UNDER_WAY, ()) if one["how"] == "started"]
        if UNDER_WAY in answer:
            if not ask.wait:
                return _under_way(answer[UNDER_WAY])
            for one in answer[UNDER_WAY]:
                result_of(see_through(site, one["key"], one["name"], tell), one["name"])
            answer = self._answer(site, ask, given, tell)
        verdict = load_verdict(site.store, site.desk.people, answer["key"])
        site.memo(ask.model).keep(NAME, ask, _named(given, standing), {VERDICT: verdict.key})
        how = How.FOUND if answer["stood"] else How.DONE
        cost, currency = cost_of(site, launched)
        return _told(verdict, standing, how, cost=cost, currency=currency, seconds=time.monotonic() - begun)

    def _answer(self, site: Site, ask: Ask, given: Values, tell: Tell) -> dict[str, Any]:
        """The verdict, or evaluations that it waits for."""
        asked = (given[BUNDLE], "--snapshot", given[SNAPSHOT], "--on", ask.target)
        answer = site.slipway("gate", *asked, "--no-wait", "--json", "--yes", tell=tell)
        told: dict[str, Any] = answer.data
        return told


def _named(given: Values, standing: "ModelStanding") -> Values:
    return {BUNDLE: given[BUNDLE], SNAPSHOT: given[SNAPSHOT], "champion": standing.champion or NOBODY}


def _given(given: Values, standing: "ModelStanding") -> "tuple[Given, ...]":
    """All verdicts on the bundle, as the ledger tells them."""
    return standing.verdicts.get(given[BUNDLE], ())


def _champion(given: Values, standing: "ModelStanding") -> Told | None:
    """One that is champion is judged against nobody: it passed when it became so."""
    if standing.champion != given[BUNDLE]:
        return None
    version = standing.versions[given[BUNDLE]]
    key = version.promotions[-1].entry.decision.subjects.get(VERDICT, "") if version.promotions else ""
    links = {"the version": f"slipway model show {standing.model}/{version.number}"}
    line = f"It is champion, version {version.number}: it passed before that."
    return Told(step=NAME, how=How.FOUND, line=line, values={VERDICT: key} if key else {}, links=links)


def _remembered(site: Site, ask: Ask, given: Values, standing: "ModelStanding") -> Told | None:
    """The verdict that was given before, if it still counts and the ledger tells of it."""
    from slipway.platform.registry.verdicts import stands_for

    values = site.memo(ask.model).recall(NAME, ask, _named(given, standing))
    key = (values or {}).get(VERDICT, "")
    if key not in {one.key for one in _given(given, standing)}:
        return None
    verdict = _load(site, key)
    if verdict is None or verdict.snapshot != given[SNAPSHOT]:
        return None
    fits = stands_for(verdict, bundle=given[BUNDLE], champion=standing.champion)
    return _told(verdict, standing, How.FOUND) if fits else None


def _load(site: Site, key: str) -> "Verdict | None":
    from slipway.platform.registry.verdicts import VerdictMissing, VerdictRefused, load_verdict

    try:
        return load_verdict(site.store, site.desk.people, key)
    except (VerdictMissing, VerdictRefused):
        return None


def _opponent(standing: "ModelStanding") -> str:
    return f"the champion {standing.champion[:DIGITS]}" if standing.champion else "no champion"


def _under_way(works: list[dict[str, str]]) -> Told:
    """One after the other: whoever waits for the first asks again then."""
    first = works[0]
    return Told(
        step=NAME,
        how=How.UNDER_WAY,
        line=f"{', '.join(one['name'] for one in works)} evaluate{'s' if len(works) == 1 else ''} it.",
        links={"the evaluation": f"slipway show {first['name']}"},
        work=first["key"],
    )


def _told(verdict: "Verdict", standing: "ModelStanding", how: How, **more: Any) -> Told:  # noqa: ANN401
    failures, checks = verdict.failures, len(verdict.checks)
    links = {"all checks": f"slipway gate {verdict.bundle[:DIGITS]} --snapshot {verdict.snapshot[:DIGITS]}"}
    values = {VERDICT: verdict.key}
    against = f"against {_opponent(standing)}"
    if not failures:
        line = f"Passed {against}: {checks} checks."
        return Told(step=NAME, how=how, line=line, values=values, links=links, **more)
    told = " ".join(f"{one.name}: {one.sentence}" for one in failures[:SHOWN])
    rest = f" And {len(failures) - SHOWN} more." if len(failures) > SHOWN else ""
    stays = f"version {standing.versions[standing.champion].number} stays champion" if standing.champion else ""
    return Told(
        step=NAME,
        how=How.REFUSED,
        line=f"FAILED {against}, {len(failures)} of {checks} checks: {told}{rest}",
        values=values,
        links=links,
        mend=f"Train a better one{f'; {stays}' if stays else ''}.",
        **more,
    )


STEP: Final = GateStep()
