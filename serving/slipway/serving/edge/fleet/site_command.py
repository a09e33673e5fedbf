"""The streams that `slipway-edge run` runs beside the agent: those of the command line, or those of the site."""

import argparse
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from slipway.serving.edge.assembling import Assembled
from slipway.serving.edge.configuration import Home
from slipway.serving.edge.fleet.site_streams import SiteStreams
from slipway.serving.edge.fleet.streams_page import Page, drop_page, write_page
from slipway.serving.edge.streams import command
from slipway.serving.edge.streams.running import Settings
from slipway.serving.edge.streams.told import Told

log = logging.getLogger(__name__)


@contextmanager
def streams_beside(options: argparse.Namespace, home: Home, device: Assembled) -> Iterator[None]:
    """Run them until the block ends. Cameras of the command line win; the site's thresholds count for them, too."""
    site = device.enrolment.site
    if site is None and not options.camera:
        yield
        return
    try:
        if options.camera:
            with _of_command_line(options, home, device):
                yield
        else:
            with _of_site(options, home, device):
                yield
    finally:
        drop_page(home)


@contextmanager
def _of_command_line(options: argparse.Namespace, home: Home, device: Assembled) -> Iterator[None]:
    if device.enrolment.site is not None:
        log.info(
            "Cameras are those of the command line; streams that the site %s configures do not run.",
            device.enrolment.site,
        )
        write_page(home, Page(by="command line"))
    with command.streaming(
        options,
        device.lives,
        device=device.enrolment.id,
        folder=home.folder,
        clock=device.clock,
        telemetry=device.telemetry,
        rules=device.site.rules,
    ):
        yield


@contextmanager
def _of_site(options: argparse.Namespace, home: Home, device: Assembled) -> Iterator[None]:
    settings = Settings(device.enrolment.id, vectors=options.vectors, empty=options.empty)
    with command.writing(options.events, options.decisions or home.folder / command.DECISIONS) as (out, decisions):
        told = Told(out, decisions, threading.Event(), device.telemetry)
        streams = SiteStreams(
            device.site, device.lives, told, device.telemetry, home=home, clock=device.clock, settings=settings
        )
        streams.begin()
        try:
            yield
        finally:
            streams.end()
