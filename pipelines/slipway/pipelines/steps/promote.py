"""The step `promote`: a version that passed against today's champion, and has its approvals, becomes champion.

What the rules do not allow is told as refused, and the ledger is not bothered with it: a flow that runs every night
would fill it with refusals.
"""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from slipway.pipelines.steps.given import later, needed, picked_version
from slipway.pipelines.steps.shown import see_shown
from slipway.pipelines.steps.site import Site
from slipway.pipelines.steps.step import Ask, How, Tell, Told, Values

if TYPE_CHECKING:
    from slipway.platform.registry.desk import Refused
    from slipway.platform.registry.finding import Picked

NAME: Final = "promote"
VERSION: Final = "version"


@dataclass(frozen=True)
class PromoteStep:
    """From a version to the champion."""

    name: str = NAME

    def look(self, site: Site, ask: Ask, given: Values) -> Told:
        """Whether it is, or what speaks against it."""
        if told := later(given, VERSION, NAME):
            return told
        picked = picked_version(site, ask, given)
        if told := _champion(picked):
            return told
        from slipway.platform.registry.promoting import look

        against = look(site.desk, picked)[1]
        line = f"Now this speaks against it: {against[0]}" if against else f"{picked.name} would become champion."
        return Told(step=NAME, how=How.TO_DO, line=line, links=_links(picked))

    def do(self, site: Site, ask: Ask, given: Values, tell: Tell) -> Told:
        """Make it champion, if the rules allow it."""
        needed(given, VERSION, NAME)
        begun = time.monotonic()
        picked = picked_version(site, ask, given)
        if told := _champion(picked):
            see_shown(site, picked.record, tell)
            return told
        from slipway.platform.registry.desk import Refused
        from slipway.platform.registry.promoting import outlook, promote

        try:
            _, against = outlook(site.desk, picked.name)
            if against is not None:
                return _refused(picked, against)
            tell(f"making {picked.name} champion")
            done = promote(site.desk, picked.name)
        except Refused as refused:  # somebody was quicker with another one
            return _refused(picked, refused)
        instead = f" instead of version {_number(picked, done.replaced)}" if done.replaced else ""
        entry = f", entry {done.written.entry.number}" if done.written else ""
        line = f"{picked.name} is champion{instead}{entry}."
        return Told(step=NAME, how=How.DONE, line=line, links=_links(picked), seconds=time.monotonic() - begun)


def _refused(picked: "Picked", refused: "Refused") -> Told:
    line = f"{picked.name} is not made champion: {' '.join(str(refused).splitlines())}"
    return Told(step=NAME, how=How.REFUSED, line=line, links=_links(picked), mend=refused.mend or "")


def _champion(picked: "Picked") -> Told | None:
    if picked.standing.champion != picked.record.bundle:
        return None
    change = picked.standing.history[-1]
    line = f"{picked.name} is champion since {change.at:%Y-%m-%d %H:%M}, by {change.who}."
    return Told(step=NAME, how=How.FOUND, line=line, links=_links(picked))


def _number(picked: "Picked", bundle: str) -> str:
    return picked.standing.versions[bundle].number


def _links(picked: "Picked") -> dict[str, str]:
    return {"who was champion when": f"slipway model history {picked.record.model}"}


STEP: Final = PromoteStep()
