"""`slipway-edge run`."""

import argparse

from slipway.serving.edge.commands.options import add_home, home_of, now, tell_log
from slipway.serving.edge.streams import command as streams


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    add_home(parser)
    streams.arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Follow the channel until SIGTERM or Ctrl-C; 0 then."""
    streams.check(options)
    if options.bundle:
        return streams.run_bundles(options)

    from slipway.serving.edge.agent.clock import SystemClock
    from slipway.serving.edge.assembling import assembled
    from slipway.serving.edge.fleet.site_command import streams_beside
    from slipway.serving.edge.holding import held
    from slipway.serving.edge.showing import shown_by
    from slipway.serving.edge.stopping import CutOff, stopping

    log = tell_log()
    home, clock = home_of(options), SystemClock()
    enrolment = home.enrolment()
    if enrolment.site is None:
        streams.check_without_site(options)
    home.make()
    with held(home.folder, "run", now()), stopping(clock):
        log.info("The device %s follows %s at %s.", enrolment.id, ", ".join(enrolment.models), enrolment.channel)
        try:
            with (
                assembled(home, clock, show=shown_by(log.info)) as device,
                streams_beside(options, home, device),
            ):
                device.reporter.begin()
                device.following.follow()
        except CutOff:
            log.warning("A step took too long to wait for its end; the next start goes on from there.")
    log.info("Ended, as was asked for.")
    return 0
