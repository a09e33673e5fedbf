"""`slipway-edge run`."""

import argparse
from pathlib import Path

from slipway.serving.edge.commands.options import add_home, home_of, now, tell_log
from slipway.serving.edge.streams import command as streams


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    add_home(parser)
    cameras = parser.add_argument_group("cameras")
    cameras.add_argument(
        "--camera",
        action="append",
        default=[],
        metavar="NAME=SRC",
        help="rtsp://…, v4l2:…, a file, a folder, world:…; may be repeated; with files alone it ends when all are read",
    )
    cameras.add_argument("--first", metavar="MODEL", help="the model that sees the pictures (else the first enrolled)")
    cameras.add_argument("--boxes", metavar="MODEL", help="the one that sees what it found (else the second enrolled)")
    cameras.add_argument("--events", type=Path, metavar="FILE", help="where events go (else standard output)")
    cameras.add_argument("--vectors", action="store_true", help="events hold the vectors; they follow vehicles")
    cameras.add_argument("--empty", action="store_true", help="pictures in which nothing was found are events as well")


def run(options: argparse.Namespace) -> int:
    """Follow the channel until SIGTERM or Ctrl-C; 0 then."""
    from slipway.serving.edge.agent.clock import SystemClock
    from slipway.serving.edge.assembling import assembled
    from slipway.serving.edge.holding import held
    from slipway.serving.edge.showing import shown_by
    from slipway.serving.edge.stopping import CutOff, stopping

    log = tell_log()
    home, clock = home_of(options), SystemClock()
    enrolment = home.enrolment()
    home.make()
    with held(home.folder, "run", now()), stopping(clock):
        log.info("The device %s follows %s at %s.", enrolment.id, ", ".join(enrolment.models), enrolment.channel)
        try:
            with assembled(home, clock, show=shown_by(log.info)) as device:
                if options.camera:
                    from slipway.serving.edge.watching import follow_with_cameras

                    follow_with_cameras(device, home, options)
                else:
                    with streams.streaming(options, device.lives, device=enrolment.id, folder=home.folder, stop=clock):
                    device.following.follow()
        except CutOff:
            log.warning("A step took too long to wait for its end; the next start goes on from there.")
    log.info("Ended, as was asked for.")
    return 0
