"""`slipway-edge again`."""

import argparse

from slipway.serving.edge.commands.options import add_home, home_of


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("model", metavar="MODEL", help="the model")
    parser.add_argument("--release", type=int, metavar="N", help="this one alone (else all that failed here)")
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why; it stands in `slipway-edge why`")
    add_home(parser)


def run(options: argparse.Namespace) -> int:
    """Forget that a release failed here; what the channel wants is then tried once more."""
    from slipway.serving.edge.commands.asking import again

    return again(home_of(options), options.model, options.release, options.reason)
