"""The configuration of the device's site: read with each look at the channel, and kept for when there is none.

What was believed last stays where the channel is out of reach or says nothing of the site. Older ones are refused by
the channel's client.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from pydantic import ValidationError

from slipway.serving.bundle.errors import BadBundle
from slipway.serving.bundle.reading import read_plain
from slipway.serving.channel.site import LARGEST_SITE, Configured, SiteConfig, SitePointer
from slipway.serving.edge.agent.effects import Failed, LookAtChannel
from slipway.serving.edge.agent.ports import Clock
from slipway.serving.edge.configuration import Enrolment, Home
from slipway.serving.edge.fleet.windows import swap_in, zone_of
from slipway.serving.edge.following import Step
from slipway.serving.edge.streams.rules import Rules
from slipway.serving.errors import SlipwayError
from slipway.serving.runtime.live import LoadedModel

FILE: Final = "site.json"

log = logging.getLogger(__name__)


class Sites(Protocol):
    """The channel, as far as it speaks of sites."""

    def site(self, site: str, *, now: datetime) -> SitePointer | None:
        """What a site's devices should follow, as of the last look."""


@dataclass(frozen=True)
class InForce:
    """What a device follows now: both of one configuration."""

    config: SiteConfig | None = None
    rules: Rules = Rules()  # noqa: RUF009 - frozen


class SiteFollowing:
    """Of one device; the agent's thread looks, any other asks."""

    def __init__(self, home: Home, enrolment: Enrolment, channel: Sites, clock: Clock) -> None:
        self._home, self._enrolment, self._channel, self._clock = home, enrolment, channel, clock
        self._pointer = None if enrolment.site is None else kept(home, enrolment.site)
        self._in_force = self._followed()
        self.trouble = ""
        """Why the newest configuration is not followed."""
        self.unknown = ""
        """Thresholds of which nothing comes."""
        self.looks = True
        """Whether the channel is asked; not while another place is looked at."""

    def step(self, step: Step) -> None:
        """The agent looked at the channel: what does it say of the site?"""
        if self.looks and isinstance(step.effect, LookAtChannel) and not isinstance(step.outcome, Failed):
            self.look()

    def look(self) -> None:
        """Follow what the channel has; whatever goes wrong, what was there stays."""
        site = self._enrolment.site
        if site is None:
            return
        try:
            pointer = self._channel.site(site, now=self._clock.now())
            if pointer is not None and pointer != self._pointer:
                self._home.write(FILE, pointer.model_dump_json(indent=2).encode() + b"\n")
                self._pointer = pointer
                self._in_force = self._followed()
                self._tell()
        except (SlipwayError, OSError) as error:
            self._say(f"The configuration of the site {site} stays as it is: {error}")
        else:
            self.trouble = ""

    @property
    def in_force(self) -> InForce:
        """What this device follows."""
        return self._in_force

    @property
    def config(self) -> SiteConfig | None:
        """What this device follows; None where nothing is known."""
        return self._in_force.config

    def rules(self) -> Rules:
        """What decisions are taken by."""
        return self._in_force.rules

    def sequence(self) -> int:
        """Of what it follows; 0 without."""
        return 0 if self._pointer is None else self._pointer.sequence

    def may_swap(self, moment: datetime) -> float:
        """Seconds until models may be exchanged here."""
        config = self.config
        return 0.0 if config is None else swap_in(config, moment)

    def check(self, models: Iterable[LoadedModel]) -> None:
        """Look for thresholds that no model here has: nothing comes of them."""
        rules = self.rules()
        unknown = {one.model: rules.unknown(one) for one in models}
        found = "; ".join(f"{model} has no threshold {', '.join(names)}" for model, names in unknown.items() if names)
        if found and found != self.unknown:
            log.warning("The configuration %d of the site %s: %s.", rules.number, rules.site, found)
        self.unknown = found

    def _followed(self) -> InForce:
        wanted = followed(self._pointer, self._enrolment)
        if wanted is None or self._pointer is None:
            return InForce()
        config, site = wanted.config, self._pointer.site
        return InForce(config, Rules(site, wanted.number, wanted.digest, config.thresholds))

    def _tell(self) -> None:
        config, rules = self._in_force.config, self._in_force.rules
        told = f"this device follows the configuration {rules.number}" if rules.number else "nothing is configured"
        log.info("Of the site %s %s.", self._enrolment.site, told)
        if config is not None and zone_of(config) is None:
            log.warning("The zone %s is not known here; the site's windows are taken as UTC.", config.zone)

    def _say(self, text: str) -> None:
        if text != self.trouble:
            self.trouble = text
            log.warning("%s", text)


def followed(pointer: SitePointer | None, device: Enrolment) -> Configured | None:
    """What a pointer has for this device."""
    return None if pointer is None else pointer.wanted(device.id, frozenset(device.cohorts))


def configuration(home: Home, device: Enrolment) -> int | None:
    """Number of the configuration that is followed, by what is on the disk; whoever works here meanwhile."""
    found = None if device.site is None else followed(kept(home, device.site), device)
    return None if found is None else found.number


def kept(home: Home, site: str) -> SitePointer | None:
    """What was believed last; None where that is nothing, or another site's, or damaged."""
    path = home.folder / FILE
    if not path.exists():
        return None
    try:
        pointer = SitePointer.model_validate_json(read_plain(path, 2 * LARGEST_SITE))
    except (BadBundle, ValidationError, RecursionError) as error:
        log.warning("%s is damaged and is read anew from the channel (%s)", path, str(error).splitlines()[0])
        return None
    return pointer if pointer.site == site else None
