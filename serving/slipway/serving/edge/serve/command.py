"""`slipway-edge serve`: its options, and what serves."""

import argparse
import math
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from slipway.serving.edge.commands.options import add_home, home_of
from slipway.serving.errors import WrongUse

if TYPE_CHECKING:
    from slipway.serving.edge.serve.lines import Lines
    from slipway.serving.edge.serve.models import Models

LOOPBACK = ("127.", "::1", "localhost")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add("--model", action="append", metavar="[NAME=]FOLDER[:VARIANT]", help="serve the bundle in a folder; may repeat")
    add_home(parser)
    add("--host", default="127.0.0.1", metavar="ADDRESS", help="listen there; this machine alone, unless it is named")
    add("--port", type=whole(0, 65_535), default=8080, metavar="N", help="0 takes a free one and says which")
    add("--provider", choices=["cpu", "cuda", "tensorrt"], default="cpu", help="what runs fixed bundles")
    add("--threads", type=whole(1, 256), default=1, metavar="N", help="of each model")
    add("--batch", type=whole(1, 65_536), metavar="N", help="rows of several requests in one run; else as bundles say")
    add("--queue", type=whole(1, 65_536), default=64, metavar="N", help="requests that may wait for each model")
    add("--connections", type=whole(1, 65_536), default=256, metavar="N", help="callers at a time")
    add("--deadline", type=seconds, default=30.0, metavar="SECONDS", help="of a request that names none")
    add("--idle", type=seconds, default=75.0, metavar="SECONDS", help="for which a connection may wait for a request")
    add("--slow", type=seconds, default=10.0, metavar="SECONDS", help="for which a request may keep us waiting")
    add("--drain", type=seconds, default=30.0, metavar="SECONDS", help="for which the end waits for answers")
    add("--watch", type=seconds, nargs="?", const=2.0, metavar="SECONDS", help="look so often for changed folders")
    add("--access-log", action="store_true", help="a line for each request, on standard error")
    add("--json", action="store_true", help="lines are JSON")


def run(options: argparse.Namespace) -> int:
    """Serve until told to stop."""
    from slipway.serving.edge.serve.house import Limits
    from slipway.serving.edge.serve.lines import Lines
    from slipway.serving.edge.serve.listening import bound
    from slipway.serving.edge.serve.server import Options, Server

    lines = Lines(as_json=options.json)
    try:
        limits = Limits(connections=options.connections, idle_s=options.idle, request_s=options.slow)
        how = Options(
            limits=limits,
            deadline_s=options.deadline,
            drain_s=options.drain,
            access_log=options.access_log,
        )
        with bound(options.host, options.port) as sockets:
            models = _models(options, lines)
            if not options.host.startswith(LOOPBACK):
                lines.tell(f"{options.host} can be reached by others, without login and without TLS", "warning")
            try:
                code = Server(models, how, lines, sockets).run()
                if code:  # models still run for callers that were cut off, and nothing else can stop them
                    models.close(0.0)
                    lines.close()
                    os._exit(code)
            finally:
                models.close(options.drain)
    finally:
        lines.close()
    return code


def _models(options: argparse.Namespace, lines: "Lines") -> "Models":
    return _fixed(options, lines) if options.model else _followed(options, lines)


def _followed(options: argparse.Namespace, lines: "Lines") -> "Models":
    """What the channel says to this device, with its agent beside the server."""
    from slipway.serving.edge.followed import FollowedModels

    home = home_of(options)
    if home.find() is None:
        raise WrongUse(
            f"Nothing to serve: no bundle is named, and {home.folder} holds no device.",
            mend="Name a bundle's folder with --model FOLDER, or make this machine a device with `slipway-edge enrol`.",
        )
    models = FollowedModels(home, tell=lines.tell, depth=options.queue)
    models.begin()
    return models


def _fixed(options: argparse.Namespace, lines: "Lines") -> "Models":
    from slipway.serving.edge.serve.fixed import FixedModels
    from slipway.serving.edge.serve.loading import Way, place

    models = FixedModels(
        [place(text) for text in options.model],
        Way(options.provider, options.threads, options.batch),
        depth=options.queue,
        tell=lines.tell,
        watch_s=options.watch,
    )
    models.begin()
    return models


def whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number between both."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"expected a whole number from {least} to {most:,}, found {text!r}")
        return int(text)

    return read


def seconds(text: str) -> float:
    """A time."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0.05 <= found <= 86_400:  # noqa: PLR2004 - the message says so
        raise argparse.ArgumentTypeError(f"expected seconds from 0.05 to 86,400, found {text!r}")
    return found
