"""`slipway-edge revert`."""

import argparse

from slipway.serving.edge.commands.options import add_home, home_of


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("model", metavar="MODEL", help="the model")
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why; it stands in `slipway-edge why`")
    add_home(parser)


def run(options: argparse.Namespace) -> int:
    """Go back to what answered before; the release that is left is not tried again here."""
    from slipway.serving.edge.commands.asking import revert

    return revert(home_of(options), options.model, options.reason)
