"""Setting, staging, finishing and undoing a site's configuration: each is one entry, which the channel then follows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slipway.platform.errors import SlipwayError, WrongUse
from slipway.platform.ledger.entry import EVERY_MODEL, Action, Decision, Written
from slipway.platform.registry.decisions import FINISH, About
from slipway.platform.registry.desk import Desk, Refused, fresh_nonce
from slipway.serving.channel.pointer import Wave
from slipway.serving.channel.site import SiteConfig
from slipway.serving.release.deciding import Outlook, against_person, asked_before, check_same, refused, telling
from slipway.serving.release.repository import Repository
from slipway.serving.release.rules import WAVE, Against
from slipway.serving.release.site_converging import SiteConverged, converge_sites
from slipway.serving.release.sites import CONFIG, NUMBER, SITE, UNDO, Site, against_configuring, load_sites


@dataclass(frozen=True)
class Change:
    """What is to happen to a site."""

    words: str
    details: Mapping[str, Any]

    def number(self, site: Site) -> int:
        """Of the configuration that it is about."""
        return site.next_number if CONFIG in self.details else site.newest.number if site.newest else 0

    def already(self, site: Site) -> Written | None:
        """The entry that made it so, where it is so already."""
        newest, last = site.newest, site.steps[-1].written if site.steps else None
        if newest is None or last is None:
            return None
        decision = last.entry.decision
        if self.details.get(UNDO) is True:
            return last if decision.details.get(UNDO) is True else None
        if CONFIG in self.details and self.details[CONFIG] != newest.config.model_dump(mode="json"):
            return None
        if WAVE in self.details:
            there = site.wave.model_copy(update={"seed": ""}) if site.target else None
            return last if there == Wave.model_validate(self.details[WAVE]) else None
        return last if site.target is None else None


@dataclass(frozen=True)
class Changed:
    """Where the site stands then."""

    site: Site
    written: Written
    before: bool
    """Whether it was so before."""
    converged: SiteConverged


def setting(config: SiteConfig, wave: Wave | None) -> Change:
    """The devices of the site follow this, or those of the wave do."""
    staged = {WAVE: wave.model_dump(mode="json", exclude={"seed"})} if wave else {}
    return Change("configure the site", {CONFIG: config.model_dump(mode="json"), **staged})


def widening(wave: Wave) -> Change:
    """More devices follow what is on its way."""
    return Change(
        "lead more devices to what is set for the site", {WAVE: wave.model_dump(mode="json", exclude={"seed"})}
    )


def settling() -> Change:
    """All devices follow what is on its way."""
    return Change("lead all devices to what is set for the site", {FINISH: True})


def returning() -> Change:
    """They follow what they followed before."""
    return Change("undo the configuration of the site", {UNDO: True})


def against(site: Site, wanted: Change) -> Refused | None:
    """What speaks against it now."""
    found = against_configuring(site, _decision(site, wanted, "-", "-", ""))
    return refused([found]) if found else None


def outlook(desk: Desk, name: str, wanted: Change, *, reason: str, request: str | None = None) -> Outlook:
    """What deciding it would come to; nothing is written."""
    site = load_sites(desk).get(name, Site(name))
    try:
        _check_reason(wanted, reason)
        if there := _before(desk, site, wanted, request):
            return Outlook(there)
    except SlipwayError as found:
        return Outlook(refused=found)
    decision = _decision(site, wanted, desk.signer.person.name, "-", reason)
    return Outlook(refused=against(site, wanted) or against_person(desk, decision))


def change(
    desk: Desk, repository: Repository, name: str, wanted: Change, *, reason: str, request: str | None = None
) -> Changed:
    """Decide it, and let the channel follow."""
    _check_reason(wanted, reason)
    site = load_sites(desk).get(name, Site(name))
    there = _before(desk, site, wanted, request)
    written = there or _decided(desk, site, wanted, reason, request or fresh_nonce())
    site = load_sites(desk).get(name, Site(name))
    why = site.why_void(written.entry.number)
    if why is not None:  # of two who did the same at once, the second finds it done
        there = wanted.already(site)
        if there is None:
            raise refused([Against(f"entry {written.entry.number} changes nothing, because {why}", "A new request.")])
        written = there
    with telling(written):
        shown = converge_sites(desk, repository, (name,))[0]
    return Changed(site, written, there is not None, shown)


def _check_reason(wanted: Change, reason: str) -> None:
    if not reason.strip() and (CONFIG in wanted.details or UNDO in wanted.details):
        raise WrongUse("To configure a site, or to undo that, takes a reason.", mend='--reason "…"')


def _before(desk: Desk, site: Site, wanted: Change, request: str | None) -> Written | None:
    """The entry that made it so, by the same request or any."""
    there = asked_before(desk, EVERY_MODEL, Action.CONFIGURE, request)
    if there:
        decision = there.entry.decision
        same = decision.subjects.get(SITE) == site.name and dict(decision.details) == dict(wanted.details)
        check_same(there, request, same=same)
    return there or wanted.already(site)


def _decided(desk: Desk, site: Site, wanted: Change, reason: str, request: str) -> Written:
    decision = _decision(site, wanted, desk.signer.person.name, request, reason)
    about = About(EVERY_MODEL, "", besides=decision.subjects)
    if found := against(site, wanted) or against_person(desk, decision):
        desk.refuse(Action.CONFIGURE.value, about, found)
    return desk.ledger.append(decision, desk.signer)


def _decision(site: Site, wanted: Change, actor: str, nonce: str, reason: str) -> Decision:
    return Decision(
        action=Action.CONFIGURE,
        model=EVERY_MODEL,
        subjects={SITE: site.name, NUMBER: str(wanted.number(site))},
        actor=actor,
        nonce=nonce,
        reason=reason,
        details=wanted.details,
    )
