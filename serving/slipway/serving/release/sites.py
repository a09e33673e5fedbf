"""From the ledger's entries to what the devices of each site should follow: a pure fold.

A configuration has a number, 1, 2, 3… of its site. It is set for all devices of the site at once, or for a wave of them
first, then advanced and finished, or undone; an undo of what all follow leads back to what they followed before. An
entry that does not fit its place is void and changes nothing. Nothing here leads a device to another model.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter, ValidationError

from slipway.platform.ledger.entry import EVERY_MODEL, Action, Decision, Written
from slipway.platform.registry.decisions import FINISH
from slipway.platform.registry.standing import Folded, Void
from slipway.serving.bundle.canonical import canonical
from slipway.serving.channel.pointer import Name, Wave
from slipway.serving.channel.site import LARGEST_SITE, Configured, SiteConfig, SitePointer
from slipway.serving.release.rollouts import LEAP
from slipway.serving.release.rules import WAVE, Against, Unreadable, number_in, wave_in

if TYPE_CHECKING:
    from slipway.platform.registry.desk import Desk

SITE: Final = "site"
NUMBER: Final = "number"
"""Of the configuration that an entry is about."""
CONFIG: Final = "config"
UNDO: Final = "undo"
LARGEST_CONFIG: Final = LARGEST_SITE // 2 - 4096
"""A pointer has room for two of them."""
_NAME: Final[TypeAdapter[str]] = TypeAdapter(Name)


@dataclass(frozen=True)
class Configuration:
    """One that counts."""

    number: int
    config: SiteConfig
    written: Written

    @property
    def told(self) -> Configured:
        """As a pointer has it."""
        return Configured(number=self.number, config=self.config)


@dataclass(frozen=True)
class SiteStep:
    """An entry that changed what devices should follow."""

    written: Written
    number: int
    what: str


@dataclass(frozen=True)
class Site(Folded):
    """Where a site stands."""

    name: str
    known: Mapping[int, Configuration] = field(default_factory=dict)
    """By number, in their order."""
    bases: tuple[int, ...] = ()
    """What all devices follow, after what they followed before, and so on."""
    target_number: int | None = None
    wave: Wave = field(default_factory=Wave)
    steps: tuple[SiteStep, ...] = ()
    void: tuple[Void, ...] = ()
    reached: int = field(default=0, compare=False)
    """Number of the newest entry about this site."""

    @property
    def base(self) -> Configuration | None:
        """What every device of the site may follow."""
        return self.known[self.bases[-1]] if self.bases else None

    @property
    def target(self) -> Configuration | None:
        """What some of them follow already."""
        return None if self.target_number is None else self.known[self.target_number]

    @property
    def newest(self) -> Configuration | None:
        """What they should follow in the end."""
        return self.target or self.base

    @property
    def next_number(self) -> int:
        """Of the next configuration."""
        return max(self.known, default=0) + 1


def site_pointer(site: Site, *, sequence: int, signed_at: datetime) -> SitePointer:
    """What devices should be told."""
    base, target = site.base, site.target
    return SitePointer(
        site=site.name,
        sequence=sequence,
        signed_at=signed_at,
        base=base.told if base else None,
        target=target.told if target else None,
        wave=site.wave,
    )


def sites_of(entries: Iterable[Written]) -> dict[str, Site]:
    """Every site by name, after these entries, which are given in their order."""
    found: dict[str, Site] = {}
    for written in entries:
        decision = written.entry.decision
        if (decision.model, decision.action) != (EVERY_MODEL, Action.CONFIGURE):
            continue
        if name := _name_in(decision):
            site = replace(found.get(name, Site(name)), reached=written.entry.number)
            found[name] = _configured(site, written)
    return dict(sorted(found.items()))


def meant_for(
    entries: Iterable[Written], site: str, device: str, cohorts: frozenset[str], at: datetime
) -> Configuration | None:
    """The configuration that a device of a site should have followed at a moment, by the entries until then."""
    found = sites_of(one for one in entries if one.entry.at <= at).get(site)
    if found is None:
        return None
    wanted = site_pointer(found, sequence=1, signed_at=at).wanted(device, cohorts)
    return None if wanted is None else found.known[wanted.number]


def load_sites(desk: "Desk") -> dict[str, Site]:
    """Every site by the store's ledger."""
    return sites_of(desk.ledger.entries())


def config_in(decision: Decision) -> SiteConfig:
    """The configuration that an entry sets."""
    try:
        config = SiteConfig.model_validate(decision.details.get(CONFIG))
    except ValidationError as error:
        detail = error.errors()[0]
        where = ".".join(map(str, detail["loc"]))
        raise Unreadable(f"its configuration cannot be read ({where}: {detail['msg']})") from None
    size = len(canonical(config.model_dump(mode="json")))
    if size > LARGEST_CONFIG:
        raise Unreadable(f"its configuration has {size:,} bytes, and devices are told of at most {LARGEST_CONFIG:,}")
    return config


def against_configuring(site: Site, decision: Decision) -> Against | None:
    """What speaks against an entry about a site at this place."""
    try:
        if CONFIG in decision.details:
            return _against_set(site, decision)
        newest = site.newest
        look = f"`slipway site show {site.name}` shows what its devices follow."
        if newest is None or number_in(decision, NUMBER) != newest.number:
            told = f"configuration {newest.number} is the newest" if newest else "nothing is configured"
            return Against(f"{told} of {site.name} by then", look)
        if decision.details.get(UNDO) is True:
            if site.target is None and len(site.bases) == 1:
                return Against(f"nothing of {site.name} was configured before", "Set another one: `slipway site set`.")
            return None
        if site.target is None:
            return Against(f"nothing of {site.name} is on its way", look)
        if decision.details.get(FINISH) is not True:
            _wave_in(decision)
    except Unreadable as error:
        return Against(str(error), "`slipway site` writes such entries.")
    return None


def _against_set(site: Site, decision: Decision) -> Against | None:
    number = number_in(decision, NUMBER)
    again = f"Look at `slipway site show {site.name}`, and set it again if it is still wanted."
    if not number or number <= max(site.known, default=0):
        return Against(f"the number {number or 0} was taken by then", again)
    if number > site.next_number + LEAP:
        return Against(f"the number {number} is far above {site.next_number}, which was the next one", again)
    config_in(decision)
    if WAVE in decision.details:
        _wave_in(decision)
    return None


def _wave_in(decision: Decision) -> Wave:
    wave = wave_in(decision)
    if wave.kind != "serve":
        raise Unreadable("a configuration has no shadow")
    return wave


def _name_in(decision: Decision) -> str | None:
    try:
        return _NAME.validate_python(decision.subjects.get(SITE))
    except ValidationError:
        return None


def _configured(site: Site, written: Written) -> Site:
    decision = written.entry.decision
    if against := against_configuring(site, decision):
        return replace(site, void=(*site.void, Void(written, against.why)))
    number = number_in(decision, NUMBER) or 0
    if CONFIG in decision.details:
        known = {**site.known, number: Configuration(number, config_in(decision), written)}
        site = replace(site, known=known)
        return _staged(site, written, number) if WAVE in decision.details else _everybodys(site, written, number)
    if decision.details.get(UNDO) is True:
        bases = site.bases if site.target else site.bases[:-1]
        return _stepped(replace(site, bases=bases, target_number=None, wave=Wave()), written, number, "undone")
    if decision.details.get(FINISH) is True:
        return _everybodys(site, written, number)
    return _staged(site, written, number)


def _staged(site: Site, written: Written, number: int) -> Site:
    wave = _wave_in(written.entry.decision).model_copy(update={"seed": f"{site.name}-{number}"})
    return _stepped(replace(site, target_number=number, wave=wave), written, number, wave_told(wave))


def _everybodys(site: Site, written: Written, number: int) -> Site:
    there = replace(site, bases=(*site.bases, number), target_number=None, wave=Wave())
    return _stepped(there, written, number, wave_told(Wave()))


def _stepped(site: Site, written: Written, number: int, what: str) -> Site:
    return replace(site, steps=(*site.steps, SiteStep(written, number, what)))


def wave_told(wave: Wave) -> str:
    """Which devices of the site."""
    share = f"{wave.share:g} % of " if wave.share < 100 else ""  # noqa: PLR2004 - per cent
    return f"for {share}{f'the cohort {wave.cohort}' if wave.cohort else 'all its devices'}"
