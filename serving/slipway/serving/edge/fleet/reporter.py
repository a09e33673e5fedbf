"""Putting together what sends the reports of this device; nothing where it belongs to no fleet."""

import logging
from collections.abc import Callable, Mapping

from slipway.serving.edge.agent.ports import Clock, Meter
from slipway.serving.edge.agent.state import State
from slipway.serving.edge.configuration import Enrolment, Home
from slipway.serving.edge.fleet.book import Book
from slipway.serving.edge.fleet.calling import service_of
from slipway.serving.edge.fleet.joining import signer_of, signing_with
from slipway.serving.edge.fleet.sending import Sender
from slipway.serving.edge.fleet.telling import Standings
from slipway.serving.edge.following import Step
from slipway.serving.edge.telemetry.telling import DeviceTelemetry
from slipway.serving.errors import SlipwayError

log = logging.getLogger(__name__)


class Reporter:
    """Of one device; without a fleet, or without what it takes to speak to it, nothing happens here."""

    def __init__(self, standings: Standings | None = None, sender: Sender | None = None) -> None:
        self._standings, self._sender = standings, sender

    def step(self, step: Step) -> None:
        """The agent did something."""
        if self._standings is not None:
            self._standings.step(step)

    def begin(self) -> None:
        """Send reports until `end`."""
        if self._sender is not None:
            self._sender.begin()

    def end(self) -> None:
        """Send no more."""
        if self._sender is not None:
            self._sender.end()

    def once(self) -> None:
        """One report now."""
        if self._sender is not None:
            self._sender.send()


def reporter_of(
    home: Home,
    enrolment: Enrolment,
    telemetry: DeviceTelemetry,
    states: Mapping[str, State],
    *,
    clock: Clock,
    meter: Meter,
    draw: Callable[[], float],
    site: Callable[[], int],
) -> Reporter:
    """Of the device in this folder. What is wrong with its key or the address is told, and nothing else stops."""
    if enrolment.fleet is None:
        return Reporter()
    try:
        service = service_of(enrolment.fleet, enrolment.network)
        sign = signing_with(signer_of(home, make=False))
    except (SlipwayError, OSError) as error:
        log.warning("The fleet service is told nothing: %s", error)
        return Reporter()
    standings = Standings(enrolment, clock, states, telemetry, site=site)
    return Reporter(
        standings,
        Sender(
            service,
            Book(home),
            standings,
            telemetry.collector,
            device=enrolment.id,
            sign=sign,
            clock=clock,
            meter=meter,
            draw=draw,
        ),
    )
